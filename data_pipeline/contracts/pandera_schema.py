"""The catalogue as pandera checks on typed columns (polars): a second reading of the rules, for tests and for notebooks.

Belongs here: rules that can be said of staged columns. Does not: what is lost once a row is typed (strict JSON, types,
unknown fields), and speed: the engine that runs in production is `validation/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pandera.polars as pandera
import polars as pl
from pandera.errors import SchemaErrors

from data_pipeline.contracts.catalogue import RECEIVED_AT
from data_pipeline.contracts.codes import codes_of
from data_pipeline.contracts.contract import Contract
from data_pipeline.contracts.ecma import to_python
from data_pipeline.contracts.schema import Node

_NO_TEXT = r"[\x{00}-\x{1f}\x{7f}-\x{9f}\x{200b}\x{2060}\x{feff}\x{061c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{fffd}]"
_EMAIL = r"[\w!$'*+^`{|}~-](@|%40)[\w-]+(\.[\w-]+)*\.\pL{2,}"
_FILE_NAME = r"\.(avif|bmp|css|gif|html?|ico|jpe?g|js|json|mjs|pdf|php|png|svg|tiff?|txt|ts|webm|webp|woff2?|xml)$"
"""What ends `logo@2x.png`, which is no address."""
_TELEPHONE = r"\+[0-9]{8,15}([^0-9]|$)"
_IPV4 = r"^(\d{1,3}\.){3}0$"
_IPV6 = r"^[0-9A-Fa-f:]+$"


def pandera_schema(contract: Contract, source: str) -> pandera.DataFrameSchema:
    """One check a rule, named by it, each giving true or false for every row.

    Args:
        contract: schema and rules.
        source: name of the source that the rows came from.
    """
    makers = {
        "schema": lambda rule: _schema(contract.latest),
        "source": lambda rule: [_field(rule.field).eq_missing(source)],
        "required_by_value": _required_by_value,
        "required_by_source": lambda rule: _required_by_source(rule, source),
        "value_by_source": lambda rule: [_field(rule.field).eq_missing(rule.values[source])] if source in rule.values else [],
        "clocks": _clocks,
        "money": _money,
        "codes": lambda rule: [_code(contract.latest, field, name) for field, name in rule.lists.items()],
        "text": lambda rule: [~text.str.contains(_NO_TEXT) for text in _texts(contract.latest)],
        "privacy": _privacy,
    }
    checks = []
    for rule in contract.rules:
        if rule.kind in makers:
            conditions = [condition.fill_null(True) for condition in makers[rule.kind](rule)]
            if conditions:
                checks.append(_check(rule.name, rule.sentence, pl.all_horizontal(conditions)))
    return pandera.DataFrameSchema(checks=checks, name=contract.name)


def failed_rules(schema: pandera.DataFrameSchema, frame: pl.DataFrame) -> list[list[str]]:
    """For each row the names of the checks that it fails.

    Raises:
        RuntimeError: pandera could not run a check, which it reports as a failure without rows.
    """
    found: list[list[str]] = [[] for _ in range(frame.height)]
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        for error in errors.schema_errors:
            if error.check_output is None:
                raise RuntimeError(f"pandera could not run the check {error.check}: {error}") from error
            passed = pl.DataFrame(error.check_output).to_series(0)
            for row in passed.not_().arg_true():
                found[row].append(error.check.name)
    return found


def _check(name: str, sentence: str, condition: pl.Expr) -> pandera.Check:
    return pandera.Check(lambda data: data.lazyframe.select(condition.alias(name)), name=name, description=sentence)


def _field(path: str) -> pl.Expr:
    first, *rest = path.split(".")
    column = pl.col(first)
    for name in rest:
        column = column.struct.field(name)
    return column


def _schema(root: Node) -> list[pl.Expr]:
    found = []
    for name, child in root.properties.items():
        found += list(_keywords(child, pl.col(name), name in root.required, pl.lit(True)))
    return found


def _keywords(node: Node, value: pl.Expr, is_required: bool, has_parent: pl.Expr) -> Iterator[pl.Expr]:
    """Conditions on a value; null where the value is, which counts as passed."""
    is_nullable = "null" in node.types if node.types is not None else None in (node.enum or (None,))
    if is_required and not is_nullable:
        yield value.is_not_null() | ~has_parent
    if node.enum is not None:
        yield value.is_in([allowed for allowed in node.enum if allowed is not None])
    if node.value_types == {"string"} and node.format is None:
        shortest, longest = node.lengths
        yield value.str.len_chars().is_between(shortest or 0, longest if longest is not None else 2**31)
        if node.pattern_source is not None:
            yield value.str.contains(_rust(node.pattern_source))
    for keyword, limit in node.limits.items():
        name = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}[keyword]
        yield getattr(value, name)(float(limit))
    for name, child in node.properties.items():
        yield from _keywords(child, value.struct.field(name), name in node.required, value.is_not_null())
    if node.items is not None:
        fewest, most = node.item_counts
        yield value.list.len().is_between(fewest or 0, most if most is not None else 2**31)
        for condition in _keywords(node.items, pl.element(), True, pl.lit(True)):
            yield value.list.eval(condition.fill_null(True)).list.all()


def _rust(pattern: str) -> str:
    """The pattern in the syntax of polars, which is Python's but for the end of the text and code points."""
    return re.sub(r"\\u([0-9a-f]{4})", r"\\x{\1}", to_python(pattern).replace("\\Z", "\\z"))


