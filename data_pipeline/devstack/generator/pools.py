"""Pieces of JSON that are rendered once and used in many events.

Belongs here: turning the catalogue into byte chunks, for each source. Does not: which event gets which chunk.
Pools do not depend on the seed: shares of countries, versions and devices are the same in every run.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from data_pipeline.devstack.generator import catalogue as shop
from data_pipeline.devstack.generator.hashing import F64, I64

PROFILE_COUNT = 4096
DURATION_COUNT = 2048
PAGE_COUNT = 1024
SEARCH_COUNT = 1024
CLICK_COUNT = 512
_POOL_SEED = 20260314


@dataclass(frozen=True)
class Pools:
    """What the events of one source are put together from.

    Attributes:
        contexts: `,"context":{…}` of each of PROFILE_COUNT devices.
        currencies: number of the device's currency.
        payloads: pieces after the context; those of one event type stand together.
        payload_starts: for each event type, where its payloads start in `payloads`.
        payload_counts: for each event type, how many there are (0 where the payload is rendered).
        campaigns: `,"campaign":{…}`; the first is empty, the second is null.
        durations: `,"duration_ms":n`; the first is empty, the second is null.
    """

    contexts: pa.BinaryArray
    currencies: I64
    payloads: pa.BinaryArray
    payload_starts: I64
    payload_counts: I64
    campaigns: pa.BinaryArray
    durations: pa.BinaryArray


def encode(value: object) -> bytes:
    """Compact JSON as clients write it: UTF-8, nothing escaped that need not be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@functools.cache
def pools_of(source: str) -> Pools:
    """The pools of a source, made at first use."""
    rng = np.random.Generator(np.random.PCG64(_POOL_SEED))
    contexts, currencies = _contexts(source, rng)
    groups: list[list[bytes]] = [[b""]] * len(shop.EVENT_TYPES)
    groups[shop.PAGE_VIEW] = [b',"page":' + encode(_page(rng)) for _ in range(PAGE_COUNT)]
    groups[shop.SCREEN_VIEW] = [b',"screen":' + encode({"name": name}) for name in shop.SCREENS]
    groups[shop.SEARCH] = [b',"search":' + encode(_search(rng)) for _ in range(SEARCH_COUNT)]
    groups[shop.CLICK] = [_click(source, rng) for _ in range(CLICK_COUNT)]
    counts = np.array([len(group) for group in groups], dtype=np.int64)
    return Pools(
        contexts=pa.array(contexts, pa.binary()),
        currencies=currencies,
        payloads=pa.array([chunk for group in groups for chunk in group], pa.binary()),
        payload_starts=np.concatenate(([0], np.cumsum(counts)[:-1])),
        payload_counts=counts,
        campaigns=pa.array([b"", b',"campaign":null', *(b',"campaign":' + encode(_campaign(c)) for c in shop.CAMPAIGNS)], pa.binary()),
        durations=pa.array([b"", b',"duration_ms":null', *_durations()], pa.binary()),
    )


def spread(weights: list[int], count: int, rng: np.random.Generator) -> I64:
    """`count` numbers of choices, each as often as its weight says, in random order."""
    share = np.asarray(weights, dtype=np.float64).cumsum() / sum(weights)
    numbers = np.searchsorted(share, (np.arange(count) + 0.5) / count, side="right").astype(np.int64)
    return rng.permutation(numbers)


