"""Events before they are text: columns of numbers.

Belongs here: the columns, choosing and joining rows. Does not: making them (`sessions.py`) or their JSON (`render.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from data_pipeline.devstack.generator.hashing import I64

NOT_A_COPY = -1


@dataclass(frozen=True)
class Events:
    """Events of one source. All arrays have one entry an event; instants are milliseconds since 1970.

    Attributes:
        serials: what the event_id is made of; a re-send has that of its original.
        types: number into `catalogue.EVENT_TYPES`.
        occurred_at, sent_at, received_at: instants.
        visitors: number of the visitor, NO_ONE where anonymous_id is null.
        accounts: number of the account, NO_ONE where user_id is null.
        profiles: device, into the source's pool.
        payloads: piece of JSON, into the source's pool; -1 where it is a cart or an order.
        campaigns, durations: pieces of JSON, into the source's pools.
        order_refs: order or cart, -1 where there is none.
        order_sources: number of the source that knows the visitor and made the order, into `SOURCE_SHARES`.
        parts: number of the item added to the cart, or how much a refund gives back.
        original_received_at: of a re-send, when its original was received; NOT_A_COPY for the others.
        has_copy: whether the event is sent again.
    """

    serials: I64
    types: I64
    occurred_at: I64
    sent_at: I64
    received_at: I64
    visitors: I64
    accounts: I64
    profiles: I64
    payloads: I64
    campaigns: I64
    durations: I64
    order_refs: I64
    order_sources: I64
    parts: I64
    original_received_at: I64
    has_copy: I64

    def __len__(self) -> int:
        return len(self.serials)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Events:
        """These rows, by position, by mask or by range."""
        return Events(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def with_columns(self, **columns: npt.NDArray[np.int64]) -> Events:
        """The same events with some columns replaced."""
        return Events(**{**self.columns(), **columns})

    def columns(self) -> Mapping[str, I64]:
        """All columns by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def make_events(count: int, **columns: npt.ArrayLike) -> Events:
    """Events from the columns given, those left out at their neutral value."""
    neutral = {"original_received_at": NOT_A_COPY, "order_refs": -1, "payloads": -1}
    filled = {}
    for field in fields(Events):
        value = columns.get(field.name, neutral.get(field.name, 0))
        filled[field.name] = np.broadcast_to(np.asarray(value, dtype=np.int64), (count,))
    return Events(**filled)


def join_events(parts: Sequence[Events]) -> Events:
    """All rows of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return make_events(0)
    return Events(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Events)})
