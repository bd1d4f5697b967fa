"""The schema's keywords, judged for one parsed value: the rules `types` and `schema`.

Belongs here: what JSON Schema 2020-12 says of each keyword, exactly. Does not: reading of schemas (`contracts/schema.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from data_pipeline.contracts.instants import parse_date, parse_instant
from data_pipeline.contracts.schema import Node, is_whole
from data_pipeline.validation.exact.strict_json import INT64_MAX, INT64_MIN

_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")

FORMAT_CHECKS: Mapping[str, Callable[[str], object]] = {
    "date-time": parse_instant,
    "date": parse_date,
    "uuid": _UUID.fullmatch,
}
"""By format: a function that gives None for a text that does not have it."""

_LIMIT_CHECKS: Mapping[str, Callable[[Any, Decimal], bool]] = {
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "exclusiveMaximum": lambda value, limit: value < limit,
}


class Verdict:
    """Which of the two rules a value breaks, and the fields that no schema names."""

    __slots__ = ("breaks_schema", "breaks_types", "unknown_fields")

    def __init__(self) -> None:
        self.breaks_types = False
        self.breaks_schema = False
        self.unknown_fields: set[str] = set()


def judge_keywords(value: Any, node: Node, verdict: Verdict) -> None:
    """Add to the verdict what a value breaks of a schema's node and of those below it."""
    if node.types is not None and not has_type(value, node.types):
        verdict.breaks_types = True
    if node.enum is not None and not any(is_equal(value, allowed) for allowed in node.enum):
        verdict.breaks_schema = True
    if isinstance(value, str):
        if _breaks_string(value, node):
            verdict.breaks_schema = True
    elif isinstance(value, dict):
        _judge_object(value, node, verdict)
    elif isinstance(value, list):
        fewest, most = node.item_counts
        if (fewest is not None and len(value) < fewest) or (most is not None and len(value) > most):
            verdict.breaks_schema = True
        if node.items is not None:
            for item in value:
                judge_keywords(item, node.items, verdict)
    elif node.limits and value is not None and not isinstance(value, bool) and _breaks_limits(value, node.limits):
        verdict.breaks_schema = True


def _judge_object(value: dict[str, Any], node: Node, verdict: Verdict) -> None:
    for name in node.required:
        if name not in value:
            verdict.breaks_schema = True
    for name, member in value.items():
        child = node.properties.get(name)
        if child is not None:
            judge_keywords(member, child, verdict)
            continue
        if node.closed:
            verdict.breaks_schema = True
        if node.properties:
            verdict.unknown_fields.add(f"{node.path}.{name}" if node.path else name)


def _breaks_limits(value: int | Decimal, limits: Mapping[str, Decimal]) -> bool:
    return not all(_LIMIT_CHECKS[keyword](value, limit) for keyword, limit in limits.items())


def _breaks_string(value: str, node: Node) -> bool:
    shortest, longest = node.lengths
    return (
        (node.pattern is not None and node.pattern.search(value) is None)
        or (shortest is not None and len(value) < shortest)
        or (longest is not None and len(value) > longest)
        or (node.format is not None and FORMAT_CHECKS[node.format](value) is None)
    )


def has_type(value: Any, types: frozenset[str]) -> bool:
    """Whether a value has one of the types; a whole number such as 12.0 is an integer, if 64 bits hold it."""
    if value is None:
        return "null" in types
    if isinstance(value, bool):
        return "boolean" in types
    if isinstance(value, str):
        return "string" in types
    if isinstance(value, int):
        return "integer" in types or "number" in types
    if isinstance(value, Decimal):
        return "number" in types or ("integer" in types and is_whole(value))
    return ("array" if isinstance(value, list) else "object") in types


def is_equal(value: Any, allowed: Any) -> bool:
    """JSON Schema's equality of scalars: 1 is 1.0, and true is no number."""
    if isinstance(value, bool) or isinstance(allowed, bool) or value is None or allowed is None:
        return value is allowed
    if isinstance(value, str) or isinstance(allowed, str):
        return isinstance(value, str) and isinstance(allowed, str) and value == allowed
    return isinstance(value, (int, Decimal)) and bool(value == allowed)


def fits_column(value: Any, node: Node) -> bool:
    """Whether a staged column can hold each number unaltered: 64 bits for integers, a finite double for others."""
    if isinstance(value, dict):
        return all(fits_column(value[name], child) for name, child in node.properties.items() if name in value)
    if isinstance(value, list):
        return node.items is None or all(fits_column(item, node.items) for item in value)
    if isinstance(value, Decimal):
        if node.value_types == {"integer"}:
            return value.copy_abs() < 10**19 and INT64_MIN <= int(value) <= INT64_MAX
        return value.copy_abs() < Decimal("1.7976931348623157e308")
    return True
