"""The rule catalogue: each rule of a contract once, with its sentence, its fields and its parameters.

Belongs here: the kinds of rules, how `rules.yaml` is read, and its check against the schema.
Does not: judging of rows (`validation/`), texts rendered from it (`documents.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.codes import CODE_LISTS
from data_pipeline.contracts.schema import Node

RECEIVED_AT = "$received_at"
"""Stands in `clocks` for the record's Kafka timestamp, which is no field of the value."""


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    sentence: str = Field(min_length=1)

    def fields(self) -> tuple[str, ...]:
        """Dotted paths of the fields that the rule reads; none where it reads the whole value."""
        return ()


class SizeRule(_Rule):
    """The value has at most so many bytes."""

    kind: Literal["size"] = "size"
    max_bytes: int = Field(gt=0)


class JsonRule(_Rule):
    """The value is strict JSON."""

    kind: Literal["json"] = "json"


class TypesRule(_Rule):
    """The keyword `type` of the schema."""

    kind: Literal["types"] = "types"


class SchemaRule(_Rule):
    """Every other keyword of the schema."""

    kind: Literal["schema"] = "schema"


class TextRule(_Rule):
    """Every string is clean text."""

    kind: Literal["text"] = "text"


class SourceRule(_Rule):
    """A field says the source that the row came from."""

    kind: Literal["source"] = "source"
    field: str

    def fields(self) -> tuple[str, ...]:
        return (self.field,)


class RequiredByValueRule(_Rule):
    """Which fields must be there depends on another field's value."""

    kind: Literal["required_by_value"] = "required_by_value"
    by: str
    required: dict[str, list[str]]

    def fields(self) -> tuple[str, ...]:
        return (self.by, *_unique(path for paths in self.required.values() for path in paths))


class SourceRequirement(BaseModel):
    """Fields that rows of some sources need.

    Attributes:
        sources: for which sources it holds.
        except_sources: or for all sources but these.
        all_of: fields that must all be there.
        any_of: fields of which one at least must be there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: list[str] | None = None
    except_sources: list[str] | None = None
    all_of: list[str] = []
    any_of: list[str] = []

    def holds_for(self, source: str) -> bool:
        """Whether rows of that source must meet it."""
        if self.sources is not None:
            return source in self.sources
        return source not in (self.except_sources or [])


class RequiredBySourceRule(_Rule):
    """Which fields must be there depends on the source."""

    kind: Literal["required_by_source"] = "required_by_source"
    required: list[SourceRequirement]

    def fields(self) -> tuple[str, ...]:
        return _unique(path for item in self.required for path in (*item.all_of, *item.any_of))


class ValueBySourceRule(_Rule):
    """A field's value is given by the source."""

    kind: Literal["value_by_source"] = "value_by_source"
    field: str
    values: dict[str, str]

    def fields(self) -> tuple[str, ...]:
        return (self.field,)


