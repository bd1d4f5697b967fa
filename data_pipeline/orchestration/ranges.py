"""A range of partitions in one run: each is reported as it completes, and one that fails stops no other.

Belongs here: the loop over partitions and what Dagster is told of them. Does not: what is done for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from dagster import AssetCheckResult, AssetCheckSeverity, AssetExecutionContext, AssetKey, AssetMaterialization, Failure, MaterializeResult

from data_pipeline.common.errors import PipelineError, TransientError
from data_pipeline.orchestration.failures import translated_failures


@dataclass(frozen=True)
class Verdict:
    """What one check says of one partition.

    Attributes:
        is_passed: whether it holds.
        sentence: what holds or does not, with the numbers.
        is_blocking: whether what is downstream must not be built when it does not hold.
    """

    is_passed: bool
    sentence: str
    is_blocking: bool = True


@dataclass(frozen=True)
class Reported:
    """What one partition of a step has to tell.

    Attributes:
        metadata: for each asset of the step, its materialization's metadata.
        verdicts: for each asset of the step, verdicts by the check's name.
    """

    metadata: Mapping[AssetKey, Mapping[str, Any]]
    verdicts: Mapping[AssetKey, Mapping[str, Verdict]] = field(default_factory=dict)

    def of(self, selected: AbstractSet[AssetKey]) -> Reported:
        """The part about the assets that were asked for; a step that writes several may have been asked for some."""
        return Reported(
            {key: metadata for key, metadata in self.metadata.items() if key in selected},
            {key: checks for key, checks in self.verdicts.items() if key in selected},
        )

    @property
    def broken(self) -> list[str]:
        """Sentences of blocking checks that do not hold."""
        return [
            verdict.sentence
            for checks in self.verdicts.values()
            for verdict in checks.values()
            if verdict.is_blocking and not verdict.is_passed
        ]


def materialize_each(
    context: AssetExecutionContext, keys: Sequence[str], do: Callable[[str], Reported]
) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Do every partition of the run, report each, fail at the end naming those that failed.

    A run of one partition yields its result and its checks. A run of many logs each partition's materialization when
    it completes, goes on past one that fails, and ends with a Failure that names the failed ones; those that completed stay so.

    Args:
        context: of the step, for events only.
        keys: partition keys of the run.
        do: one partition's work; raises PipelineError where it fails.
    """
    done: dict[str, Reported] = {}
    judged: dict[str, Reported] = {}
    failed: dict[str, PipelineError | str] = {}
    for key in keys:
        try:
            reported = do(key)
        except PipelineError as error:
            failed[key] = error
            context.log.error(f"{key}: {error}")
            continue
        broken = " ".join(reported.broken)
        reported = judged[key] = reported.of(context.selected_asset_keys)
        if broken and len(keys) > 1:
            failed[key] = broken
            context.log.error(f"{key}: {broken}")
            continue
        done[key] = reported
        if len(keys) > 1:
            _log_materializations(context, key, reported)

    yield from _summarize_checks(judged)
    if failed:
        _raise_failures(context, keys, failed)
    for key, reported in done.items():
        for asset_key, metadata in reported.metadata.items():
            context.add_asset_metadata(metadata, asset_key=asset_key, partition_key=key)
    for asset_key in next(iter(done.values())).metadata if done else ():
        yield MaterializeResult(asset_key=asset_key)


def _log_materializations(context: AssetExecutionContext, key: str, reported: Reported) -> None:
    for asset_key, metadata in reported.metadata.items():
        context.log_event(AssetMaterialization(asset_key=asset_key, partition=key, metadata=metadata))


def _summarize_checks(judged: Mapping[str, Reported]) -> Iterator[AssetCheckResult]:
    """One result a check over all partitions that were judged, broken ones too."""
    verdicts: dict[tuple[AssetKey, str], dict[str, Verdict]] = {}
    for key, reported in judged.items():
        for asset_key, checks in reported.verdicts.items():
            for name, verdict in checks.items():
                verdicts.setdefault((asset_key, name), {})[key] = verdict
    for (asset_key, name), by_partition in verdicts.items():
        broken = {key: verdict for key, verdict in by_partition.items() if not verdict.is_passed}
        shown = broken or by_partition
        is_blocking = any(verdict.is_blocking for verdict in shown.values())
        yield AssetCheckResult(
            asset_key=asset_key,
            check_name=name,
            passed=not broken,
            severity=AssetCheckSeverity.ERROR if is_blocking else AssetCheckSeverity.WARN,
            description=_first_sentences(shown),
            metadata={"partitions": len(by_partition), "broken_partitions": len(broken)},
        )


def _first_sentences(by_partition: Mapping[str, Verdict], most: int = 5) -> str:
    lines = [f"{key}: {verdict.sentence}" for key, verdict in list(by_partition.items())[:most]]
    rest = len(by_partition) - most
    return "\n".join([*lines, f"… and {rest} more partitions."] if rest > 0 else lines)


def _raise_failures(context: AssetExecutionContext, keys: Sequence[str], failed: Mapping[str, PipelineError | str]) -> None:
    """End the step: the first line says what to do, the metadata names every failed partition."""
    first = next(iter(failed.values()))
    errors = [error for error in failed.values() if isinstance(error, PipelineError)]
    if errors and all(isinstance(error, TransientError) for error in failed.values()):
        with translated_failures(context.retry_number):
            raise errors[0]
    where = "" if len(keys) == 1 else f" ({len(failed)} of {len(keys)} partitions failed, the others are materialized: {', '.join(failed)})"
    raise Failure(
        f"{first}{where}",
        metadata={"failed_partitions": {key: str(error) for key, error in failed.items()}},
        allow_retries=False,
    )
