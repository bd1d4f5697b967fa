"""What of a rejected value may be shown, and what can be read of it although it is broken.

Belongs here: lenient reading and redaction of one value. Does not: rules (`validation/`), tables (`audit.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

EXCERPT_CHARACTERS = 300
_LABEL_BYTES = 64
_PRIVACY = "privacy"
_UNJUDGED = frozenset({"json", "size"})
"""A row that breaks these was not judged by `privacy`: what looks personal in it is hidden by its looks."""

_LOOKS_PERSONAL = re.compile(r"[^\s\"'<>]+(?:@|%40)[^\s\"'<>]+|\+\d{8,15}\b|(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-])")
_EVENT_TYPE = re.compile(rb'"event_type"\s*:\s*"([^"\\]{1,64})"')
_APP_VERSION = re.compile(rb'"app_version"\s*:\s*"([^"\\]{1,64})"')


@dataclass(frozen=True)
class ShownValue:
    """What analysts see of a rejected value.

    Attributes:
        event_type: None where it cannot be read.
        app_version: None where it cannot be read.
        excerpt: the first 300 characters; None where the row is a tombstone or may hold personal data.
    """

    event_type: str | None
    app_version: str | None
    excerpt: str | None


def describe_value(value: bytes | None, rules: Sequence[str]) -> ShownValue:
    """Read what can be read of a value that broke the rules."""
    if value is None:
        return ShownValue(None, None, None)
    document = _parse(value)
    if document is not None:
        context = document.get("context")
        event_type, app_version = document.get("event_type"), context.get("app_version") if isinstance(context, dict) else None
    else:
        event_type, app_version = (_search(pattern, value) for pattern in (_EVENT_TYPE, _APP_VERSION))
    # 4 bytes a character at most: no need to decode a value of many megabytes.
    text = value[: 4 * EXCERPT_CHARACTERS].decode(errors="replace")[:EXCERPT_CHARACTERS].replace("\x00", "\ufffd")
    is_personal = _PRIVACY in rules or (not _UNJUDGED.isdisjoint(rules) and _LOOKS_PERSONAL.search(text) is not None)
    return ShownValue(_label(event_type), _label(app_version), None if is_personal else text)


def _parse(value: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _search(pattern: re.Pattern[bytes], value: bytes) -> str | None:
    found = pattern.search(value)
    return found.group(1).decode(errors="replace") if found else None


def _label(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return value.replace("\x00", "\ufffd").encode(errors="replace")[:_LABEL_BYTES].decode(errors="ignore")
