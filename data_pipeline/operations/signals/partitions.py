"""Signals of partitions: the ledger's seams, deadlines of hours and days, conservation, freshness of marts.

Belongs here: what manifests and the event log tell of partitions. Does not: Kafka, runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from data_pipeline.common.windows import midnight
from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.manifests import HourManifests
from data_pipeline.operations.signals.facts import PLATFORM_OWNER, Facts, Limits
from data_pipeline.operations.signals.runs import rerun_command

PUBLISHED_LAST = ("marts", "dashboards")
"""Layers that people read: a day is done when they are."""


def ledger_broken(facts: Facts, limits: Limits) -> list[Alert]:
    """Two published hours that follow one another do not share their boundary: a gap loses offsets, an overlap doubles them."""
    raw = {(item.source, item.hour): item for item in facts.hours if item.raw is not None}
    alerts = []
    for (source, hour), item in sorted(raw.items(), key=lambda pair: (pair[0][0], pair[0][1])):
        following = raw.get((source, hour.next))
        if following is None:
            continue
        starts = {part["partition"]: int(part["start"]) for part in _ranges(following)}
        for part in _ranges(item):
            end, start = int(part["end"]), starts.get(part["partition"])
            if start is None or start == end:
                continue
            what = "gap" if start > end else "overlap"
            alerts.append(
                _of_hour(
                    facts,
                    following,
                    "ledger_broken",
                    "raw",
                    f"{what} of {abs(start - end):,} offsets between {hour} (ends at {end:,}) and {hour.next} (starts at {start:,}) "
                    f"of Kafka partition {part['partition']}",
                    "0 offsets",
                    hour.end,
                    "The ledger or a manifest was changed by hand or restored from different versions.",
                    f"data-pipeline prove --source {source} --window {hour}",
                    float(start - end),
                )
            )
    return alerts


def conservation_broken(facts: Facts, limits: Limits) -> list[Alert]:
    """An equation of a published partition does not hold."""
    alerts = []
    for item in facts.hours:
        # One alert a stage, so that the same trouble keeps its name while other equations break beside it.
        for stage in ("raw", "staged"):
            broken = [(sentence, off) for of, sentence, off in _hour_equations(item) if of == stage and off]
            if broken:
                alerts.append(
                    _of_hour(
                        facts,
                        item,
                        "conservation_broken",
                        stage,
                        "; ".join(f"{sentence}: {off:+,} rows" for sentence, off in broken),
                        "0 rows",
                        item.hour.end,
                        "An object or a manifest was changed after it was published, or raw was landed again and not validated.",
                        f"data-pipeline prove --source {item.source} --window {item.hour}",
                        float(broken[0][1]),
                    )
                )
    for (table, day), manifest in sorted(facts.lake.items()):
        counts = manifest.counts
        difference = counts.get("rows_out", manifest.row_count) - manifest.row_count
        sentence = "rows counted = rows of the objects"
        if table == "events" and "rows_in" in counts:
            difference = counts["rows_in"] - counts["rows_out"] - counts["duplicates"] - counts["conflicts"]
            sentence = "events + duplicates + conflicts = staged"
        if difference:
            alerts.append(
                _of_day(
                    "conservation_broken",
                    f"lake/{table}",
                    day,
                    f"{sentence}: {difference:+,} rows",
                    "0 rows",
                    midnight(day),
                    "The day was built from other staged hours than are published now.",
                    float(difference),
                )
            )
    return alerts


def hour_late(facts: Facts, limits: Limits) -> list[Alert]:
    """An hour that ended is not landed or not validated past its deadline."""
    newest = {
        source: max((item.hour for item in facts.hours if item.source == source and item.raw is not None), default=None)
        for source in facts.sources
    }
    waiting = _oldest_waiting(facts)
    alerts = []
    for item in facts.hours:
        source = facts.sources.get(item.source)
        if source is None or source.first_hour is None or item.hour.start < source.first_hour:
            continue
        last = newest[item.source]
        is_expected = (
            source.is_scheduled
            or (last is not None and item.hour < last)
            or (item.source in waiting and item.hour.end > waiting[item.source])
        )
        if item.raw is None and is_expected and facts.now > item.hour.end + limits.raw_deadline:
            stage, deadline = "raw", limits.raw_deadline
        elif item.raw is not None and item.staged is None and facts.now > item.hour.end + limits.staged_deadline:
            stage, deadline = "staged", limits.staged_deadline
        else:
            continue
        alerts.append(
            _of_hour(
                facts,
                item,
                "hour_late",
                stage,
                f"not published {_minutes(facts.now - item.hour.end)} after the hour's end",
                f"{_minutes(deadline)} after its end",
                item.hour.end + deadline,
                "Its run failed, waits in the queue, or its schedule does not run.",
                rerun_command(f"land_and_validate_{source.dataset}", item.name),
                (facts.now - item.hour.end).total_seconds(),
            )
        )
    return alerts


def day_late(facts: Facts, limits: Limits) -> list[Alert]:
    """A day is not published on its dashboards two hours after it ended."""
    alerts = []
    for day in _days_with_rows(facts):
        deadline = midnight(day + timedelta(days=1)) + limits.day_deadline
        missing = _not_materialized(facts, day)
        if facts.now <= deadline or not missing:
            continue
        alerts.append(
            _of_day(
                "day_late",
                missing[0],
                day,
                f"{len(missing)} assets of the day are not built {_minutes(facts.now - midnight(day + timedelta(days=1)))} after its end",
                f"{_minutes(limits.day_deadline)} after its end",
                deadline,
                "The day's run failed or did not start, or an hour of it came late.",
                float(len(missing)),
            )
        )
    return alerts


def mart_stale(facts: Facts, limits: Limits) -> list[Alert]:
    """Rows that arrived longer ago than the limit are not on the marts."""
    alerts = []
    for stale in facts.stale:
        if facts.first_day is None or stale.day < facts.first_day:
            continue
        due = stale.oldest_wait + limits.event_to_dashboard
        if facts.now > due:
            waited = facts.now - stale.oldest_wait
            alerts.append(
                _of_day(
                    "mart_stale",
                    "marts",
                    stale.day,
                    f"rows wait for {_minutes(waited)}: {stale.reason}",
                    f"{_minutes(limits.event_to_dashboard)} from event to dashboard",
                    due,
                    "The day was not built since its hours changed; the sensor `late_days` is stopped, or its run failed.",
                    waited.total_seconds(),
                )
            )
    lake = facts.materialized.get("lake/events", {})
    for asset, places in sorted(facts.materialized.items()):
        if asset.split("/")[0] not in PUBLISHED_LAST:
            continue
        for day_text, place in sorted(lake.items()):
            day = date.fromisoformat(day_text)
            due = midnight(day + timedelta(days=1)) + limits.event_to_dashboard
            # A day that was never built at all is late, not stale.
            is_behind = day_text in places and place > places[day_text]
            if ("events", day) in facts.lake and is_behind and facts.now > due:
                alerts.append(
                    _of_day(
                        "mart_stale",
                        asset,
                        day,
                        "built before the lake's present version of the day",
                        "built after it",
                        due,
                        "The models or the dashboards of the day failed, or were not run after the lake.",
                        1.0,
                    )
                )
    return alerts


def waiting_days_before_the_first(facts: Facts) -> list[date]:
    """Days with late rows from before anything was landed: they were never whole, and are not published by themselves."""
    return [stale.day for stale in facts.stale if facts.first_day is not None and stale.day < facts.first_day]


def _days_with_rows(facts: Facts) -> list[date]:
    return sorted({item.hour.date for item in facts.hours if item.raw is not None and item.raw.row_count})


def _not_materialized(facts: Facts, day: date) -> list[str]:
    if ("events", day) not in facts.lake:
        return ["lake/events"]
    layers = [asset for asset in sorted(facts.materialized) if asset.split("/")[0] in PUBLISHED_LAST]
    return [asset for asset in layers if day.isoformat() not in facts.materialized[asset]]


def _oldest_waiting(facts: Facts) -> dict[str, datetime]:
    """Source to the instant of its first record that has not landed."""
    found: dict[str, datetime] = {}
    for lag in facts.lags:
        if lag.lag_s and lag.offsets_behind:
            at = facts.now - timedelta(seconds=lag.lag_s)
            found[lag.source] = min(found.get(lag.source, at), at)
    return found


def _hour_equations(item: HourManifests) -> Iterator[tuple[str, str, int]]:
    """(stage, equation in words, what it is off by)."""
    if item.raw is not None:
        counts = item.raw.counts
        difference = counts["offset_count"] - counts["landed_count"] - counts["control_or_gap_count"]
        yield "raw", "landed + control or gap = offsets", difference
        yield "raw", "rows of the objects = landed", item.raw.row_count - counts["landed_count"]
    if item.staged is not None:
        counts = item.staged.counts
        yield "staged", "staged + quarantined = rows read", counts["rows_staged"] + counts["rows_quarantined"] - counts["rows_in"]
        yield "staged", "rows of the objects = staged", item.staged.row_count - counts["rows_staged"]
        if item.raw is not None:
            yield "staged", "rows read = landed", counts["rows_in"] - item.raw.counts["landed_count"]


def _ranges(item: HourManifests) -> list[dict[str, int]]:
    return list(item.raw.details.get("partitions", ())) if item.raw else []


def _of_hour(
    facts: Facts,
    item: HourManifests,
    kind: str,
    stage: str,
    observed: str,
    threshold: str,
    since: datetime,
    cause: str,
    command: str,
    value: float,
) -> Alert:
    return Alert(
        kind,
        facts.asset(stage, item.source),
        item.name,
        observed,
        threshold,
        since,
        cause,
        command,
        facts.owner_of(item.source),
        Severity.PAGE,
        f"{kind}:{item.source}",
        value,
    )


def _of_day(kind: str, asset: str, day: date, observed: str, threshold: str, since: datetime, cause: str, value: float) -> Alert:
    return Alert(
        kind,
        asset,
        day.isoformat(),
        observed,
        threshold,
        since,
        cause,
        rerun_command("build_day", day.isoformat()),
        PLATFORM_OWNER,
        Severity.PAGE,
        f"{kind}:{day}",
        value,
    )


def _minutes(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:,.0f} min" if minutes < 120 else f"{minutes / 60:,.1f} h"
