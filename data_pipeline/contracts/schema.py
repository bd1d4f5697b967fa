"""A JSON Schema (2020-12) of the kind that topics have, read into a small tree.

Belongs here: which keywords are known, `$ref`, nullable types, and clear refusals of everything else.
Does not: judging of values (`validation/exact/keywords.py`), rules across fields (`catalogue.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.ecma import compile_pattern

TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
FORMATS = frozenset({"date-time", "date", "uuid"})
_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples", "deprecated", "format"})
_KEYWORDS = frozenset(
    [
        "type",
        "required",
        "properties",
        "items",
        "enum",
        "const",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minItems",
        "maxItems",
        "additionalProperties",
        "$ref",
        "anyOf",
    ]
)


@dataclass(frozen=True)
class Node:
    """One place of a schema.

    Attributes:
        path: dotted path of the field, items without index; empty for the whole value.
        types: what `type` allows, None where it is not said.
        required: members that an object must have.
        properties: members by name.
        closed: whether members outside `properties` are refused (`additionalProperties: false`).
        items: what each item of an array must be.
        enum: allowed values (`const` is an enum of one), None for any. Numbers are int or Decimal.
        pattern: compiled pattern with ECMA-262 meaning, and its source.
        lengths: minimum and maximum of code points of a string.
        limits: numeric limits by keyword, such as `{"minimum": Decimal(0)}`.
        item_counts: minimum and maximum of items.
        format: `date-time`, `date`, `uuid` or None.
        annotations: description, x-pii, x-unit and the like.
    """

    path: str
    types: frozenset[str] | None = None
    required: tuple[str, ...] = ()
    properties: Mapping[str, Node] = field(default_factory=dict)
    closed: bool = False
    items: Node | None = None
    enum: tuple[Any, ...] | None = None
    pattern: re.Pattern[str] | None = None
    pattern_source: str | None = None
    lengths: tuple[int | None, int | None] = (None, None)
    limits: Mapping[str, Decimal] = field(default_factory=dict)
    item_counts: tuple[int | None, int | None] = (None, None)
    format: str | None = None
    annotations: Mapping[str, Any] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """The schema's own words, empty where it has none."""
        return str(self.annotations.get("description", ""))

    @property
    def value_types(self) -> frozenset[str]:
        """Types apart from null; read off the enum where `type` is not said."""
        if self.types is not None:
            return self.types - {"null"}
        return frozenset(type_name(value) for value in self.enum or ()) - {"null"}

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents first."""
        yield self
        for child in self.properties.values():
            yield from child.walk()
        if self.items is not None:
            yield from self.items.walk()

    def find(self, path: str) -> Node | None:
        """The node of a dotted path, going through arrays; None where the schema has no such field."""
        node: Node | None = self
        for name in path.split("."):
            while node is not None and node.items is not None:
                node = node.items
            node = node.properties.get(name) if node is not None else None
        return node


def type_name(value: Any) -> str:
    """JSON Schema's name for the type of a parsed value; `integer` for whole numbers."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, (float, Decimal)):
        return "integer" if is_whole(Decimal(value)) else "number"
    return "array" if isinstance(value, list) else "object"


