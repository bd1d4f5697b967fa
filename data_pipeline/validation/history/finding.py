"""A finding: one sentence about a window, with the numbers behind it.

Belongs here: the type and its order. Does not: how findings come about, or what blocks what.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

ROWS = "rows"
"""The field of findings about how many rows there are."""


class Severity(StrEnum):
    """How much a finding matters: `error` blocks what is downstream, `warn` and `info` do not."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


_RANK = {Severity.ERROR: 0, Severity.WARN: 1, Severity.INFO: 2}


@dataclass(frozen=True)
class Finding:
    """What is unusual about a window.

    Attributes:
        check: name of the check, such as `null_rate`; its thresholds stand in `docs/findings.md`.
        field: the schema's dotted path, items without index (`order.items.unit_price`), or `rows`.
        severity: info, warn or error.
        observed: what the window shows, for people.
        expected: what its history lets expect, for people.
        message: one sentence.
        example: a value, identifier or segment that shows it; empty where there is none.
    """

    check: str
    field: str
    severity: Severity
    observed: str
    expected: str
    message: str
    example: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "severity": str(self.severity)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Finding:
        """The inverse of `to_dict`."""
        return cls(**{**values, "severity": Severity(values["severity"])})


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors, then warnings, then notes; each by check and field."""
    return sorted(findings, key=lambda finding: (_RANK[finding.severity], finding.check, finding.field))