def _required_by_value(rule: Any) -> list[pl.Expr]:
    return [(_field(rule.by) != value) | _field(field).is_not_null() for value, fields in rule.required.items() for field in fields]


def _required_by_source(rule: Any, source: str) -> list[pl.Expr]:
    found: list[pl.Expr] = []
    for item in rule.required:
        if item.holds_for(source):
            found += [_field(field).is_not_null() for field in item.all_of]
            found += [pl.any_horizontal([_field(field).is_not_null() for field in item.any_of])] if item.any_of else []
    return found


def _clocks(rule: Any) -> list[pl.Expr]:
    def instant(name: str) -> pl.Expr:
        return pl.col("received_at") if name == RECEIVED_AT else _field(name)

    return [instant(order.earlier) <= instant(order.later) + pl.duration(milliseconds=order.allowance_ms) for order in rule.orders]


def _money(rule: Any) -> list[pl.Expr]:
    """In millionths, rounded from doubles: exact for amounts of up to six decimals."""

    def millionths(amount: pl.Expr) -> pl.Expr:
        return (amount * 1_000_000).round().cast(pl.Int128)

    line = pl.element().struct.field(rule.quantity).cast(pl.Int128) * millionths(pl.element().struct.field(rule.unit_price))
    amounts = _field(rule.items).list.eval(line)
    lines = pl.when(~amounts.list.eval(pl.element().is_null()).list.any()).then(amounts.list.sum())
    subtracted = sum((millionths(_field(field)) for field in rule.subtract), pl.lit(0, pl.Int128))
    added = sum((millionths(_field(field)) for field in rule.add), pl.lit(0, pl.Int128))
    difference = millionths(_field(rule.total)) - (lines - subtracted + added)
    # Where one number is missing, neither half of the rule is judged.
    return [difference.abs() <= int(rule.tolerance * 1_000_000), pl.when(difference.is_not_null()).then(subtracted <= lines)]


def _code(root: Node, field: str, name: str) -> pl.Expr:
    """What does not have the pattern is judged by `schema` alone."""
    node = root.find(field)
    is_code = _field(field).is_in(sorted(codes_of(name)))
    return is_code if node is None or node.pattern_source is None else is_code | ~_field(field).str.contains(_rust(node.pattern_source))


def _texts(root: Node) -> list[pl.Expr]:
    strings = [node for node in root.walk() if node.path and node.value_types == {"string"} and node.format is None]
    return [_field(node.path) for node in strings if not _in_array(root, node)]


def _in_array(root: Node, node: Node) -> bool:
    parts = node.path.split(".")
    above = [root.find(".".join(parts[:count])) for count in range(1, len(parts))]
    return any(each is not None and each.items is not None for each in above) or node.items is not None


def _privacy(rule: Any) -> list[pl.Expr]:
    found = [~_field(field).str.contains(_TELEPHONE) for field in rule.texts]
    for field in rule.texts:
        addresses = _field(field).str.extract_all(_EMAIL)
        found.append(~addresses.list.eval(~pl.element().str.contains(_FILE_NAME)).list.any())
    for field in rule.addresses:
        address = _field(field)
        found.append(address.str.contains(_IPV4) | (address.str.contains(_IPV6) & address.str.contains("::|:0$")))
    return found