def is_whole(number: Decimal) -> bool:
    """Whether a number has no fraction, without computing its digits (its exponent may be enormous)."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return False
    if exponent >= 0:
        return True
    trailing = 0
    for digit in reversed(digits):
        if digit:
            break
        trailing += 1
    return trailing >= -exponent or trailing == len(digits)


def read_schema(path: Path) -> Node:
    """Read a schema file; PermanentError naming the file, the JSON path and what is allowed."""
    try:
        document = json.loads(path.read_bytes(), parse_float=Decimal)
    except OSError as error:
        raise PermanentError(f"The schema {path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise PermanentError(f"The schema {path} is not JSON: {error}.") from error
    return parse_schema(document, str(path))


def parse_schema(document: Any, where: str) -> Node:
    """Turn a schema document into a tree; PermanentError for what the engine could not judge exactly."""
    root = _Reader(document, where).read(document, "#", "", ())
    if root.types != frozenset({"object"}):
        raise PermanentError(f'{where} at #/type: a topic\'s value is one object; write "type": "object".')
    return root


class _Reader:
    def __init__(self, document: Any, where: str) -> None:
        self.document = document
        self.where = where

    def fail(self, at: str, what: str) -> PermanentError:
        return PermanentError(f"{self.where} at {at}: {what}")

    def read(self, raw: Any, at: str, path: str, seen: tuple[str, ...]) -> Node:
        if not isinstance(raw, dict):
            raise self.fail(at, f"{raw!r} is not a schema; write an object.")
        raw = self.resolved(raw, at, seen)
        seen = (*seen, *((raw.pop("$seen"),) if "$seen" in raw else ()))
        for keyword in raw:
            if keyword not in _KEYWORDS | _ANNOTATIONS and not keyword.startswith("x-"):
                known = ", ".join(sorted(_KEYWORDS))
                raise self.fail(at, f"the keyword '{keyword}' is not supported, so it would not be judged; there are {known}.")
        types = self.types(raw, at)
        children = raw.get("properties", {})
        if not isinstance(children, dict):
            raise self.fail(f"{at}/properties", "write an object of schemas.")
        extra = raw.get("additionalProperties", True)
        if not isinstance(extra, bool):
            raise self.fail(f"{at}/additionalProperties", "only true or false is supported.")
        pattern = raw.get("pattern")
        return Node(
            path=path,
            types=types,
            required=tuple(raw.get("required", ())),
            properties={
                name: self.read(child, f"{at}/properties/{name}", f"{path}.{name}" if path else name, seen)
                for name, child in children.items()
            },
            closed=not extra,
            items=self.read(raw["items"], f"{at}/items", path, seen) if "items" in raw else None,
            enum=self.enum(raw, at),
            pattern=compile_pattern(pattern) if pattern is not None else None,
            pattern_source=pattern,
            lengths=(self.count(raw, "minLength", at), self.count(raw, "maxLength", at)),
            limits={
                key: Decimal(raw[key])
                for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
                if self.is_number(raw, key, at)
            },
            item_counts=(self.count(raw, "minItems", at), self.count(raw, "maxItems", at)),
            format=self.format(raw, types, at),
            annotations={key: value for key, value in raw.items() if key.startswith("x-") or key in ("title", "description")},
        )

    def resolved(self, raw: dict[str, Any], at: str, seen: tuple[str, ...]) -> dict[str, Any]:
        """The schema with its `$ref` put in, and `anyOf: [X, null]` written as a nullable X."""
        raw = dict(raw)
        while "$ref" in raw:
            reference = raw.pop("$ref")
            if reference in seen or reference == raw.get("$seen"):
                raise self.fail(at, f"$ref {reference!r} refers to itself; a value of a topic has a fixed depth.")
            target = self.target(reference, at)
            clash = set(target) & set(raw) - _ANNOTATIONS
            if clash - {"$seen"}:
                raise self.fail(at, f"the keywords {', '.join(sorted(clash))} stand beside a $ref that has them too; say them once.")
            raw = {**target, **raw, "$seen": reference}
        if "anyOf" in raw:
            options = [option for option in raw.pop("anyOf") if option != {"type": "null"}]
            if len(options) != 1 or not isinstance(options[0], dict):
                raise self.fail(at, 'anyOf is supported for one schema and {"type": "null"} only.')
            option = self.resolved(options[0], f"{at}/anyOf", seen)
            if "type" in option:
                names = option["type"] if isinstance(option["type"], list) else [option["type"]]
                option["type"] = [*names, "null"]
            if "enum" in option:
                option["enum"] = [*option["enum"], None]
            raw = {**option, **raw}
        return raw

    def target(self, reference: Any, at: str) -> dict[str, Any]:
        target: Any = self.document
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise self.fail(at, f"$ref {reference!r} is not supported; refer within the file, such as #/$defs/name.")
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or name not in target:
                raise self.fail(at, f"$ref {reference!r} leads nowhere; there is no '{name}'.")
            target = target[name]
        if not isinstance(target, dict):
            raise self.fail(at, f"$ref {reference!r} does not lead to a schema.")
        return target

    def types(self, raw: dict[str, Any], at: str) -> frozenset[str] | None:
        if "type" not in raw:
            return None
        names = raw["type"] if isinstance(raw["type"], list) else [raw["type"]]
        if not names or not all(isinstance(name, str) and name in TYPES for name in names):
            raise self.fail(f"{at}/type", f"{raw['type']!r} is not a type; there are {', '.join(sorted(TYPES))}.")
        return frozenset(names)

    def enum(self, raw: dict[str, Any], at: str) -> tuple[Any, ...] | None:
        values = [raw["const"]] if "const" in raw else raw.get("enum")
        if values is None:
            return None
        if not isinstance(values, list) or not values or any(isinstance(value, (dict, list)) for value in values):
            raise self.fail(at, "enum and const are supported for strings, numbers, booleans and null.")
        return tuple(values)

    def format(self, raw: dict[str, Any], types: frozenset[str] | None, at: str) -> str | None:
        name = raw.get("format")
        if name is not None and (name not in FORMATS or types is None or "string" not in types):
            raise self.fail(f"{at}/format", f"{name!r} is not supported here; there are {', '.join(sorted(FORMATS))}, for strings.")
        return str(name) if name is not None else None

    def count(self, raw: dict[str, Any], keyword: str, at: str) -> int | None:
        value = raw.get(keyword)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise self.fail(f"{at}/{keyword}", f"{value!r} is not a count; write a whole number from 0.")
        return value

    def is_number(self, raw: dict[str, Any], keyword: str, at: str) -> bool:
        if keyword not in raw:
            return False
        if isinstance(raw[keyword], bool) or not isinstance(raw[keyword], (int, Decimal)):
            raise self.fail(f"{at}/{keyword}", f"{raw[keyword]!r} is not a number.")
        return True