class ClockOrder(BaseModel):
    """One instant is not later than another plus an allowance.

    Attributes:
        earlier: field of the earlier instant, or `$received_at`.
        later: field of the later instant, or `$received_at`.
        allowance_ms: milliseconds by which it may be later all the same, inclusive.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    earlier: str
    later: str
    allowance_ms: int = Field(0, ge=0)


class ClocksRule(_Rule):
    """Instants stand in their order."""

    kind: Literal["clocks"] = "clocks"
    orders: list[ClockOrder]

    def fields(self) -> tuple[str, ...]:
        return tuple(
            path for path in _unique(path for order in self.orders for path in (order.earlier, order.later)) if path != RECEIVED_AT
        )


class MoneyRule(_Rule):
    """A total agrees with its lines.

    Attributes:
        items: array of objects with a quantity and a price.
        quantity: member of an item.
        unit_price: member of an item.
        subtract: fields that reduce the total; the sum of the lines is not below their sum.
        add: fields that raise it.
        total: the field that is judged.
        tolerance: largest difference, inclusive.
    """

    kind: Literal["money"] = "money"
    items: str
    quantity: str
    unit_price: str
    subtract: list[str]
    add: list[str]
    total: str
    tolerance: Decimal = Field(ge=0)

    def fields(self) -> tuple[str, ...]:
        return (f"{self.items}.{self.quantity}", f"{self.items}.{self.unit_price}", *self.subtract, *self.add, self.total)


class CodesRule(_Rule):
    """Fields hold codes of an international list."""

    kind: Literal["codes"] = "codes"
    lists: dict[str, str]

    def fields(self) -> tuple[str, ...]:
        return tuple(self.lists)


class PrivacyRule(_Rule):
    """Texts hold no personal data, and a network address is truncated."""

    kind: Literal["privacy"] = "privacy"
    texts: list[str] = []
    addresses: list[str] = []

    def fields(self) -> tuple[str, ...]:
        return (*self.texts, *self.addresses)


Rule = Annotated[
    SizeRule
    | JsonRule
    | TypesRule
    | SchemaRule
    | TextRule
    | SourceRule
    | RequiredByValueRule
    | RequiredBySourceRule
    | ValueBySourceRule
    | ClocksRule
    | MoneyRule
    | CodesRule
    | PrivacyRule,
    Field(discriminator="kind"),
]

GENERIC_RULES: tuple[_Rule, ...] = (
    SizeRule(name="size", sentence="The value has at most 65,536 bytes.", max_bytes=65_536),
    JsonRule(
        name="json",
        sentence="The value is there, is UTF-8 and one JSON object; no duplicate key at any depth; no NaN or Infinity; "
        "an integer fits in 64 bits, signed.",
    ),
    TypesRule(
        name="types", sentence='The keyword `type` of the schema, exactly: `"12"` is no integer, `1` is no string, `12.0` is an integer.'
    ),
    SchemaRule(name="schema", sentence="Every other keyword of the schema. Patterns are ECMA-262; lengths count code points."),
    TextRule(
        name="text",
        sentence="In every string at any depth: no control character, no invisible or bidirectional control character, "
        "no replacement character, no mojibake.",
    ),
)
"""What every contract has, with or without a `rules.yaml`."""

_FIELD_TYPES: dict[str, frozenset[str]] = {
    "clocks": frozenset({"string"}),
    "codes": frozenset({"string"}),
    "privacy": frozenset({"string"}),
    "source": frozenset({"string"}),
    "value_by_source": frozenset({"string"}),
    "money": frozenset({"number", "integer"}),
}


def read_rules(path: Path, schema: Node) -> tuple[Any, ...]:
    """The rules of a contract folder, generic ones first where the file does not say them itself.

    Args:
        path: a `rules.yaml`; it need not exist.
        schema: the newest version, against which the fields are checked.

    Raises:
        PermanentError: for a file that is not a catalogue, or a rule that names an unknown field.
    """
    stated = _parse(path) if path.exists() else []
    names = [rule.name for rule in stated]
    for name in names:
        if names.count(name) > 1:
            raise PermanentError(f"{path}: the rule '{name}' stands there twice; say each rule once.")
    kinds = {rule.kind for rule in stated}
    rules = (*(rule for rule in GENERIC_RULES if rule.kind not in kinds), *stated)  # type: ignore[attr-defined]
    for rule in stated:
        _check_fields(path, rule, schema)
    return rules


def _parse(path: Path) -> list[Any]:
    try:
        document: Any = yaml.safe_load(path.read_text())
    except OSError as error:
        raise PermanentError(f"The rule catalogue {path} cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PermanentError(f"The rule catalogue {path} is not YAML: {error}") from error
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list):
        raise PermanentError(f"The rule catalogue {path} has no list `rules:`.")
    parsed = []
    for number, raw in enumerate(rules, 1):
        try:
            parsed.append(TypeAdapter(Rule).validate_python(raw))
        except ValidationError as error:
            first = error.errors()[0]
            name = raw.get("name", number) if isinstance(raw, dict) else number
            where = ".".join(str(part) for part in first["loc"])
            raise PermanentError(f"{path}: rule '{name}' is wrong at '{where}': {first['msg']}.") from None
    return parsed


def _check_fields(path: Path, rule: Any, schema: Node) -> None:
    for field in rule.fields():
        node = schema.find(field)
        if node is None:
            known = ", ".join(sorted(child.path for child in schema.walk() if child.path))
            raise PermanentError(
                f"{path}: rule '{rule.name}' names the field '{field}', which the schema does not have; there are {known}."
            )
        wanted = _FIELD_TYPES.get(rule.kind)
        if wanted and node.value_types and not node.value_types <= wanted:
            raise PermanentError(
                f"{path}: rule '{rule.name}' names the field '{field}', which is {' or '.join(sorted(node.value_types))}; "
                f"a rule of kind {rule.kind} needs {' or '.join(sorted(wanted))}."
            )
    if isinstance(rule, CodesRule):
        for field, name in rule.lists.items():
            if name not in CODE_LISTS:
                raise PermanentError(
                    f"{path}: rule '{rule.name}' wants the list '{name}' for '{field}'; there are {', '.join(CODE_LISTS)}."
                )


def _unique(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(paths))
