"""A second, slow and plain reading of the contract: which rules does this value break?

Belongs here: the contract's README and schema in straightforward Python, sharing no code with the validation stage.
Does not: speed. It judges the real input for its totals, and the generator's faults in tests.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastjsonschema
import pycountry
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

SCHEMA_PATH = Path(__file__).resolve().parents[2] / "contracts" / "product_event" / "v1.schema.json"
MAX_BYTES = 65_536

_PARTS_BY_TYPE = {
    "page_view": "page",
    "screen_view": "screen",
    "search": "search",
    "click": "click",
    "add_to_cart": "cart",
    "checkout_start": "cart",
    "purchase": "order",
    "refund": "order",
    "sign_up": "user_id",
    "login": "user_id",
}
_PRIVATE_PATHS = (("search", "query"), ("page", "url"), ("page", "title"), ("page", "referrer"), ("order", "refund_reason"))
_INVISIBLE = {0x200B, 0x2060, 0xFEFF, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFFFD}
_EMAIL = re.compile(r"[A-Za-z0-9._+-]+(@|%40)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_CARD = re.compile(r"(?<![0-9])(?:[0-9][ -]?){12,18}[0-9](?![0-9])")
_PHONE = re.compile(r"\+[0-9]{8,15}(?![0-9])")
# ISO 4217 codes that pycountry still lists though they were withdrawn, and those that it may not know yet.
_WITHDRAWN = {"HRK", "SLL", "ZWL", "BGN", "ANG", "CUC"}
_ADDED = {"SLE", "ZWG"}


def broken_rules(source: str, received_at: datetime, value: bytes | None) -> list[str]:
    """Every rule that a record breaks, sorted.

    Args:
        source: suffix of the topic.
        received_at: Kafka's timestamp of the record.
        value: the record's value.
    """
    if value is not None and len(value) > MAX_BYTES:
        return ["size"]
    try:
        event = _parse(value)
    except ValueError:
        return ["json"]
    rules = _schema_rules(event)
    checks = {
        "topic": event.get("source") != source and isinstance(event.get("source"), str),
        "required_by_type": _lacks_part(event),
        "required_by_source": _lacks_by_source(event, source),
        "clocks": _has_wrong_clock(event, received_at),
        "os_by_source": source in ("ios", "android") and _at(event, "context", "os") != source,
        "money": _has_wrong_money(event),
        "codes": _has_wrong_code(event),
        "text": any(_is_bad_text(text) for text in _strings(event)),
        "privacy": _is_private(event),
    }
    return sorted(rules | {rule for rule, is_broken in checks.items() if is_broken})


def _parse(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise ValueError("no value")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            raise ValueError("duplicate key")
        return found

    def whole(text: str) -> int:
        number = int(text)
        if not -(2**63) <= number < 2**63:
            raise ValueError("integer beyond 64 bits")
        return number

    def refuse(name: str) -> Any:
        raise ValueError(name)

    event = json.loads(value.decode("utf-8"), object_pairs_hook=pairs, parse_int=whole, parse_float=Decimal, parse_constant=refuse)
    if not isinstance(event, dict):
        raise ValueError("no object")
    return event


@functools.cache
def _validator() -> Any:
    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "number", lambda _, value: isinstance(value, int | Decimal) and not isinstance(value, bool)
    ).redefine(
        "integer",
        lambda _, value: not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, Decimal) and value == int(value))),
    )
    # Python's `$` matches before a final newline too, ECMA-262's does not.
    schema = json.loads(SCHEMA_PATH.read_text().replace('$"', '\\\\Z"'))
    return extend(Draft202012Validator, type_checker=checker)(  # type: ignore[no-untyped-call]
        schema, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


@functools.cache
def _quick_validator() -> Any:
    """Compiled; it may refuse what is right (such as 12.0 for an integer), and never accepts what is wrong."""

    def is_instant(text: str) -> bool:
        return _instant(text) is not None

    return fastjsonschema.compile(json.loads(SCHEMA_PATH.read_text()), formats={"date-time": is_instant})


def _schema_rules(event: dict[str, Any]) -> set[str]:
    try:
        _quick_validator()(event)
        return set()
    except fastjsonschema.JsonSchemaValueException:
        pass
    return {"types" if error.validator == "type" else "schema" for error in _validator().iter_errors(event)}


def _at(event: Any, *path: str) -> Any:
    for name in path:
        if not isinstance(event, dict):
            return None
        event = event.get(name)
    return event


def _lacks_part(event: dict[str, Any]) -> bool:
    kind = event.get("event_type")
    part = _PARTS_BY_TYPE.get(kind) if isinstance(kind, str) else None
    return part is not None and event.get(part) is None


def _lacks_by_source(event: dict[str, Any], source: str) -> bool:
    if source == "server":
        return event.get("user_id") is None and event.get("anonymous_id") is None
    field = {"web": "user_agent", "ios": "app_version", "android": "app_version"}.get(source)
    return event.get("anonymous_id") is None or (field is not None and _at(event, "context", field) is None)


def _instant(text: Any) -> datetime | None:
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _has_wrong_clock(event: dict[str, Any], received_at: datetime) -> bool:
    occurred, sent = _instant(event.get("occurred_at")), _instant(event.get("sent_at"))
    return (
        (occurred is not None and sent is not None and occurred > sent)
        or (sent is not None and sent > received_at + timedelta(minutes=5))
        or (occurred is not None and occurred < received_at - timedelta(days=30))
    )


def _number(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _has_wrong_money(event: dict[str, Any]) -> bool:
    order = event.get("order")
    items = _at(event, "order", "items")
    if not isinstance(order, dict) or not isinstance(items, list):
        return False
    amounts = [_number(order.get(name)) for name in ("discount", "tax", "shipping", "total")]
    lines = [(_number(_at(item, "quantity")), _number(_at(item, "unit_price"))) for item in items]
    if None in amounts or any(None in line for line in lines):
        return False
    discount, tax, shipping, total = (amount or Decimal(0) for amount in amounts)
    goods = sum(((quantity or Decimal(0)) * (price or Decimal(0)) for quantity, price in lines), Decimal(0))
    return abs(total - (goods - discount + tax + shipping)) > Decimal("0.01") or discount > goods


@functools.cache
def _currency_codes() -> frozenset[str]:
    listed = {currency.alpha_3 for currency in pycountry.currencies} | _ADDED
    return frozenset(code for code in listed - _WITHDRAWN if not code.startswith("X"))


def _has_wrong_code(event: dict[str, Any]) -> bool:
    country = _at(event, "context", "country")
    if isinstance(country, str) and re.fullmatch("[A-Z]{2}", country) and pycountry.countries.get(alpha_2=country) is None:
        return True
    currencies = (_at(event, "cart", "currency"), _at(event, "order", "currency"))
    return any(isinstance(code, str) and re.fullmatch("[A-Z]{3}", code) and code not in _currency_codes() for code in currencies)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _is_bad_text(text: str) -> bool:
    return any(unicodedata.category(c) == "Cc" or ord(c) in _INVISIBLE for c in text) or _is_mojibake(text)


def _is_mojibake(text: str) -> bool:
    if text.isascii():
        return False
    encoded = bytearray()
    for character in text:
        try:
            encoded += character.encode("latin-1") if ord(character) < 256 else character.encode("cp1252")
        except UnicodeEncodeError:
            return False
    try:
        decoded = bytes(encoded).decode("utf-8")
    except UnicodeDecodeError:
        return False
    sequences = [character for character in decoded if ord(character) > 127]
    return len(sequences) > 1 or any(ord(character) < 0x100 or ord(character) >= 0x800 for character in sequences)


def _passes_luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + position % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _is_private(event: dict[str, Any]) -> bool:
    for path in _PRIVATE_PATHS:
        text = _at(event, *path)
        if not isinstance(text, str):
            continue
        if _EMAIL.search(text) or _PHONE.search(text):
            return True
        if any(_passes_luhn(re.sub("[ -]", "", match)) for match in _CARD.findall(text)):
            return True
    address = _at(event, "context", "ip")
    return isinstance(address, str) and not _is_truncated(address)


def _is_truncated(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    bits = 8 if parsed.version == 4 else 80
    return int(parsed) % (1 << bits) == 0
