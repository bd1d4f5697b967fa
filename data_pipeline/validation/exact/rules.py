"""The catalogue's rules, compiled to functions that say whether one parsed row breaks them.

Belongs here: the meaning of each kind of rule. Does not: strict JSON (`strict_json.py`), keywords (`keywords.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from data_pipeline.contracts.catalogue import (
    RECEIVED_AT,
    ClocksRule,
    CodesRule,
    MoneyRule,
    PrivacyRule,
    RequiredBySourceRule,
    RequiredByValueRule,
    SourceRule,
    ValueBySourceRule,
)
from data_pipeline.contracts.codes import codes_of
from data_pipeline.contracts.contract import Contract
from data_pipeline.contracts.schema import Node
from data_pipeline.validation.exact.keywords import FORMAT_CHECKS, has_type
from data_pipeline.validation.exact.money import breaks_money
from data_pipeline.validation.exact.privacy import holds_personal_data, is_truncated_address

Row = Mapping[str, Any]
Judge = Callable[[Row, int | None], bool]
"""Takes a parsed row and its received_at in milliseconds (None where unknown); true where the rule is broken."""

_ABSENT = object()


def values_at(row: Any, path: tuple[str, ...]) -> list[Any]:
    """What stands at a path: nothing, one value, or one for each item of the arrays on the way."""
    found = [row]
    for name in path:
        opened = [item for value in found for item in (value if isinstance(value, list) else [value])]
        found = [value[name] for value in opened if isinstance(value, dict) and name in value]
    return found


def value_at(row: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path of objects, None where something on the way is absent or no object."""
    for name in path:
        if not isinstance(row, dict):
            return None
        row = row.get(name)
    return row


def compile_rules(contract: Contract, source: str) -> list[tuple[str, Judge]]:
    """Name and function of each rule across fields, for rows of one source, in the catalogue's order."""
    makers: dict[type, Callable[..., Judge]] = {
        SourceRule: _source,
        RequiredByValueRule: _required_by_value,
        RequiredBySourceRule: _required_by_source,
        ValueBySourceRule: _value_by_source,
        ClocksRule: _clocks,
        MoneyRule: _money,
        CodesRule: _codes,
        PrivacyRule: _privacy,
    }
    return [(rule.name, makers[type(rule)](rule, contract.latest, source)) for rule in contract.rules if type(rule) in makers]


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(dotted.split("."))


def _node(schema: Node, field: str) -> Node:
    node = schema.find(field)
    if node is None:
        raise KeyError(field)
    return node


def _source(rule: SourceRule, schema: Node, source: str) -> Judge:
    path = _path(rule.field)
    return lambda row, received_at: value_at(row, path) != source


def _required_by_value(rule: RequiredByValueRule, schema: Node, source: str) -> Judge:
    by = _path(rule.by)
    required = {value: [_path(field) for field in fields] for value, fields in rule.required.items()}

    def judge(row: Row, received_at: int | None) -> bool:
        value = value_at(row, by)
        return isinstance(value, str) and any(value_at(row, path) is None for path in required.get(value, ()))

    return judge


def _required_by_source(rule: RequiredBySourceRule, schema: Node, source: str) -> Judge:
    requirements = [item for item in rule.required if item.holds_for(source)]
    all_of = [_path(field) for item in requirements for field in item.all_of]
    any_of = [[_path(field) for field in item.any_of] for item in requirements if item.any_of]

    def judge(row: Row, received_at: int | None) -> bool:
        return any(value_at(row, path) is None for path in all_of) or any(
            all(value_at(row, path) is None for path in paths) for paths in any_of
        )

    return judge


def _value_by_source(rule: ValueBySourceRule, schema: Node, source: str) -> Judge:
    path = _path(rule.field)
    wanted = rule.values.get(source)
    return lambda row, received_at: wanted is not None and value_at(row, path) != wanted


def _clocks(rule: ClocksRule, schema: Node, source: str) -> Judge:
    nodes = {field: _node(schema, field) for field in rule.fields()}
    paths = {field: _path(field) for field in nodes}

    def judge(row: Row, received_at: int | None) -> bool:
        instants: dict[str, Any] = {field: _instant(value_at(row, paths[field]), node) for field, node in nodes.items()}
        instants[RECEIVED_AT] = received_at
        for order in rule.orders:
            earlier, later = instants[order.earlier], instants[order.later]
            if earlier is not None and later is not None and earlier > later + order.allowance_ms:
                return True
        return False

    return judge


def _instant(value: Any, node: Node) -> Any:
    """Milliseconds of a well-formed instant; None for what the schema rejects already, which no clock can judge."""
    if not isinstance(value, str) or (node.pattern is not None and node.pattern.search(value) is None):
        return None
    return FORMAT_CHECKS["date-time"](value)


def _money(rule: MoneyRule, schema: Node, source: str) -> Judge:
    scalars = {field: (_path(field), _node(schema, field)) for field in (*rule.subtract, *rule.add, rule.total)}
    items_path = _path(rule.items)
    quantity_node = _node(schema, f"{rule.items}.{rule.quantity}")
    price_node = _node(schema, f"{rule.items}.{rule.unit_price}")

    def judge(row: Row, received_at: int | None) -> bool:
        items = value_at(row, items_path)
        if not isinstance(items, list):
            return False
        numbers = {}
        for field, (path, node) in scalars.items():
            number = _number(value_at(row, path), node)
            if number is None:
                return False
            numbers[field] = number
        lines = []
        for item in items:
            member = item if isinstance(item, dict) else {}
            quantity, price = _number(member.get(rule.quantity), quantity_node), _number(member.get(rule.unit_price), price_node)
            if quantity is None or price is None:
                return False
            lines.append((quantity, price))
        return breaks_money(
            rule, lines, [numbers[field] for field in rule.subtract], [numbers[field] for field in rule.add], numbers[rule.total]
        )

    return judge


def _number(value: Any, node: Node) -> Decimal | None:
    """A number of the type that the schema asks for, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    return Decimal(value) if node.types is None or has_type(value, node.types) else None


def _codes(rule: CodesRule, schema: Node, source: str) -> Judge:
    fields = [(_path(field), _node(schema, field).pattern, codes_of(name)) for field, name in rule.lists.items()]

    def judge(row: Row, received_at: int | None) -> bool:
        for path, pattern, codes in fields:
            for value in values_at(row, path):
                if isinstance(value, str) and value not in codes and (pattern is None or pattern.search(value) is not None):
                    return True
        return False

    return judge


def _privacy(rule: PrivacyRule, schema: Node, source: str) -> Judge:
    texts = [_path(field) for field in rule.texts]
    addresses = [_path(field) for field in rule.addresses]
    return partial(_breaks_privacy, texts, addresses)


def _breaks_privacy(texts: list[tuple[str, ...]], addresses: list[tuple[str, ...]], row: Row, received_at: int | None) -> bool:
    return any(holds_personal_data(text) for path in texts for text in _strings_at(row, path)) or any(
        not is_truncated_address(text) for path in addresses for text in _strings_at(row, path)
    )


def _strings_at(row: Row, path: tuple[str, ...]) -> list[str]:
    return [value for value in values_at(row, path) if isinstance(value, str)]
