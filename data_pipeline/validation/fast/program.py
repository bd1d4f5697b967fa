"""A schema version and the catalogue, as the tables that the scanner runs on.

Belongs here: nodes to numbers, names and allowed values to hash tables, patterns to automata.
Does not: scanning (`scanner.py`), rules across fields (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data_pipeline.contracts.codes import codes_of
from data_pipeline.contracts.contract import VERSION_FIELD, Contract
from data_pipeline.contracts.schema import Node
from data_pipeline.validation.content_hash import hash_string
from data_pipeline.validation.fast.automaton import NotRegularError, compile_automaton

NULL, BOOLEAN, STRING, INTEGER, NUMBER, OBJECT, ARRAY = 1, 2, 4, 8, 16, 32, 64
_BITS = {"null": NULL, "boolean": BOOLEAN, "string": STRING, "integer": INTEGER, "number": NUMBER, "object": OBJECT, "array": ARRAY}
INSTANT_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$"

# How a string is judged and stored.
TEXT, VALUES, INSTANT, CODES = 0, 1, 2, 3
# What the privacy rule asks of a string.
PRIVATE_TEXT, ADDRESS = 1, 2

_LARGE = 2**62
_MOST_PROPERTIES = 64


# Places in `Tables.bits`.
SIZE_BIT, JSON_BIT, TYPES_BIT, SCHEMA_BIT, TEXT_BIT, CODES_BIT, PRIVACY_BIT = range(7)
_BIT_KINDS = ("size", "json", "types", "schema", "text", "codes", "privacy")


class NotScannableError(ValueError):
    """The contract has a shape that the scanner does not know; the exact path judges all of its rows."""


class Tables(NamedTuple):
    """What the compiled scanner reads; index is the node's number unless said otherwise."""

    types: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    scope: npt.NDArray[np.int64]
    child_bit: npt.NDArray[np.uint64]
    required: npt.NDArray[np.uint64]
    is_closed: npt.NDArray[np.bool_]
    has_children: npt.NDArray[np.bool_]
    items: npt.NDArray[np.int64]
    fewest: npt.NDArray[np.int64]
    most: npt.NDArray[np.int64]
    string_kind: npt.NDArray[np.int64]
    code_slot: npt.NDArray[np.int64]
    automaton: npt.NDArray[np.int64]
    privacy: npt.NDArray[np.int64]
    least: npt.NDArray[np.float64]
    greatest: npt.NDArray[np.float64]
    excludes_least: npt.NDArray[np.bool_]
    excludes_greatest: npt.NDArray[np.bool_]
    only_number: npt.NDArray[np.int64]
    has_only_number: npt.NDArray[np.bool_]
    transitions: npt.NDArray[np.int16]
    accepting: npt.NDArray[np.bool_]
    names_a: npt.NDArray[np.uint64]
    names_b: npt.NDArray[np.uint64]
    names_node: npt.NDArray[np.int64]
    names_child: npt.NDArray[np.int64]
    values_a: npt.NDArray[np.uint64]
    values_b: npt.NDArray[np.uint64]
    values_node: npt.NDArray[np.int64]
    values_code: npt.NDArray[np.int64]
    stride: npt.NDArray[np.int64]
    limits: npt.NDArray[np.int64]
    declared: npt.NDArray[np.int64]
    has_enum: npt.NDArray[np.bool_]
    is_plain: npt.NDArray[np.bool_]
    version_bit: npt.NDArray[np.uint64]
    bits: npt.NDArray[np.uint64]
    left_out: npt.NDArray[np.uint64]


@dataclass
class ScanNode:
    """Where a node's values are found after a scan.

    Attributes:
        number: index into the tables.
        node: the schema's node.
        scope: 0 for the row itself, one more for each array.
        slot: place in a record of that scope.
        code_slot: place of the code of a string's value, -1 where none is kept.
        values: allowed strings in the order of their codes.
        is_strict: whether other strings are none of the allowed ones.
        item_scope: for an array, the scope of its items.
        parent: number of the parent, -1 for the whole value.
    """

    number: int
    node: Node
    scope: int
    slot: int
    parent: int
    code_slot: int = -1
    values: list[str] = field(default_factory=list)
    is_strict: bool = False
    item_scope: int = -1
    items: ScanNode | None = None
    children: dict[str, ScanNode] = field(default_factory=dict)


