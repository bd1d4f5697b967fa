"""Strict reading of one JSON object from bytes.

Belongs here: what the rule `json` says, for any depth. Does not: schema, text rules.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_INT64_DIGITS = 20
_FARTHEST_EXPONENT = 10**17
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotStrictJsonError(ValueError):
    """The bytes break the rule `json`; the message says how."""


def parse_object(data: bytes | None) -> dict[str, Any]:
    """One JSON object with strings, ints, Decimals, booleans, None, lists and dicts.

    Raises:
        NotStrictJsonError: no value, no UTF-8, no JSON, no object, a duplicate key, NaN or Infinity, an integer
            of more than 64 bits, or an escaped lone surrogate (no text has one, so UTF-8 could not hold it).
    """
    if data is None:
        raise NotStrictJsonError("there is no value")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotStrictJsonError(f"byte {error.start} is not UTF-8") from error
    try:
        value = _DECODER.decode(text)
    except NotStrictJsonError:
        raise
    except RecursionError:
        value = _parse_deep(text)
    except ValueError as error:
        raise NotStrictJsonError(str(error)) from error
    if not isinstance(value, dict):
        raise NotStrictJsonError("the value is not an object")
    if "\\u" in text and _has_surrogate(value):
        raise NotStrictJsonError("an escape is half of a surrogate pair")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJsonError("a key stands twice in one object")
    return members


def _integer(digits: str) -> int:
    if len(digits) <= _INT64_DIGITS and INT64_MIN <= (number := int(digits)) <= INT64_MAX:
        return number
    raise NotStrictJsonError("an integer does not fit in 64 bits")


def _decimal(digits: str) -> Decimal:
    """Exact, but for exponents that no computer counts: those become the farthest that Decimal can compare."""
    try:
        number = Decimal(digits)
    except InvalidOperation:
        mantissa, _, exponent = digits.lower().partition("e")
        sign = -1 if exponent.startswith("-") else 1
        number = Decimal(mantissa).scaleb(0)
        return number if not number else Decimal((number.as_tuple().sign, (1,), sign * _FARTHEST_EXPONENT))
    return number


def _constant(name: str) -> NoReturn:
    raise NotStrictJsonError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant)


def _has_surrogate(value: Any) -> bool:
    return any(_SURROGATE.search(text) for text in strings_of(value))


def strings_of(value: Any) -> list[str]:
    """Every string of a parsed value at any depth, names of members included."""
    found: list[str] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            found.extend(item)
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return found


_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_LITERALS = {"true": True, "false": False, "null": None}


def _parse_deep(text: str) -> Any:
    """The same grammar without recursion, for values nested deeper than Python's stack."""
    return _DeepParser(text).parse()


class _DeepParser:
    """A stack of open containers; each is a list of items, or of (name, value) pairs."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.stack: list[tuple[bool, list[Any], str]] = []

    def fail(self) -> NotStrictJsonError:
        return NotStrictJsonError(f"there is no JSON at character {self.position}")

    def peek(self) -> str:
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position
        return self.text[self.position : self.position + 1]

    def expect(self, char: str) -> None:
        if self.peek() != char:
            raise self.fail()
        self.position += 1

    def string(self) -> str:
        self.expect('"')
        try:
            value, self.position = json.decoder.scanstring(self.text, self.position, True)  # type: ignore[attr-defined]
        except ValueError as error:
            raise NotStrictJsonError(str(error)) from error
        return str(value)

    def name(self) -> str:
        name = self.string()
        self.expect(":")
        return name

    def scalar(self) -> Any:
        if self.peek() == '"':
            return self.string()
        for word, value in _LITERALS.items():
            if self.text.startswith(word, self.position):
                self.position += len(word)
                return value
        match = _NUMBER.match(self.text, self.position)
        if match is None:
            raise self.fail()
        self.position = match.end()
        return _decimal(match[0]) if match[2] else _integer(match[1])

    def parse(self) -> Any:
        while True:
            opening = self.peek()
            if opening in ("{", "["):
                self.position += 1
                is_object = opening == "{"
                if self.peek() == ("}" if is_object else "]"):
                    self.position += 1
                    value: Any = {} if is_object else []
                else:
                    self.stack.append((is_object, [], self.name() if is_object else ""))
                    continue
            else:
                value = self.scalar()
            while self.stack:
                is_object, members, name = self.stack.pop()
                members.append((name, value) if is_object else value)
                following = self.peek()
                self.position += 1
                if following == ",":
                    self.stack.append((is_object, members, self.name() if is_object else ""))
                    break
                if following != ("}" if is_object else "]"):
                    raise self.fail()
                value = _object(members) if is_object else members
            else:
                if self.peek():
                    raise self.fail()
                return value
