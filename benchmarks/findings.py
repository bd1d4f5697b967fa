"""How many faults in windows are found and named, and how many clean windows raise an alarm.

    python -m benchmarks.findings [--worlds web-days,ios-days,…] [--seed 1] [--every 1] [--json]

Sources and faults are drawn from the seed (`held_out_worlds.py`, `held_out_faults.py`); take one that nobody has tuned on. A world's
windows are judged one after the other as they come; then the last of them once more for each fault and share that hits
at least eight of its rows. A fault is named where a finding names one of its fields, or where rules of rows rejected its rows.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from benchmarks.held_out_faults import HeldOut, faults
from benchmarks.held_out_worlds import Law, World
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.contracts.arrow import RAW_SCHEMA
from data_pipeline.contracts.contract import load_contract
from data_pipeline.devstack.faults import kit
from data_pipeline.validation.history import (
    Finding,
    Profile,
    ProfileBuilder,
    Severity,
    find_in_window,
    judge_window,
    load_history,
    load_orders,
)
from data_pipeline.validation.history.cells import add
from data_pipeline.validation.history.judge_orders import count_unknown_refunds, judge_orders
from data_pipeline.validation.table import TableValidator

FIRST = datetime(2026, 3, 4, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MIN_HIT = 8
WORLDS: dict[str, tuple[tuple[str, int, bool, bool], list[datetime]]] = {
    "web-days": (("web", 2500, False, True), [FIRST + DAY * n for n in range(15)]),
    "web-month": (("web", 2500, False, False), [FIRST + DAY * n for n in range(29)]),
    "ios-days": (("ios", 1000, False, False), [FIRST + DAY * n for n in range(8)]),
    "server-days": (("server", 800, False, False), [FIRST + DAY * n for n in range(15)]),
    "web-hours": (("web", 800, True, False), [FIRST + HOUR * n for n in range(24 * 7 + 14)]),
    "android-hours": (("android", 1000, True, True), [FIRST + HOUR * n for n in range(82)]),
    "web-same-hour": (("web", 1500, True, False), [FIRST + DAY * n + HOUR * 9 for n in range(15)]),
    "web-large-days": (("web", 20_000, False, False), [FIRST + DAY * n for n in range(8)]),
    "ios-three-days": (("ios", 3000, False, True), [FIRST + DAY * n for n in range(4)]),
}
"""Source, rows, whether windows are hours, whether rows come in visits; and the windows, of which the last is hit."""


def raw_of(events: kit.Events) -> pa.Table:
    """Events as records, in order of arrival."""
    ordered = sorted(events, key=lambda event: event[kit.RECEIVED])
    values = [json.dumps({k: v for k, v in event.items() if k != kit.RECEIVED}, ensure_ascii=False).encode() for event in ordered]
    count = len(ordered)
    columns: list[Any] = [[0] * count, list(range(count)), [event[kit.RECEIVED] for event in ordered], [b""] * count, values, [[]] * count]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, RAW_SCHEMA, strict=True)], schema=RAW_SCHEMA)


def profile_of(validator: TableValidator, source: str, window: str, events: kit.Events) -> tuple[Profile, pl.DataFrame]:
    """The window's profile and orders, by way of the rules of rows."""
    builder = ProfileBuilder(source, window)
    if events:
        validated = validator.validate(raw_of(events))
        builder.add(validated.staged, validated.by_rule, validated.quarantine.num_rows, validated.unknown_fields)
    return builder.finish()


def loud(findings: list[Finding]) -> list[Finding]:
    """Warnings and errors."""
    return [finding for finding in findings if finding.severity is not Severity.INFO]


def measure(name: str, seed: int, every: int) -> tuple[int, dict[str, list[str]], list[dict[str, Any]]]:
    """Judged clean windows, their alarms, and the cases of one world."""
    (source, rows, is_hourly, has_visits), starts = WORLDS[name]
    validator = TableValidator(load_contract("product_event"), source, use_fast_path=True)
    world = World(Law(source, rows, is_hourly, has_visits, seed))
    judged, alarms, events, before = 0, {}, [], []
    with tempfile.TemporaryDirectory(prefix="data-pipeline-") as folder:
        store = LocalObjectStore(Path(folder))
        for start in starts:
            window = f"{start:%Y-%m-%dT%H}" if is_hourly else f"{start:%Y-%m-%d}"
            before, events = events, world.window(start)
            findings = judge_window(store, *profile_of(validator, source, window, events))
            judged += not any(finding.check == "history" for finding in findings)
            if loud(findings):
                alarms[f"{name} {window}"] = [finding.message for finding in loud(findings)]
        usual = {(finding.check, finding.field) for finding in loud(findings)}
        profile, _ = profile_of(validator, source, window, events)
        history, seen = load_history(store, source, profile.window), load_orders(store, source, profile.window)
        cases = []
        for fault, share, hits in list(_cases(seed, events))[::every]:
            faulty = fault.apply(random.Random(f"{fault.name} {share}"), events, before, share)
            profile, orders = profile_of(validator, source, window, faulty)
            profile = replace(profile, cells=add([profile.cells, count_unknown_refunds(orders, seen)]))
            found = [f for f in loud([*find_in_window(profile, history), *judge_orders(orders, seen)]) if (f.check, f.field) not in usual]
            fields = {finding.field for finding in found}
            is_named = bool(found) and (
                not fault.fields or bool(fields & set(fault.fields)) or any(f.check == "quarantine_rate" for f in found)
            )
            case = {"world": name, "family": fault.family, "fault": fault.name, "share": share, "rows": hits}
            cases.append({**case, "found": bool(found), "named": is_named})
    return judged, alarms, cases


def _cases(seed: int, events: kit.Events) -> Iterator[tuple[HeldOut, float, int]]:
    for fault in faults(seed, events):
        hits = sum(map(fault.hits, events))
        yield from ((fault, share, hits) for share in fault.shares if hits * share >= MIN_HIT)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="try every n-th fault only")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    judged, alarms, cases = 0, {}, []
    for name in given.worlds.split(","):
        more_judged, more_alarms, more_cases = measure(name, given.seed, given.every)
        judged, alarms, cases = judged + more_judged, {**alarms, **more_alarms}, cases + more_cases
    families = sorted({case["family"] for case in cases})
    table = {
        family: {key: sum(case[key] for case in cases if case["family"] == family) for key in ("named", "found")}
        | {"injected": sum(case["family"] == family for case in cases)}
        for family in families
    }
    missed = [case for case in cases if not case["named"]]
    if given.json:
        print(json.dumps({"seed": given.seed, "clean_windows": judged, "alarms": alarms, "families": table, "missed": missed}, indent=1))
        return
    print(f"{'family':24} named  found  injected")
    for family, row in table.items():
        print(f"{family:24} {row['named']:5}  {row['found']:5}  {row['injected']:8}")
    named, found = (sum(case[key] for case in cases) for key in ("named", "found"))
    print(f"{'all':24} {named:5}  {found:5}  {len(cases):8}   {named / max(len(cases), 1):.1%} named")
    print(f"clean windows judged: {judged}, with an alarm: {len(alarms)}")
    for window, messages in alarms.items():
        print(f"  {window}: {messages[0]}")


if __name__ == "__main__":
    main()