class Program:
    """A compiled schema version.

    Args:
        contract: for the size rule, the codes rule, and the fields whose values the other rules compare.
        schema: the version to compile.
        source: name of the source.

    Attributes:
        tables: for the scanner.
        nodes: by number.
        schema: the compiled version.
        rule_bits: the bit of each rule in a row's set of broken rules, in the catalogue's order.
        root: the whole value.
        by_path: nodes by dotted path; an array's path is that of its items too, the array wins.
    """

    def __init__(self, contract: Contract, schema: Node, source: str) -> None:
        self._contract = contract
        self.nodes: list[ScanNode] = []
        self._slot_counts: list[int] = [0]
        self._compared = _compared_values(contract, source)
        self.rule_bits = {rule.name: 1 << place for place, rule in enumerate(contract.rules)}
        self.schema = schema
        self._is_latest = schema is contract.latest
        self.by_path: dict[str, ScanNode] = {}
        self.root = self._add(schema, 0, -1)
        self.scope_count = len(self._slot_counts)
        self.tables = self._tables()

    def find(self, path: str) -> ScanNode | None:
        """The node of a dotted path, None where this version does not have it."""
        return self.by_path.get(path)

    def _add(self, node: Node, scope: int, parent: int) -> ScanNode:
        found = ScanNode(len(self.nodes), node, scope, self._slot(scope), parent)
        self.nodes.append(found)
        self.by_path.setdefault(node.path, found)
        if len(node.properties) > _MOST_PROPERTIES:
            raise NotScannableError(f"'{node.path}' has more than {_MOST_PROPERTIES} properties")
        if node.value_types == {"string"}:
            self._values(found)
        for name, child in node.properties.items():
            found.children[name] = self._add(child, scope, found.number)
        if node.items is not None:
            found.item_scope = len(self._slot_counts)
            self._slot_counts.append(0)
            found.items = self._add(node.items, found.item_scope, found.number)
        return found

    def _slot(self, scope: int) -> int:
        self._slot_counts[scope] += 1
        return self._slot_counts[scope] - 1

    def _values(self, found: ScanNode) -> None:
        enum = [value for value in found.node.enum or () if value is not None]
        codes = self._contract.rule("codes")
        compared = self._compared.get(found.node.path, [])
        if codes is not None and found.node.path in codes.lists:
            known = codes_of(codes.lists[found.node.path])
            found.values, found.is_strict = sorted(known & set(enum) if enum else known), True
        elif enum:
            found.values, found.is_strict = enum, True
        else:
            found.values = list(dict.fromkeys(compared))
        if found.values:
            found.code_slot = self._slot(found.scope)

    def _tables(self) -> Tables:
        nodes = self.nodes
        count = len(nodes)
        ints = {name: np.zeros(count, np.int64) for name in ("types", "fewest", "string_kind", "privacy", "only_number")}
        most = np.full(count, _LARGE, np.int64)
        least, greatest = np.full(count, -np.inf), np.full(count, np.inf)
        flags = {name: np.zeros(count, np.bool_) for name in ("closed", "children", "no_least", "no_greatest", "only")}
        automaton = np.full(count, -1, np.int64)
        child_bit, required = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
        transitions: list[npt.NDArray[np.int16]] = []
        accepting: list[npt.NDArray[np.bool_]] = []
        names: list[tuple[int, str, int]] = []
        values: list[tuple[int, str, int]] = []
        privacy, codes = self._contract.rule("privacy"), self._contract.rule("codes")
        for found in nodes:
            node, number = found.node, found.number
            ints["types"][number] = _type_bits(node)
            flags["closed"][number], flags["children"][number] = node.closed, bool(node.properties)
            for place, (name, child) in enumerate(found.children.items()):
                names.append((number, name, child.number))
                child_bit[child.number] = 1 << place
                if name in node.required:
                    required[number] |= np.uint64(1 << place)
            if not set(node.required) <= set(node.properties):
                raise NotScannableError(f"'{node.path}' requires a member that it does not describe")
            values += [(number, value, code) for code, value in enumerate(found.values)]
            lengths = node.lengths if node.value_types == {"string"} else node.item_counts
            ints["fewest"][number] = lengths[0] or 0
            most[number] = _LARGE if lengths[1] is None else lengths[1]
            if node.value_types == {"string"}:
                is_instant = node.format == "date-time" and node.pattern_source == INSTANT_PATTERN
                is_code = codes is not None and node.path in codes.lists
                ints["string_kind"][number] = INSTANT if is_instant else CODES if is_code else VALUES if found.is_strict else TEXT
                if node.format is not None and not is_instant:
                    ints["types"][number] &= ~STRING
                if node.pattern_source is not None and not is_instant:
                    try:
                        compiled = compile_automaton(node.pattern_source)
                    except NotRegularError:
                        ints["types"][number] &= ~STRING
                    else:
                        automaton[number] = sum(len(rows) for rows in transitions)
                        transitions.append(compiled.transitions + np.int16(0))
                        accepting.append(compiled.accepting)
                if privacy is not None:
                    ints["privacy"][number] = PRIVATE_TEXT * (node.path in privacy.texts) | ADDRESS * (node.path in privacy.addresses)
            if node.value_types <= {"number", "integer"} and node.value_types:
                _limits(node, number, least, greatest, flags)
                if node.enum is not None:
                    _only_number(node, number, ints, flags)
            elif node.value_types == {"boolean"} and node.enum is not None:
                ints["types"][number] &= NULL
        return Tables(
            types=ints["types"],
            slot=np.array([found.slot for found in nodes]),
            scope=np.array([found.scope for found in nodes]),
            child_bit=child_bit,
            required=required,
            is_closed=flags["closed"],
            has_children=flags["children"],
            items=np.array([found.items.number if found.items else -1 for found in nodes]),
            fewest=ints["fewest"],
            most=most,
            string_kind=ints["string_kind"],
            code_slot=np.array([found.code_slot for found in nodes]),
            automaton=automaton,
            privacy=ints["privacy"],
            least=least,
            greatest=greatest,
            excludes_least=flags["no_least"],
            excludes_greatest=flags["no_greatest"],
            only_number=ints["only_number"],
            has_only_number=flags["only"],
            transitions=np.concatenate([*transitions, np.zeros((1, 256), np.int16)]),
            accepting=np.concatenate([*accepting, np.zeros(1, np.bool_)]),
            **_lookup("names", "child", names),
            **_lookup("values", "code", values),
            stride=np.array(self._slot_counts),
            limits=np.array([self._contract.rule("size").max_bytes, self._is_latest]),
            declared=np.array([_declared_bits(found.node) for found in nodes]),
            has_enum=np.array([found.node.enum is not None for found in nodes]),
            is_plain=np.array([self._is_plain(found, ints["types"][found.number]) for found in nodes]),
            version_bit=np.array([self._version_bit(child_bit)], np.uint64),
            bits=np.array([self._bit_of(kind) for kind in _BIT_KINDS], np.uint64),
            left_out=np.array(hash_string("sent_at"), np.uint64),
        )

    def _bit_of(self, kind: str) -> int:
        rule = self._contract.rule(kind)
        return 0 if rule is None else self.rule_bits[rule.name]

    def _version_bit(self, child_bit: npt.NDArray[np.uint64]) -> int:
        version = self.root.children.get(VERSION_FIELD)
        return 0 if version is None else int(child_bit[version.number])

    def _is_plain(self, found: ScanNode, types: int) -> bool:
        """Whether the scanner can say by itself which rules a value of this node breaks.

        Not of the version, which decides what judges the row, nor where a keyword looks at values of another type.
        """
        node, kinds = found.node, found.node.value_types
        is_version = found.parent == 0 and found is self.root.children.get(VERSION_FIELD)
        has_codes_and_enum = (
            node.enum is not None and self._contract.rule("codes") is not None and (node.path in self._contract.rule("codes").lists)
        )
        is_foreign = (
            (kinds != {"string"} and (node.pattern is not None or node.lengths != (None, None) or node.format is not None))
            or (not kinds <= {"number", "integer"} and bool(node.limits))
            or (kinds != {"array"} and (node.item_counts != (None, None) or node.items is not None))
            or (kinds != {"object"} and (bool(node.properties) or bool(node.required) or node.closed))
        )
        is_supported = types == _type_bits(node)
        return bool(kinds) and is_supported and not (is_version or has_codes_and_enum or is_foreign)


