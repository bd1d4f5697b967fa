"""Quarantine that comes back: dead letters of one hour judged again by the present rules.

What passes now joins staged through a new generation of its manifest, and moves from quarantine to `resolved`, with the
rules that it broke before: a dead letter is always in exactly one of the two. docs/adr/0005 says why in this order.
Belongs here: publishing the three manifests. Does not: judging rows (`table.py`), sorting them (`replayed_rows.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.layout import hour_partition, hour_prefix
from data_pipeline.common.manifest import Entry, Manifest, PublishedManifest, manifest_key, publish_manifest, read_manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.sources import PRODUCT_EVENT_CONTRACT
from data_pipeline.common.windows import Hour
from data_pipeline.contracts.arrow import QUARANTINE_SCHEMA, staged_arrow_schema
from data_pipeline.contracts.contract import Contract
from data_pipeline.validation.columns import dictionary_columns
from data_pipeline.validation.history import Window, add_orders, orders_of
from data_pipeline.validation.hour import QUARANTINE, STAGED, event_days
from data_pipeline.validation.replayed_rows import Sorter, places_of
from data_pipeline.validation.writer import PartitionWriter

RESOLVED = "resolved"
REPLAYED = "replayed"
"""In the details of a staged manifest: the objects that replays added, with the rules that let them pass."""

_STAGES = (STAGED, QUARANTINE, RESOLVED)


@dataclass(frozen=True)
class ReplayedHour:
    """What a replay made of one hour.

    Attributes:
        rows_tried: dead letters that were judged again.
        rows_joined: of them, those that pass now and were not staged before.
        rows_in: raw rows of the hour; always staged plus quarantined.
        rows_staged: after the replay.
        rows_quarantined: after the replay.
        by_rule: quarantined rows after the replay by rule.
        event_days: rows that joined, by UTC day on which they happened: days that are asked for again.
        manifests: as they are now, by stage; `resolved` only where a dead letter ever passed.
    """

    rows_tried: int
    rows_joined: int
    rows_in: int
    rows_staged: int
    rows_quarantined: int
    by_rule: Mapping[str, int]
    event_days: Mapping[str, int]
    manifests: Mapping[str, Manifest] = field(repr=False)


def require_rules(contract: Contract, rules: Sequence[str]) -> None:
    """PermanentError naming the first name that is no rule of the contract, and those that are."""
    known = [rule.name for rule in contract.rules]
    for name in rules:
        if name not in known:
            raise PermanentError(f"'{name}' is no rule of the contract '{contract.name}'; its rules are {', '.join(known)}.")


def is_validated(store: ObjectStore, source: str, hour: Hour) -> bool:
    """Whether an hour has published what a replay needs."""
    return all(store.head(manifest_key(hour_prefix(stage, source, hour))) is not None for stage in (STAGED, QUARANTINE))


def replay_hour(contract: Contract, source: str, hour: Hour, store: ObjectStore, *, run_id: str, rules: Sequence[str] = ()) -> ReplayedHour:
    """Judge the dead letters of one hour again and publish what follows from it.

    First `resolved` names the dead letters that pass, then staged names them, then quarantine no longer does. Whatever stops it
    between two of these, the same replay started again ends in the same state as one that was not stopped.

    Args:
        contract: the present schema versions and rules.
        source: name of the source.
        hour: the hour of arrival.
        store: where staged, quarantine and resolved are.
        run_id: names this run in the manifests.
        rules: only dead letters that broke one of these; all where empty.

    Raises:
        PermanentError: the hour is not validated, an object is missing or damaged, or staged and quarantine do not fit together.
        OvertakenError: another run published other content for this hour meanwhile.
        TransientError: the store does not answer.
    """
    require_rules(contract, rules)
    prefixes = {stage: hour_prefix(stage, source, hour) for stage in _STAGES}
    seen = {stage: read_manifest(store, prefix) for stage, prefix in prefixes.items()}
    before = _require_validated(seen, source, hour)
    staged_schema = staged_arrow_schema(contract)
    resolved_before = _entries(seen[RESOLVED])
    sorter = Sorter(
        contract,
        source,
        rules,
        joined_before=places_of(store, _replayed_entries(before[STAGED]), ("kafka_partition", "kafka_offset")),
        resolved_before=places_of(store, resolved_before, ("partition", "offset")),
    )
    totals = _Totals()
    with (
        PartitionWriter(store, prefixes[STAGED], staged_schema, dictionary_columns(staged_schema)) as staged,
        PartitionWriter(store, prefixes[QUARANTINE], QUARANTINE_SCHEMA, dictionary_columns(QUARANTINE_SCHEMA)) as quarantine,
        PartitionWriter(store, prefixes[RESOLVED], QUARANTINE_SCHEMA, dictionary_columns(QUARANTINE_SCHEMA)) as resolved,
    ):
        for part in sorter.sort_all(store, before[QUARANTINE].entries):
            staged.write(part.joining)
            quarantine.write(part.remaining)
            resolved.write(part.resolving)
            totals.tried += part.tried
            totals.is_changed |= part.is_changed
            totals.by_rule.update(part.by_rule)
            totals.event_days.update(event_days(part.joining))
            if contract.name == PRODUCT_EVENT_CONTRACT and part.joining.num_rows:
                totals.orders.append(orders_of(pl.DataFrame(part.joining)))
        if not totals.is_changed:
            return _outcome(totals, 0, before, {stage: each.manifest for stage, each in seen.items() if each})
        new = {STAGED: staged.finish(), QUARANTINE: quarantine.finish(), RESOLVED: resolved.finish()}
    after = _manifests(contract, source, hour, rules, before, resolved_before, new, totals, run_id)
    if totals.orders:
        add_orders(store, source, Window(hour.start, False), pl.concat(totals.orders))
    published = {
        stage: publish_manifest(store, prefixes[stage], after[stage], seen[stage]).manifest
        for stage in (RESOLVED, STAGED, QUARANTINE)
        if after[stage].entries or seen[stage]
    }
    return _outcome(totals, sum(entry.row_count for entry in new[STAGED]), published, published)


@dataclass
class _Totals:
    tried: int = 0
    is_changed: bool = False
    by_rule: Counter[str] = field(default_factory=Counter)
    event_days: Counter[str] = field(default_factory=Counter)
    orders: list[pl.DataFrame] = field(default_factory=list)


def _require_validated(seen: Mapping[str, PublishedManifest | None], source: str, hour: Hour) -> dict[str, Manifest]:
    found = {stage: published.manifest for stage, published in seen.items() if published is not None}
    for stage in (STAGED, QUARANTINE):
        if stage not in found:
            raise PermanentError(f"{stage} of {source} {hour} is not published; materialize it for that hour first.")
    return found


def _entries(published: PublishedManifest | None) -> list[Entry]:
    return list(published.manifest.entries) if published else []


def _replayed_entries(staged: Manifest) -> list[Entry]:
    return [entry for entry in staged.entries if entry.key in staged.details.get(REPLAYED, {})]


def _manifests(
    contract: Contract,
    source: str,
    hour: Hour,
    rules: Sequence[str],
    before: Mapping[str, Manifest],
    resolved_before: list[Entry],
    new: Mapping[str, list[Entry]],
    totals: _Totals,
    run_id: str,
) -> dict[str, Manifest]:
    """The three manifests as they will be; PermanentError where they would not add up to the hour's raw rows."""
    staged, quarantine = before[STAGED], before[QUARANTINE]
    staged_entries = [*staged.entries, *new[STAGED]]
    rows_in, rows_staged = staged.counts["rows_in"], sum(entry.row_count for entry in staged_entries)
    rows_quarantined = sum(entry.row_count for entry in new[QUARANTINE])
    if rows_staged + rows_quarantined != rows_in:
        raise PermanentError(
            f"{source} {hour} would have {rows_staged} staged + {rows_quarantined} quarantined of {rows_in} raw rows after the replay; "
            "nothing was published. Validate the hour again, then replay it."
        )
    added = {entry.key: {"rows": entry.row_count, "rules_version": contract.digest} for entry in new[STAGED]}
    partition = hour_partition(source, hour)
    staged_details = dict(staged.details)
    if added:
        staged_details[REPLAYED] = {**staged.details.get(REPLAYED, {}), **added}
        days = Counter(staged.details["event_days"]) + totals.event_days
        staged_details["event_days"] = dict(sorted(days.items()))
    judged_by = quarantine.details.get("rules_version") if rules else contract.digest
    quarantine_details = {**quarantine.details, "by_rule": dict(sorted(totals.by_rule.items())), "rules_version": judged_by}
    counts = {"rows_in": rows_in, "rows_staged": rows_staged, "rows_quarantined": rows_quarantined}
    resolved = [*resolved_before, *new[RESOLVED]]
    return {
        STAGED: Manifest(STAGED, partition, staged_entries, counts, staged_details, run_id),
        QUARANTINE: Manifest(
            QUARANTINE, partition, new[QUARANTINE], {"rows_quarantined": rows_quarantined}, quarantine_details, run_id
        ),
        RESOLVED: Manifest(RESOLVED, partition, resolved, {"rows_resolved": sum(e.row_count for e in resolved)}, {}, run_id),
    }  # fmt: skip


def _outcome(totals: _Totals, rows_joined: int, now: Mapping[str, Manifest], manifests: Mapping[str, Manifest]) -> ReplayedHour:
    counts = now[STAGED].counts
    return ReplayedHour(
        rows_tried=totals.tried,
        rows_joined=rows_joined,
        rows_in=counts["rows_in"],
        rows_staged=counts["rows_staged"],
        rows_quarantined=counts["rows_quarantined"],
        by_rule=dict(sorted(totals.by_rule.items())),
        event_days=dict(sorted(totals.event_days.items())),
        manifests=manifests,
    )
