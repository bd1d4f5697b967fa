"""`staged/<dataset>` and `quarantine/<dataset>`: raw rows that keep the contract, and those that do not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from data_pipeline.common.layout import hour_prefix
from data_pipeline.contracts.contract import Contract
from data_pipeline.contracts.documents import rules_table
from data_pipeline.orchestration.keys import QUARANTINE, STAGED, quarantine_key, raw_key, staged_key
from data_pipeline.orchestration.metadata import arrow_column_schema, manifest_metadata, markdown_table
from data_pipeline.orchestration.partitions import read_hour_key
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.orchestration.ranges import Reported, Verdict, materialize_each
from data_pipeline.validation import QUARANTINE_SCHEMA, ValidatedHour, staged_arrow_schema, validate_hour
from data_pipeline.validation.history import Finding, Severity

CONSERVATION = "staged_plus_quarantined_equals_raw"
FINDINGS = "window_is_as_its_history"
_SHOWN = 5
_PERSONAL = {"anonymous_id", "user_id"}


def validation_assets(dataset: Dataset, contract: Contract, partitions: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """Staged and quarantine of a dataset: one step writes both."""
    staged, quarantine = staged_key(dataset.name), quarantine_key(dataset.name)

    @dg.multi_asset(
        name=f"validate_{dataset.name}",
        specs=[
            dg.AssetSpec(
                staged,
                deps=[raw_key(dataset.name)],
                description="Rows that keep every rule of the contract, typed by it, with their Kafka offset.",
                group_name=STAGED,
                owners=dataset.owners,
                kinds={"polars", "s3", "parquet"},
                metadata={"dagster/column_schema": arrow_column_schema(staged_arrow_schema(contract))},
            ),
            dg.AssetSpec(
                quarantine,
                deps=[raw_key(dataset.name)],
                description="Rows that break a rule, with all the rules that they break and their bytes as they came.\n\n"
                + rules_table(contract),
                group_name=QUARANTINE,
                owners=dataset.owners,
                kinds={"polars", "s3", "parquet"},
                metadata={"dagster/column_schema": arrow_column_schema(QUARANTINE_SCHEMA)},
            ),
        ],
        check_specs=[
            dg.AssetCheckSpec(CONSERVATION, asset=staged, blocking=True, description="Staged + quarantined = raw rows of the hour."),
            dg.AssetCheckSpec(
                FINDINGS,
                asset=staged,
                blocking=True,
                description="Nothing is out of the hour's history. Errors block, warnings do not; see `data-pipeline accept`.",
            ),
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def validate(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        def validate_one(partition_key: str) -> Reported:
            source, hour = read_hour_key(partition_key)
            validated = validate_hour(
                contract, source, hour, platform.store, run_id=context.run_id, worker_count=platform.settings.worker_count
            )
            prefixes = {staged: hour_prefix(STAGED, source, hour), quarantine: hour_prefix(QUARANTINE, source, hour)}
            return _report(staged, quarantine, platform, validated, prefixes)

        yield from materialize_each(context, context.partition_keys, validate_one)

    return validate


def _report(
    staged: dg.AssetKey, quarantine: dg.AssetKey, platform: Platform, validated: ValidatedHour, prefixes: dict[dg.AssetKey, str]
) -> Reported:
    rows_in, rows_staged, rows_quarantined = validated.rows_in, validated.rows_staged, validated.rows_quarantined
    sentence = f"{rows_staged:,} staged + {rows_quarantined:,} quarantined = {rows_in:,} raw"
    return Reported(
        metadata={
            staged: {
                **manifest_metadata(validated.staged, platform.store, prefixes[staged]),
                "equation": sentence,
                "event_days": dict(sorted(validated.event_days.items())),
                "unknown_fields": dict(validated.unknown_fields),
                "preview": markdown_table([_without_persons(row) for row in validated.staged_preview]),
                "findings": markdown_table([_finding_row(finding) for finding in validated.findings]),
            },
            quarantine: {
                **manifest_metadata(validated.quarantine, platform.store, prefixes[quarantine]),
                "rejected_share": rows_quarantined / rows_in if rows_in else 0.0,
                "by_rule": markdown_table([{"rule": rule, "rows": rows} for rule, rows in sorted(validated.by_rule.items())]),
            },
        },
        verdicts={
            staged: {
                CONSERVATION: Verdict(rows_staged + rows_quarantined == rows_in, sentence),
                FINDINGS: judge_findings(validated.findings),
            }
        },
    )


def judge_findings(findings: Sequence[Finding]) -> Verdict:
    """Errors keep the day from being built until they are accepted; warnings are only shown."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    warnings = [finding for finding in findings if finding.severity is Severity.WARN]
    sentence = " ".join(finding.message for finding in (*errors, *warnings)[:_SHOWN]) or "Nothing is out of the hour's history."
    if errors:
        sentence += " Validate corrected data, or take it as it is with `data-pipeline accept`, then materialize the hour again."
    return Verdict(not (errors or warnings), sentence, is_blocking=bool(errors))


def _without_persons(row: Mapping[str, Any]) -> dict[str, Any]:
    """A preview is seen by everyone who sees the graph: plain values only, none that name a person or device."""
    return {name: value for name, value in row.items() if not isinstance(value, dict | list) and name not in _PERSONAL}


def _finding_row(finding: Finding) -> dict[str, str]:
    return {"severity": finding.severity, "check": finding.check, "field": finding.field, "message": finding.message}