def _declared_bits(node: Node) -> int:
    """What the keyword `type` allows, whatever an enum leaves of it."""
    return sum(_BITS[name] for name in (node.types if node.types is not None else _BITS))


def _compared_values(contract: Contract, source: str) -> dict[str, list[str]]:
    """Values that rules across fields compare with, by field."""
    found: dict[str, list[str]] = {}
    for rule in contract.rules:
        if rule.kind == "required_by_value":
            found.setdefault(rule.by, []).extend(rule.required)
        elif rule.kind == "value_by_source":
            found.setdefault(rule.field, []).extend(rule.values.values())
        elif rule.kind == "source":
            found.setdefault(rule.field, []).append(source)
    return found


def _type_bits(node: Node) -> int:
    names = set(node.types) if node.types is not None else set(_BITS)
    if node.enum is not None:
        allowed = {"null" if value is None else "boolean" if isinstance(value, bool) else type(value).__name__ for value in node.enum}
        kinds = {"str": {"string"}, "int": {"integer", "number"}, "Decimal": {"number", "integer"}}
        names &= set().union(*(kinds.get(name, {name}) for name in allowed))
    return sum(_BITS[name] for name in names)


def _limits(
    node: Node, number: int, least: npt.NDArray[np.float64], greatest: npt.NDArray[np.float64], flags: Mapping[str, npt.NDArray[np.bool_]]
) -> None:
    for keyword, limit in node.limits.items():
        if Decimal(float(limit)) != limit:
            raise NotScannableError(f"the {keyword} {limit} of '{node.path}' is no double")
        is_low, excludes = keyword in ("minimum", "exclusiveMinimum"), keyword.startswith("exclusive")
        bounds = least if is_low else greatest
        if np.isinf(bounds[number]) or (limit > bounds[number]) == is_low:
            bounds[number] = float(limit)
            flags["no_least" if is_low else "no_greatest"][number] = excludes
        elif limit == bounds[number]:
            flags["no_least" if is_low else "no_greatest"][number] |= excludes


def _only_number(node: Node, number: int, ints: Mapping[str, npt.NDArray[np.int64]], flags: Mapping[str, npt.NDArray[np.bool_]]) -> None:
    """An enum of one whole number is checked; another one makes its numbers doubtful."""
    allowed = [value for value in node.enum or () if value is not None]
    if len(allowed) == 1 and isinstance(allowed[0], int):
        ints["only_number"][number], flags["only"][number] = allowed[0], True
    else:
        ints["types"][number] &= ~(INTEGER | NUMBER)


def _lookup(prefix: str, result: str, entries: list[tuple[int, str, int]]) -> dict[str, Any]:
    """An open hash table from node and string to a number; the scanner steps on from the first place to an empty one."""
    size = 8
    while size < 4 * len(entries):
        size *= 2
    lanes_a, lanes_b = np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    nodes, results = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
    for node, text, number in entries:
        a, b = hash_string(text)
        place = (a + node * 7) % size
        while nodes[place] != -1:
            place = (place + 1) % size
        lanes_a[place], lanes_b[place], nodes[place], results[place] = a, b, node, number
    return {f"{prefix}_a": lanes_a, f"{prefix}_b": lanes_b, f"{prefix}_node": nodes, f"{prefix}_{result}": results}
