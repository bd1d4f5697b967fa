"""From suspicious shares to findings: one for each check and field, in words.

Belongs here: grouping, wording. Does not: deciding what is suspicious.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from data_pipeline.validation.history.bins import bin_start, length_start
from data_pipeline.validation.history.finding import Finding, Severity
from data_pipeline.validation.history.matrix import ALL_NEW, RANK, RANK_WEIGHT, SPREAD
from data_pipeline.validation.history.measure_relations import VISITOR
from data_pipeline.validation.history.profile import Profile
from data_pipeline.validation.history.thresholds import Z_ERROR, Policy


@dataclass(frozen=True)
class Suspect:
    """One share that is out of its history.

    Attributes:
        policy: of its check.
        field, segment, key: what it is a share of.
        z: its score.
        observed, expected: shares.
        count, total: rows of the window.
    """

    policy: Policy
    field: str
    segment: str
    key: str
    z: float
    observed: float
    expected: float
    count: int
    total: int

    @property
    def severity(self) -> Severity:
        """An error where the change is both very sure and very large."""
        is_error = abs(self.z) >= Z_ERROR and abs(self.observed - self.expected) >= self.policy.error_change
        return Severity.ERROR if is_error else Severity.WARN


def explain(suspects: Iterable[Suspect], profile: Profile) -> list[Finding]:
    """One finding for each check and field, by its clearest share."""
    grouped: dict[tuple[str, str], list[Suspect]] = {}
    for suspect in suspects:
        for path in _fields_of(suspect):
            grouped.setdefault((suspect.policy.check, path), []).append(suspect)
    return [_explain_group(path, members, profile) for (_, path), members in grouped.items()]


def _fields_of(suspect: Suspect) -> list[str]:
    """The contract's fields that a share speaks of: a lag of both its clocks, a relation of both its fields."""
    if suspect.policy.check == "clock_lag":
        return [name for name in suspect.field.split("-") if name != "received_at"] or ["sent_at"]
    known = suspect.segment.removeprefix("by ").removeprefix("with ")
    if suspect.policy.check in ("pair_share", "agreement", "mix") and known not in (VISITOR, "event_type", suspect.segment):
        return [suspect.field, known]
    return [suspect.field]


def _explain_group(path: str, members: list[Suspect], profile: Profile) -> Finding:
    clearest = max(
        members,
        key=lambda suspect: (not suspect.segment, abs(suspect.z)) if suspect.policy.check == "null_rate" else (True, abs(suspect.z)),
    )
    is_error = any(member.severity is Severity.ERROR for member in members)
    what = _what(clearest)
    where = f" where {clearest.segment}" if "=" in clearest.segment else f" ({clearest.segment})" if clearest.segment else ""
    direction = "rose" if clearest.observed > clearest.expected else "fell"
    is_rank = clearest.key in (RANK, SPREAD)
    subject = f"the {clearest.key} among the history's values" if is_rank else f"the share of {what}"
    count, total = (round(n / RANK_WEIGHT) if is_rank else n for n in (clearest.count, clearest.total))
    of_rows = f"over {total} rows" if is_rank else f"{count} of {total}"
    more = f" {len(members) - 1} more shares of {path} moved." if len(members) > 1 else ""
    return Finding(
        check=clearest.policy.check,
        field=path,
        severity=Severity.ERROR if is_error else Severity.WARN,
        observed=f"{_percent(clearest.observed)} ({of_rows})",
        expected=_percent(clearest.expected),
        message=f"{path}: {subject}{where} {direction} from {_percent(clearest.expected)} to {_percent(clearest.observed)} "
        f"({of_rows}), {abs(clearest.z):.1f} standard deviations.{more}",
        example=_example(clearest),
    )


def _what(suspect: Suspect) -> str:
    check, key = suspect.policy.check, suspect.key
    if key == ALL_NEW:
        return "values that the history does not hold"
    side, _, place = key.partition(" ")
    if check in ("number", "clock_lag", "rows_per_visitor", "length") and place.lstrip("-").isdigit():
        start = length_start(int(place)) if check == "length" else bin_start(int(place))
        unit = {"length": " characters", "clock_lag": f" s in {suspect.field}"}.get(check, "")
        return f"values {side} {start:.4g}{unit}"
    words = {
        "mix": f"values that moved (most of all '{key}')",
        "null_rate": "nulls",
        "top_value": "the most frequent value",
        "distinct": "distinct values",
        "agreement": "usual values",
        "quarantine_rate": f"rows rejected by '{key}'",
    }
    return words.get(check, f"'{key}'")


def _example(suspect: Suspect) -> str:
    return "" if suspect.key in (ALL_NEW, "null", "top", "usual", "distinct") else suspect.key


def _percent(share: float) -> str:
    return f"{share * 100:.2f} %" if share < 0.1 else f"{share * 100:.1f} %"