def _contexts(source: str, rng: np.random.Generator) -> tuple[list[bytes], I64]:
    countries = spread([weight for *_, weight in shop.COUNTRIES], PROFILE_COUNT, rng)
    agents = spread([weight for *_, weight in shop.WEB_AGENTS], PROFILE_COUNT, rng)
    versions = shop.APP_VERSIONS.get(source, ((None, 1),))
    version_numbers = spread([weight for _, weight in versions], PROFILE_COUNT, rng)
    devices = spread([weight for _, weight in shop.MOBILE_DEVICES], PROFILE_COUNT, rng)
    addresses = spread([78, 12, 6, 4], PROFILE_COUNT, rng)
    contexts = []
    for number in range(PROFILE_COUNT):
        country, locale, _, _ = shop.COUNTRIES[countries[number]]
        context: dict[str, object] = {"locale": locale, "country": country}
        if source == "server":
            context.update(app_version=None, locale=None, os=None, device_type=None)
        elif source == "web":
            os, device, agent, _ = shop.WEB_AGENTS[agents[number]]
            context.update(os=os, device_type=device, user_agent=agent, ip=_address(int(addresses[number]), number))
        else:
            context.update(
                app_version=versions[version_numbers[number]][0],
                os=source,
                device_type=shop.MOBILE_DEVICES[devices[number]][0],
                user_agent=None,
            )
            if addresses[number] != 3:
                context["ip"] = _address(int(addresses[number]), number)
        contexts.append(b',"context":' + encode(context))
    currencies = np.array([shop.currency_number(shop.COUNTRIES[c][2]) for c in countries], dtype=np.int64)
    return contexts, currencies


def _address(kind: int, number: int) -> str | None:
    if kind == 0:
        return f"{(100, 198, 203)[number % 3]}.{number % 199 + 1}.{number // 16 % 256}.0"
    return f"2001:db8:{number % 4095 + 1:x}::" if kind == 1 else None


def _page(rng: np.random.Generator) -> dict[str, object]:
    section = int(rng.integers(len(shop.SECTIONS)))
    path = f"/p/{shop.PRODUCTS[int(rng.integers(len(shop.PRODUCTS)))][0]}" if rng.random() < 0.6 else f"/{shop.SECTIONS[section]}"
    if rng.random() < 0.3:
        path += f"?sort={('price', 'new', 'rating')[int(rng.integers(3))]}&page={int(rng.integers(1, 9))}"
    page: dict[str, object] = {"url": f"https://shop.example{path}", "title": shop.TITLES[section]}
    if rng.random() < 0.85:
        page["referrer"] = shop.REFERRERS[int(rng.integers(len(shop.REFERRERS)))]
    return page


def _search(rng: np.random.Generator) -> dict[str, object]:
    if rng.random() < 0.09:
        return {"query": shop.FRUITLESS_QUERIES[int(rng.integers(len(shop.FRUITLESS_QUERIES)))], "result_count": 0}
    return {"query": shop.QUERIES[int(rng.integers(len(shop.QUERIES)))], "result_count": int(rng.geometric(0.02))}


def _click(source: str, rng: np.random.Generator) -> bytes:
    chunk = b',"click":' + encode({"element_id": shop.ELEMENTS[int(rng.integers(len(shop.ELEMENTS)))]})
    return chunk + b',"page":' + encode({"url": _page(rng)["url"]}) if source == "web" else chunk


def _campaign(campaign: tuple[str, str | None, str | None]) -> dict[str, object]:
    source, medium, name = campaign
    return {"source": source, "medium": medium, "name": name}


def _durations() -> list[bytes]:
    # A log-normal's quantiles, so that the spread does not depend on luck: median 9 s, 99 % below 6 min.
    quantiles = (np.arange(DURATION_COUNT) + 0.5) / DURATION_COUNT
    normal = np.sqrt(2.0) * _inverse_error_function(2 * quantiles - 1)
    values = np.clip(np.exp(np.log(9000) + 1.6 * normal), 120, 1_800_000).astype(np.int64)
    return [b',"duration_ms":%d' % value for value in values]


def _inverse_error_function(x: F64) -> F64:
    # Winitzki's approximation; 0.2 % off at most, plenty for made-up durations.
    log = np.log1p(-x * x)
    a = 0.147
    first = 2 / (np.pi * a) + log / 2
    return np.asarray(np.sign(x) * np.sqrt(np.sqrt(first * first - log / a) - first))
