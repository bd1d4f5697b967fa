"""Which hours are found for a day: by manifests, whenever they arrived, each read once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import LocalObjectStore, StoredObject
from data_pipeline.transforms.staged_hours import StagedHours
from data_pipeline_tests.staged_data import instant, publish_staged, staged_row

DAY = date(2026, 3, 14)


class CountingStore(LocalObjectStore):
    """Remembers what was asked for."""

    asked: list[str] = []  # noqa: RUF012

    def find(self, key: str) -> StoredObject | None:
        self.asked.append(key)
        return super().find(key)


def test_a_day_is_the_hours_that_hold_its_rows(tmp_path: Path) -> None:
    store = CountingStore(tmp_path)
    store.asked.clear()
    at = instant("2026-03-14T23:50")
    arrivals = {
        1: instant("2026-03-14T23:50"),
        2: instant("2026-03-15T00:10"),
        3: instant("2026-04-13T23:40"),
        4: instant("2026-03-13T23:59"),
    }
    rows = [staged_row("page_view", at, offset=offset, received_at=received_at) for offset, received_at in arrivals.items()]
    other_day = staged_row("page_view", instant("2026-03-15T08:00"), offset=5)
    publish_staged(store, [*rows, other_day], [DAY])
    store.asked.clear()

    staged = StagedHours(store, ["web"])
    assert [str(found.hour) for found in staged.holding([DAY])] == ["2026-03-13T23", "2026-03-14T23", "2026-03-15T00", "2026-04-13T23"]
    assert staged.row_count(DAY) == 4
    assert staged.is_whole(DAY)
    assert not staged.is_whole(DAY + timedelta(days=1))
    assert len(staged.inputs_of(DAY)) == 4
    assert len(store.asked) == len(set(store.asked)) == 4 * 24, "only days in which something arrived, and each manifest once"

    changed = StagedHours(store, ["web"])
    publish_staged(store, [staged_row("page_view", at, offset=6, received_at=arrivals[3])])
    assert changed.inputs_of(DAY) != staged.inputs_of(DAY)
    assert StagedHours(store, ["web"], now=instant("2026-03-15T02:00")).row_count(DAY) == 3


def test_manifest_without_event_days_is_an_error(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path)
    publish_staged(store, [staged_row("page_view", instant("2026-03-14T10:00"), offset=1)])
    key = next(info.key for info in store.list("staged/") if info.key.endswith(".json"))
    store.put(key, store.get(key).replace(b"event_days", b"other"))
    with pytest.raises(PermanentError, match="does not say how many rows it holds for each event day"):
        StagedHours(store, ["web"]).row_count(DAY)
