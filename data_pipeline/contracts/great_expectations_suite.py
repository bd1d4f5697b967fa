"""A Great Expectations suite rendered from a contract: a third reading of the rules that it can express.

Belongs here: expectations as plain values, and the flat columns that they look at. Does not: the package itself, which
lives in an environment of its own (`great_expectations_environment.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import polars as pl

from data_pipeline.contracts.catalogue import RECEIVED_AT
from data_pipeline.contracts.codes import codes_of
from data_pipeline.contracts.contract import Contract
from data_pipeline.contracts.ecma import to_python
from data_pipeline.contracts.schema import Node

WHOLE_RULES = frozenset({"topic", "required_by_type", "required_by_source", "os_by_source", "clocks", "codes"})
"""Rules that the suite says completely, for sources without a choice between fields. Of `schema` it says what is no item of an array, of
`text` the characters of those strings, of `privacy` telephone numbers; `money` needs sums over items, `size`, `json` and `types` bytes."""
ROW = "row"
"""Column of the flat table that numbers the rows."""
IS_THERE = "yes"
"""In place of an object, which has no flat column of its own."""
_NO_TEXT = "[\\x00-\\x1f\\x7f-\\x9f\\u200b\\u2060\\ufeff\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufffd]"
_TELEPHONE = r"\+[0-9]{8,15}(?![0-9])"


def great_expectations_suite(contract: Contract, source: str) -> dict[str, Any]:
    """Name and expectations (`type`, `kwargs`, `meta.rules`) for rows of one source in the columns of `flat_columns`."""
    makers: dict[str, Callable[[Any], Iterable[dict[str, Any]]]] = {
        "schema": lambda rule: _schema(contract.latest),
        "source": lambda rule: [_not_null(rule.field), _in_set(rule.field, [source])],
        "required_by_value": lambda rule: [
            _not_null(field, _column(rule.by), value) for value, fields in rule.required.items() for field in fields
        ],
        "required_by_source": lambda rule: [_not_null(field) for item in rule.required if item.holds_for(source) for field in item.all_of],
        "value_by_source": lambda rule: (
            [_not_null(rule.field), _in_set(rule.field, [rule.values[source]])] if source in rule.values else []
        ),
        "clocks": lambda rule: [_order(place) for place in range(len(rule.orders))],
        "codes": lambda rule: [_codes(contract.latest, field, name) for field, name in rule.lists.items()],
        "text": lambda rule: [_regex(path, _NO_TEXT, "not_match") for path in _texts(contract.latest)],
        "privacy": lambda rule: [_regex(path, _TELEPHONE, "not_match") for path in rule.texts],
    }
    expectations: dict[str, dict[str, Any]] = {}
    for rule in contract.rules:
        for expectation in makers[rule.kind](rule) if rule.kind in makers else ():
            # The package keeps one of two equal expectations, so one says all the rules that it stands for.
            one = expectations.setdefault(repr(expectation), {**expectation, "meta": {"rules": []}})
            one["meta"]["rules"].append(rule.name)
    return {"name": f"{contract.name}_{source}", "expectations": list(expectations.values())}


def flat_columns(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    """Staged columns (typed values and `received_at`) as the suite's: one a leaf outside arrays, whether each object is there, and both
    sides of every order between instants, in milliseconds.
    """
    columns: list[pl.Expr] = [pl.int_range(pl.len()).alias(ROW)]
    for node, is_in_array in _nodes(contract.latest):
        if is_in_array or not node.path:
            continue
        value = _value(node.path)
        if node.properties:
            columns.append(pl.when(value.is_not_null()).then(pl.lit(IS_THERE)).alias(_column(node.path)))
        elif node.items is None:
            columns.append((value.cast(pl.Int64) if node.format else value).alias(_column(node.path)))
    for rule in contract.rules:
        for place, order in enumerate(getattr(rule, "orders", ())):
            earlier, later = (
                _value("received_at" if name == RECEIVED_AT else name).cast(pl.Int64) for name in (order.earlier, order.later)
            )
            columns += [earlier.alias(f"clocks_{place}_earlier"), (later + order.allowance_ms).alias(f"clocks_{place}_later")]
    return frame.select(columns)


def _column(path: str) -> str:
    return path.replace(".", "__")


def _value(path: str) -> pl.Expr:
    first, *rest = path.split(".")
    value = pl.col(first)
    for name in rest:
        value = value.struct.field(name)
    return value


def _nodes(node: Node, is_in_array: bool = False) -> Iterator[tuple[Node, bool]]:
    yield node, is_in_array
    for child in node.properties.values():
        yield from _nodes(child, is_in_array)
    if node.items is not None:
        yield from _nodes(node.items, True)


def _texts(root: Node) -> list[str]:
    return [node.path for node, is_in_array in _nodes(root) if node.path and not is_in_array and _is_text(node)]


def _is_text(node: Node) -> bool:
    return node.value_types == {"string"} and node.format is None and node.items is None


def _schema(node: Node, parent: str | None = None) -> Iterator[dict[str, Any]]:
    for name, child in node.properties.items():
        is_nullable = "null" in child.types if child.types is not None else None in (child.enum or (None,))
        is_array = child.items is not None
        if name in node.required and not is_nullable and not child.properties and not is_array:
            yield _not_null(child.path, parent, IS_THERE) if parent else _not_null(child.path)
        if child.enum is not None:
            yield _in_set(child.path, [value for value in child.enum if value is not None])
        if _is_text(child):
            shortest, longest = child.lengths
            if shortest is not None or longest is not None:
                bounds = {"min_value": shortest, "max_value": longest}
                yield _expect("expect_column_value_lengths_to_be_between", column=_column(child.path), **bounds)
            if child.pattern_source is not None:
                yield _regex(child.path, to_python(child.pattern_source), "match")
        if child.limits:
            yield _between(child)
        if child.properties:
            yield from _schema(child, _column(child.path))


def _between(node: Node) -> dict[str, Any]:
    kwargs: dict[str, Any] = {}
    for keyword, limit in node.limits.items():
        side = "min" if "min" in keyword.lower() else "max"
        kwargs |= {f"{side}_value": float(limit), f"strict_{side}": keyword.startswith("exclusive")}
    return _expect("expect_column_values_to_be_between", column=_column(node.path), **kwargs)


def _codes(root: Node, field: str, name: str) -> dict[str, Any]:
    """What does not have the pattern is judged by `schema` alone: such a value is let pass by a pattern that admits it."""
    node = root.find(field)
    codes = "|".join(sorted(codes_of(name)))
    pattern = f"^(?:{codes})\\Z"
    if node is not None and node.pattern_source is not None:
        pattern += f"|^(?!(?:{to_python(node.pattern_source)}))"
    return _regex(field, f"(?s){pattern}", "match")


def _order(place: int) -> dict[str, Any]:
    return _expect(
        "expect_column_pair_values_a_to_be_greater_than_b",
        column_A=f"clocks_{place}_later",
        column_B=f"clocks_{place}_earlier",
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )


def _not_null(path: str, by: str | None = None, value: Any = None) -> dict[str, Any]:
    condition = {} if by is None else {"row_condition": f"{by} == {value!r}", "condition_parser": "pandas"}
    return _expect("expect_column_values_to_not_be_null", column=_column(path), **condition)


def _in_set(path: str, values: list[Any]) -> dict[str, Any]:
    return _expect("expect_column_values_to_be_in_set", column=_column(path), value_set=values)


def _regex(path: str, pattern: str, verb: str) -> dict[str, Any]:
    return _expect(f"expect_column_values_to_{verb}_regex", column=_column(path), regex=pattern)


def _expect(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs}
