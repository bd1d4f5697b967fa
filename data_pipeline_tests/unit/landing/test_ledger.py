"""The boundary ledger: boundaries never cross and never change, in whatever order and by however many writers they are found."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.common import layout
from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import LocalObjectStore, ObjectInfo, PreconditionFailedError, StoredObject
from data_pipeline.landing.boundaries import Boundary, Neighbours, boundary_bytes
from data_pipeline.landing.ledger import Ledger

T0 = datetime(2026, 3, 14, tzinfo=UTC)
TOPIC = "product-events.web"


class MemoryStore:
    """A store with exact conditional puts; `before` is called ahead of each operation: the chance to interleave or to kill."""

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.tags = itertools.count(1)
        self.before = lambda: None

    def url(self, key: str) -> str:
        return f"memory://{key}"

    def find(self, key: str) -> StoredObject | None:
        self.before()
        return self.objects.get(key)

    def create(self, key: str, data: bytes) -> str:
        self.before()
        if key in self.objects:
            raise PreconditionFailedError(key)
        return self._store(key, data)

    def replace(self, key: str, data: bytes, etag: str) -> str:
        self.before()
        if key not in self.objects or self.objects[key].etag != etag:
            raise PreconditionFailedError(key)
        return self._store(key, data)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self.before()
        return iter([ObjectInfo(key, len(found.data), found.etag) for key, found in sorted(self.objects.items()) if key.startswith(prefix)])

    def _store(self, key: str, data: bytes) -> str:
        tag = str(next(self.tags))
        self.objects[key] = StoredObject(data, tag)
        return tag


def _boundary(hour: int, offsets: dict[int, int]) -> Boundary:
    return Boundary(TOPIC, "id", T0 + timedelta(hours=hour), offsets, "timestamps", 100, T0)


def _freeze(store: object, hour: int, offsets: dict[int, int]) -> Boundary:
    return Ledger(store, TOPIC).freeze(T0 + timedelta(hours=hour), lambda neighbours: _boundary(hour, offsets))


def _stored(store: MemoryStore) -> list[Boundary]:
    store.before = lambda: None
    ledger = Ledger(store, TOPIC)
    return [boundary for instant in ledger.instants() if (boundary := ledger.get(instant)) is not None]


def _assert_monotone(boundaries: list[Boundary]) -> None:
    for earlier, later in itertools.pairwise(boundaries):
        for partition in {*earlier.offsets, *later.offsets}:
            assert earlier.offset(partition) <= later.offset(partition), (earlier, later)


FINDS = st.lists(st.tuples(st.integers(0, 12), st.dictionaries(st.integers(0, 2), st.integers(0, 50), min_size=1)), max_size=14)


@given(FINDS)
def test_boundaries_never_cross_in_any_order(finds: list[tuple[int, dict[int, int]]]) -> None:
    store = MemoryStore()
    first: dict[int, Boundary] = {}
    for hour, offsets in finds:
        boundary = _freeze(store, hour, offsets)
        assert first.setdefault(hour, boundary) == boundary, "a stored boundary changed"
    assert {boundary.instant: boundary for boundary in _stored(store)} == {boundary.instant: boundary for boundary in first.values()}
    _assert_monotone(_stored(store))


class _Killed(BaseException):
    """The process ends here."""


@settings(max_examples=200)
@given(FINDS, st.integers(0, 2**32), st.floats(0, 0.3))
def test_interleaved_and_killed_writers_agree(finds: list[tuple[int, dict[int, int]]], seed: int, kill_rate: float) -> None:
    """Writers start inside one another at any operation, nest, and die at any operation; those that return have seen the one decision."""
    chance = random.Random(seed)
    store = MemoryStore()
    waiting = list(finds)
    returned: list[Boundary] = []

    def interrupt() -> None:
        if waiting and chance.random() < 0.4:
            start(*waiting.pop())
        if chance.random() < kill_rate:
            raise _Killed

    def start(hour: int, offsets: dict[int, int]) -> None:
        try:
            returned.append(_freeze(store, hour, offsets))
        except _Killed:
            return

    store.before = interrupt
    while waiting:
        start(*waiting.pop())
    store.before = lambda: None
    for hour in range(13):
        _freeze(store, hour, {0: chance.randrange(60)})
    stored = {boundary.instant: boundary for boundary in _stored(store)}
    for boundary in returned:
        assert stored[boundary.instant] == boundary
    _assert_monotone(_stored(store))


def test_without_the_head_two_writers_would_cross(tmp_path: object) -> None:
    """The danger that the head is for: a later instant is frozen by another process while an earlier one is being found."""
    store = MemoryStore()

    def find(neighbours: Neighbours) -> Boundary:
        if Ledger(store, TOPIC).get(T0 + timedelta(hours=2)) is None:
            _freeze(store, 2, {0: 40})
        return _boundary(1, {0: 50})

    assert Ledger(store, TOPIC).freeze(T0 + timedelta(hours=1), find).offsets == {0: 40}
    _assert_monotone(_stored(store))


def test_a_pending_boundary_of_a_killed_writer_is_finished_by_the_next(tmp_path) -> None:
    store = LocalObjectStore(tmp_path)
    decided = _freeze(store, 5, {0: 7})
    store.delete(layout.ledger_key(TOPIC, decided.instant))  # as if the writer had died before this write
    assert _freeze(store, 5, {0: 9}) == decided
    assert Ledger(store, TOPIC).latest() == decided


def test_a_partition_that_a_neighbour_lacks_is_cut_at_zero() -> None:
    neighbours = Neighbours(_boundary(0, {0: 5}), _boundary(9, {0: 20, 1: 8}))
    assert neighbours.clip({0: 3, 1: 9}) == {0: 5, 1: 8}
    assert Neighbours(_boundary(0, {0: 5}), _boundary(9, {0: 20})).clip({0: 30, 1: 9}) == {0: 20, 1: 0}
    assert Neighbours(None, None).clip({0: 3}) == {0: 3}


def test_a_damaged_entry_is_an_error_that_names_it(tmp_path) -> None:
    store = LocalObjectStore(tmp_path)
    for text in (b"{}", b"no json", b"[]", boundary_bytes(_boundary(1, {0: 1}))[:-9]):
        store.put(layout.ledger_key(TOPIC, T0), text)
        with pytest.raises(PermanentError, match=r"2026-03-14T00\.json is not a boundary"):
            Ledger(store, TOPIC).get(T0)
