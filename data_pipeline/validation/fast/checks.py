"""Rules across fields over the slots of rows that were read: which of them are broken, and which cannot be told here.

Belongs here: the catalogue's rules in whole columns; what is not certain is doubtful. Does not: rows in Python (`exact/rules.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipeline.contracts.catalogue import (
    RECEIVED_AT,
    ClocksRule,
    MoneyRule,
    RequiredBySourceRule,
    RequiredByValueRule,
    SourceRule,
    ValueBySourceRule,
)
from data_pipeline.contracts.contract import Contract
from data_pipeline.validation.fast.money import BROKEN, DOUBTFUL, SCALE_DECIMALS, judge_money
from data_pipeline.validation.fast.program import INSTANT, NotScannableError, Program, ScanNode
from data_pipeline.validation.fast.scanner import ABSENT, Slots

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class View:
    """Columns of the accepted records of a scan."""

    def __init__(self, slots: Slots, received_at: Ints, has_received_at: Mask) -> None:
        self.slots = slots
        self.count = int(slots.count[0])
        self.received_at = received_at
        self.has_received_at = has_received_at

    def lengths(self, slot: int) -> npt.NDArray[np.int32]:
        """Lengths of a slot of the row itself; negative where null or absent."""
        return self.slots.length[: self.slots.capacity[0] * self._stride].reshape(-1, self._stride)[: self.count, slot]

    def numbers(self, slot: int) -> Ints:
        """Numbers of a slot of the row itself."""
        return self.slots.number[: self.slots.capacity[0] * self._stride].reshape(-1, self._stride)[: self.count, slot]

    @property
    def _stride(self) -> int:
        return int(self.slots.stride[0])

    def is_there(self, node: ScanNode) -> Mask:
        """Where a field is neither absent nor null, of whatever type."""
        found: Mask = self.lengths(node.slot) != ABSENT
        return found

    def is_judgeable(self, node: ScanNode) -> Mask:
        """Where a field has a value of its type."""
        return self.lengths(node.slot) >= 0

    def codes(self, node: ScanNode) -> Ints:
        """Codes of a string's values, -1 for another value, null and absent."""
        return np.where(self.lengths(node.code_slot) >= 0, self.numbers(node.code_slot), -1)


@dataclass(frozen=True)
class Found:
    """Records that break a rule, and records of which that is not certain."""

    broken: Mask
    is_doubtful: Mask | None = None


Check = Callable[[View], Found]


def compile_checks(contract: Contract, source: str, program: Program) -> list[tuple[str, Check]]:
    """For each rule across fields its name and a function that says which records break it.

    Raises:
        NotScannableError: a rule reads what this version has not, or in a form that is not compiled.
    """
    makers: dict[type, Callable[[Any, str, Program], Check]] = {
        SourceRule: _source,
        RequiredByValueRule: _required_by_value,
        RequiredBySourceRule: _required_by_source,
        ValueBySourceRule: _value_by_source,
        ClocksRule: _clocks,
        MoneyRule: _money,
    }
    return [(rule.name, makers[type(rule)](rule, source, program)) for rule in contract.rules if type(rule) in makers]


def _node(program: Program, path: str) -> ScanNode:
    node = program.find(path)
    if node is None or node.scope != 0:
        raise NotScannableError(f"'{path}' is not a field of the row itself")
    return node


def _source(rule: SourceRule, source: str, program: Program) -> Check:
    node = _node(program, rule.field)
    return _is_not(node, source)


def _is_not(node: ScanNode, wanted: str) -> Check:
    """A value that the scan does not know by its code cannot be told from others."""
    if wanted not in node.values:
        return lambda view: Found(np.zeros(view.count, np.bool_), np.ones(view.count, np.bool_))
    code = node.values.index(wanted)
    return lambda view: Found(view.codes(node) != code)


def _required_by_value(rule: RequiredByValueRule, source: str, program: Program) -> Check:
    by = _node(program, rule.by)
    needed: dict[str, list[int]] = {}
    for value, fields in rule.required.items():
        if value in by.values:
            for field in fields:
                needed.setdefault(field, []).append(by.values.index(value))
    tables = []
    for field, codes in needed.items():
        table = np.zeros(len(by.values) + 1, np.bool_)
        table[codes] = True
        tables.append((_node(program, field), table))

    def check(view: View) -> Found:
        codes = view.codes(by)
        found = np.zeros(view.count, np.bool_)
        for node, table in tables:
            found |= table[codes] & ~view.is_there(node)
        return Found(found)

    return check


def _required_by_source(rule: RequiredBySourceRule, source: str, program: Program) -> Check:
    groups = []
    for item in rule.required:
        if item.holds_for(source):
            groups += [[_node(program, field)] for field in item.all_of]
            groups += [[_node(program, field) for field in item.any_of]] if item.any_of else []

    def check(view: View) -> Found:
        found = np.zeros(view.count, np.bool_)
        for group in groups:
            found |= ~np.logical_or.reduce([view.is_there(node) for node in group])
        return Found(found)

    return check


def _value_by_source(rule: ValueBySourceRule, source: str, program: Program) -> Check:
    node = _node(program, rule.field)
    wanted = rule.values.get(source)
    if wanted is None:
        return lambda view: Found(np.zeros(view.count, np.bool_))
    return _is_not(node, wanted)


def _clocks(rule: ClocksRule, source: str, program: Program) -> Check:
    nodes = {field: _node(program, field) for field in rule.fields()}
    for field, node in nodes.items():
        if program.tables.string_kind[node.number] != INSTANT:
            raise NotScannableError(f"'{field}' is an instant of a form that is not compiled")

    def check(view: View) -> Found:
        found = np.zeros(view.count, np.bool_)
        known = {RECEIVED_AT: (view.has_received_at, view.received_at)}
        known |= {field: (view.is_judgeable(node), view.numbers(node.slot)) for field, node in nodes.items()}
        for order in rule.orders:
            (has_earlier, earlier), (has_later, later) = known[order.earlier], known[order.later]
            found |= has_earlier & has_later & (earlier > later + order.allowance_ms)
        return Found(found)

    return check


def _money(rule: MoneyRule, source: str, program: Program) -> Check:
    items = _node(program, rule.items)
    scalars = [_node(program, field).slot for field in (*rule.subtract, *rule.add, rule.total)]
    members = items.items.children if items.items is not None else {}
    tolerance = rule.tolerance * 10**SCALE_DECIMALS
    if rule.quantity not in members or rule.unit_price not in members or tolerance != int(tolerance) or tolerance > Decimal(2**40):
        raise NotScannableError("the rule money is not compiled for these fields")
    quantity, price = members[rule.quantity], members[rule.unit_price]
    signs = np.array([1] * len(rule.subtract) + [-1] * len(rule.add) + [0], np.int64)

    def check(view: View) -> Found:
        found = np.zeros(view.count, np.uint8)
        judge_money(
            view.slots, items.slot, items.item_scope, quantity.slot, price.slot, np.array(scalars), signs, int(tolerance), view.count, found
        )
        return Found(found == BROKEN, found == DOUBTFUL)

    return check
