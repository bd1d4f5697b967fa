"""Building the day's tables: from staged hours to published manifests.

Belongs here: the order of the steps, the conservation equation, publication. Does not: rules of any table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.manifest import Manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.tables import CONFLICTS, EVENTS, IDENTITIES, LAKE_TABLES, ORDER_ITEMS, SESSIONS
from data_pipeline.transforms.lake_writer import WrittenRun, publish_table, read_published, write_run
from data_pipeline.transforms.spark_errors import translated_spark_errors
from data_pipeline.transforms.staged_hours import StagedHours, digest
from data_pipeline.transforms.step_metrics import StepMetrics, StepRecorder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from data_pipeline.transforms.day_rows import DayRows


FACTS = "facts"
"""The step that is no table: what is recorded of a day besides."""


@dataclass(frozen=True)
class BuiltDay:
    """What was published for a day.

    Attributes:
        day: the UTC day of `occurred_at`.
        manifests: by table name. That of `events` has the equation's counts: rows_in = rows_out + duplicates + conflicts.
        steps: what Spark did for each table, and for what is recorded besides (`facts`).
    """

    day: date
    manifests: Mapping[str, Manifest]
    steps: Sequence[StepMetrics] = ()


def build_day(
    day: date,
    store: ObjectStore,
    spark: SparkSession,
    *,
    run_id: str,
    sources: Sequence[str],
    staged: StagedHours | None = None,
) -> BuiltDay:
    """Build and publish the day's tables: events, conflicts, sessions, order_items and identities.

    Nothing is visible before everything is written and the equation holds; a build that fails or is killed changes
    nothing that a reader sees.

    Args:
        day: the UTC day of `occurred_at`.
        store: where staged hours are and the tables go.
        spark: session of `session.create_session` that reaches the store.
        run_id: names the run in folders and manifests.
        sources: sources whose events belong together.
        staged: the staged manifests, to share them between the days of a run; None reads them.

    Raises:
        PermanentError: nothing of the day was validated; an object that a manifest names is missing or broken; the
            equation does not hold.
        TransientError: S3 or the cluster did not answer.
        OvertakenError: another run published other content of this day meanwhile.
    """
    staged = staged or StagedHours(store, sources)
    if not staged.arrived_on(day) and not staged.holding([day]):
        raise PermanentError(
            f"No hour of {day} is validated for {', '.join(sorted(sources))}, and no other hour holds rows of that day; "
            "materialize staged/events for it first."
        )
    seen = {table.name: read_published(store, table, day) for table in LAKE_TABLES}
    with translated_spark_errors(f"build the day {day}"):
        from data_pipeline.transforms.day_rows import DayRows

        recorder = StepRecorder(spark, f"{day}")
        with DayRows(spark, store, staged, day) as rows:
            written = _write_tables(rows, store, run_id, recorder)
            with recorder.step(FACTS):
                facts = rows.facts()
        steps = recorder.metrics()
    counts = _counts(staged.row_count(day), written, facts.duplicates)
    _require_conservation(day, counts["events"])
    common = {"inputs": staged.inputs_of(day), "inputs_digest": digest(staged.inputs_of(day)), **_completeness(staged, day)}
    extra: dict[str, dict[str, Any]] = {
        "events": {"collisions": facts.collisions},
        "sessions": {
            "crossing": facts.crossing,
            "days_read": {other.isoformat(): digest(staged.inputs_of(other)) for other in facts.days_read if other != day},
        },
    }
    manifests = {
        table.name: publish_table(
            store,
            table,
            day,
            written[table.name],
            counts[table.name],
            {**common, **extra.get(table.name, {})},
            run_id,
            seen[table.name],
        )
        # Events come last: whoever finds them new finds the others new as well.
        for table in (CONFLICTS, SESSIONS, ORDER_ITEMS, IDENTITIES, EVENTS)
    }
    return BuiltDay(day, manifests, steps)


def _write_tables(rows: DayRows, store: ObjectStore, run_id: str, recorder: StepRecorder) -> dict[str, WrittenRun]:
    def write(table: Table, frame: Callable[[], DataFrame]) -> WrittenRun:
        # The frame is made inside the step: finding neighbours runs jobs of its own.
        with recorder.step(table.name):
            return write_run(frame(), store, table, rows.day, run_id)

    events = write(EVENTS, rows.events)
    # The tables below are made from the events as they were written, so that they agree with them row by row.
    rows.use_written_events(events)
    return {
        "events": events,
        "conflicts": write(CONFLICTS, rows.conflicts),
        "sessions": write(SESSIONS, rows.sessions),
        "order_items": write(ORDER_ITEMS, rows.order_items),
        "identities": write(IDENTITIES, rows.identities),
    }


def _counts(rows_in: int, written: Mapping[str, WrittenRun], duplicates: int) -> dict[str, dict[str, int]]:
    counts = {name: {"rows_in": written["events"].row_count, "rows_out": run.row_count} for name, run in written.items()}
    conflicts = written["conflicts"].row_count
    counts["events"] = {"rows_in": rows_in, "rows_out": written["events"].row_count, "duplicates": duplicates, "conflicts": conflicts}
    counts["conflicts"] = {"rows_in": rows_in, "rows_out": conflicts}
    return counts


def _require_conservation(day: date, counts: Mapping[str, int]) -> None:
    accounted = counts["rows_out"] + counts["duplicates"] + counts["conflicts"]
    if accounted != counts["rows_in"]:
        raise PermanentError(
            f"{day}: {counts['rows_out']} events + {counts['duplicates']} duplicates + {counts['conflicts']} conflicts = {accounted}, "
            f"but the staged manifests count {counts['rows_in']} rows; nothing was published. Materialize staged/events of the "
            "hours concerned again, then this day."
        )


def _completeness(staged: StagedHours, day: date) -> dict[str, Any]:
    """How much was there, and whether sessions of the day are final."""
    return {"staged_hours": len(staged.arrived_on(day)), "is_final": staged.is_whole(day + timedelta(days=1))}
