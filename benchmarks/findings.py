"""How many faults in windows are found and named, and how many clean windows raise an alarm.

    python -m benchmarks.findings [--source web] [--rows 3000] [--days 30] [--history 14] [--every 1] [--json]

Days come from the devstack's generator, faults from `devstack/faults`. Every day after the history is judged as it is;
the first of them is judged once more for each fault and share that hits at least eight of its rows.
"""

from __future__ import annotations

import argparse
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa

from data_pipeline.common.windows import hours_of_day
from data_pipeline.contracts.arrow import RAW_SCHEMA
from data_pipeline.contracts.contract import load_contract
from data_pipeline.devstack.faults import kit
from data_pipeline.devstack.faults.catalogue import faults
from data_pipeline.devstack.generator.generate import generate_hours
from data_pipeline.validation.history import Finding, Profile, ProfileBuilder, ProfileHistory, Severity, find_in_window
from data_pipeline.validation.history.judge_orders import judge_orders
from data_pipeline.validation.table import TableValidator

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
MIN_ROWS, MIN_HIT = 25, 8


def events_of(source: str, day: datetime, rows: int, seed: int) -> kit.Events:
    """Clean events of a day, as JSON values."""
    events = []
    for batch in generate_hours(source, hours_of_day(day.date()), rows, seed):
        for value, received_at in zip(batch.table["value"].to_pylist(), batch.table["received_at"].to_pylist(), strict=True):
            events.append({**json.loads(value), kit.RECEIVED: received_at})
    return events


def raw_of(events: kit.Events) -> pa.Table:
    """Events as records."""
    ordered = sorted(events, key=lambda event: event[kit.RECEIVED])
    values = [json.dumps({k: v for k, v in event.items() if k != kit.RECEIVED}, ensure_ascii=False).encode() for event in ordered]
    count = len(ordered)
    columns: list[Any] = [[0] * count, list(range(count)), [event[kit.RECEIVED] for event in ordered], [b""] * count, values, [[]] * count]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, RAW_SCHEMA, strict=True)], schema=RAW_SCHEMA)


def profile_of(validator: TableValidator, source: str, day: datetime, events: kit.Events) -> tuple[Profile, pl.DataFrame]:
    """The day's profile and orders, by way of the rules of rows."""
    validated = validator.validate(raw_of(events))
    builder = ProfileBuilder(source, f"{day:%Y-%m-%d}")
    builder.add(validated.staged, validated.by_rule, validated.quarantine.num_rows, validated.unknown_fields)
    return builder.finish()


def rows_hit(fault: kit.Fault, events: kit.Events, earlier: kit.Events) -> int:
    """Rows of the window that the fault could hit at all."""
    by_need = {
        "": lambda event: True,
        "days": lambda event: True,
        "sessions": lambda event: event["source"] != "server",
        "event_type": lambda event: True,
        "views": lambda event: event["event_type"] in ("page_view", "screen_view"),
        "both ids": lambda event: bool(event.get("user_id") and event.get("anonymous_id")),
        "steps": lambda event: event["event_type"] == "purchase" and event["source"] != "server",
    }
    if fault.needs == "earlier purchase":
        return sum(event["event_type"] == "purchase" for event in earlier)
    types = {event["event_type"] for event in events}
    is_hit = by_need.get(fault.needs) or (
        (lambda event: event["event_type"] == fault.needs)
        if fault.needs in types and "." not in fault.needs
        else (lambda event: bool(kit.values(event, fault.needs)))
    )
    return sum(map(is_hit, events))


def loud(findings: list[Finding]) -> list[Finding]:
    """Warnings and errors."""
    return [finding for finding in findings if finding.severity is not Severity.INFO]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="web")
    parser.add_argument("--rows", type=int, default=3000, help="rows a day")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--history", type=int, default=14, help="days that a day is compared with")
    parser.add_argument("--every", type=int, default=1, help="try every n-th fault only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    validator = TableValidator(load_contract("product_event"), given.source, use_fast_path=False)
    days = [FIRST + timedelta(days=n) for n in range(given.days)]
    made = [profile_of(validator, given.source, day, events_of(given.source, day, given.rows, given.seed)) for day in days]

    def history(n: int) -> ProfileHistory:
        return ProfileHistory(given.source, made[n][0].window, [profile for profile, _ in made[n - given.history : n]])

    alarms = {str(made[n][0].window): loud(find_in_window(made[n][0], history(n))) for n in range(given.history, given.days)}
    target = given.history
    earlier, clean = (events_of(given.source, days[n], given.rows, given.seed) for n in (target - 1, target))
    seen = pl.concat([orders for _, orders in made[:target]])
    cases = []
    for fault in faults()[:: given.every]:
        rows = rows_hit(fault, clean, earlier)
        for share in fault.shares:
            if rows < MIN_ROWS or rows * share < MIN_HIT:
                continue
            faulty = fault.apply(random.Random(fault.name), clean, earlier, share)
            if faulty == clean:
                continue
            profile, orders = profile_of(validator, given.source, days[target], faulty)
            found = loud([*find_in_window(profile, history(target)), *judge_orders(orders, seen)])
            is_named = not fault.fields or bool({finding.field for finding in found} & set(fault.fields))
            cases.append({"fault": fault.name, "share": share, "rows": rows, "found": bool(found), "named": bool(found) and is_named})
    false_alarms = {window: [finding.message for finding in found] for window, found in alarms.items() if found}
    report = {
        "source": given.source,
        "rows_a_day": given.rows,
        "clean_windows": len(alarms),
        "false_alarms": false_alarms,
        "cases": len(cases),
        "found": sum(case["found"] for case in cases),
        "named": sum(case["named"] for case in cases),
        "missed": [case for case in cases if not case["named"]],
    }
    print(json.dumps(report, indent=1, ensure_ascii=False) if given.json else "\n".join(f"{key}: {value}" for key, value in report.items()))


if __name__ == "__main__":
    main()
