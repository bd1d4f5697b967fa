"""Where profiles, orders and acceptances lie, and how a window's history is read.

Belongs here: keys and reading. Works on S3 and on a directory alike. Does not: judging.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta

import polars as pl

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.validation.history.finding import Finding
from data_pipeline.validation.history.history import Acceptance, ProfileHistory
from data_pipeline.validation.history.orders import ORDER_SCHEMA
from data_pipeline.validation.history.profile import Profile, Window, stored_findings
from data_pipeline.validation.history.thresholds import MAX_DAYS, MIN_WINDOWS

_READERS = 16
_NEAR_HOURS = 48
"""Hours just before an hour that are read beside the same hours of earlier days."""


def profile_key(source: str, window: Window) -> str:
    """`profiles/date=2026-03-14/hour=09/source=web/profile.parquet`, without the hour for a day."""
    return f"profiles/{window.path}/source={source}/profile.parquet"


def acceptance_key(source: str, window: Window) -> str:
    """Beside the profile."""
    return f"profiles/{window.path}/source={source}/accepted.json"


def orders_key(source: str, window: Window) -> str:
    """`orders/date=2026-03-14/hour=09/source=web/orders.parquet`, without the hour for a day."""
    return f"orders/{window.path}/source={source}/orders.parquet"


def save_profile(store: ObjectStore, profile: Profile) -> None:
    """Keep the profile, in place of an earlier one of the same window."""
    store.put(profile_key(profile.source, profile.window), profile.to_parquet())


def load_history(store: ObjectStore, source: str, window: Window) -> ProfileHistory:
    """Profiles of comparable windows of the source before this one; of later ones where there are too few.

    Raises:
        PermanentError: a stored object is no profile.
    """
    found = _read_profiles(store, source, _comparable(window, -1))
    if len(found) < MIN_WINDOWS:
        found += _read_profiles(store, source, _comparable(window, 1))
    found.sort(key=lambda profile: profile.window)
    windows = [profile.window for profile in found] + [window]
    with ThreadPoolExecutor(_READERS) as pool:
        accepted = dict(zip(windows, pool.map(lambda each: read_acceptances(store, source, each), windows), strict=True))
    return ProfileHistory(source, window, found, {each: given for each, given in accepted.items() if given})


def _comparable(window: Window, direction: int) -> list[Window]:
    """Days for a day; for an hour the same hour of other days and the hours next to it."""
    days = [Window(window.start + direction * timedelta(days=n), window.is_day) for n in range(1, MAX_DAYS + 1)]
    if window.is_day:
        return days
    hours = [Window(window.start + direction * timedelta(hours=n), False) for n in range(1, _NEAR_HOURS + 1)]
    return sorted({*days, *hours})


def _read_profiles(store: ObjectStore, source: str, windows: Iterable[Window]) -> list[Profile]:
    def read(window: Window) -> Profile | None:
        key = profile_key(source, window)
        found = store.find(key)
        return None if found is None else Profile.from_parquet(found.data, store.url(key))

    with ThreadPoolExecutor(_READERS) as pool:
        return [profile for profile in pool.map(read, windows) if profile is not None]


def read_profile(store: ObjectStore, source: str, window: Window) -> Profile | None:
    """The stored profile of a window, with its findings; None where there is none."""
    found = _read_profiles(store, source, [window])
    return found[0] if found else None


def read_findings(store: ObjectStore, source: str, window: Window) -> tuple[Finding, ...]:
    """The findings of a window's stored profile, without reading its cells; none where it was never judged."""
    key = profile_key(source, window)
    found = store.find(key)
    return stored_findings(found.data, store.url(key)) if found is not None else ()


def read_acceptances(store: ObjectStore, source: str, window: Window) -> list[Acceptance]:
    """What was accepted of a window."""
    found = store.find(acceptance_key(source, window))
    return [] if found is None else [Acceptance(**given) for given in json.loads(found.data)["accepted"]]


def add_acceptance(store: ObjectStore, source: str, window: Window, given: Acceptance) -> list[Acceptance]:
    """Record an acceptance beside those there are; returns all."""
    accepted = [*read_acceptances(store, source, window), given]
    document = {"source": source, "window": str(window), "accepted": [asdict(each) for each in accepted]}
    store.put(acceptance_key(source, window), json.dumps(document, indent=1).encode() + b"\n")
    return accepted


def save_orders(store: ObjectStore, source: str, window: Window, orders: pl.DataFrame) -> None:
    """Keep the orders of a window, in place of those that it had before."""
    key = orders_key(source, window)
    if not orders.height:
        store.delete(key)
        return
    buffer = io.BytesIO()
    orders.write_parquet(buffer)
    store.put(key, buffer.getvalue())


def add_orders(store: ObjectStore, source: str, window: Window, orders: pl.DataFrame) -> None:
    """Keep orders of a window beside those that it has; adding them again changes nothing."""
    found = store.find(orders_key(source, window))
    kept = [_read_orders(found.data, store.url(orders_key(source, window)))] if found else []
    save_orders(store, source, window, pl.concat([*kept, orders]).unique("event_id", keep="first", maintain_order=True))


def load_orders(store: ObjectStore, source: str, window: Window) -> pl.DataFrame:
    """Orders of all windows and sources but this one, columns ORDER_SCHEMA.

    Raises:
        PermanentError: a stored object holds no orders.
    """
    own = orders_key(source, window)
    keys = [info.key for info in store.list("orders/") if info.key != own and info.key.endswith("orders.parquet")]

    with ThreadPoolExecutor(_READERS) as pool:
        found = pool.map(lambda key: _read_orders(store.get(key), store.url(key)), keys)
        return pl.concat([pl.DataFrame(schema=ORDER_SCHEMA), *found])


def _read_orders(data: bytes, where: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(data)).select(list(ORDER_SCHEMA))
    except pl.exceptions.PolarsError as error:
        raise PermanentError(f"{where} holds no orders ({error}); delete it and check its window again.") from error
