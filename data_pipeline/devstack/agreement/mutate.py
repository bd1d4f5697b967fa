"""Seeded mutations of valid rows, of both values and bytes.

Belongs here: what is broken how. Does not: what is right about it (`oracles.py`).
"""

# ruff: noqa: E501, PLE2502
from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from data_pipeline.contracts.contract import load_contract

SOURCES = ("web", "ios", "android", "server")

STRINGS = (
    "", " ", "12", "null", "São Paulo", "SÃO PAULO", "NESTLÉ®", "Châtelet", "cafÃ© lamp", "â€™", "Ð¡Ñ‚", "Ã\xa0", "Â©", "é", "ÃƒÂ©", "ä½\xa0", "a\u0085b",
    "商品一覧", "می‌خواهم", "👩‍👩‍👧", "‏עברית", "a\tb", "a\nb", "a\x7fb", "a\x9fb", "\u200b", "\u2060x", "\ufeffx", "\u061c", "\u202e", "\u2066", "\ufffd", "soft\xadhyphen",
    "✌️", "\x00", "jane@mail.example", "jane%40mail.example", "logo@2x.png", "@home", "a@b", "+491511234567", "+1234567", "+1234567890123456", "1+12345678",
    "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111  1111 1111 1111", "4111111111111112", "4006381333931", "12345678901234567890",
    "x 12 4111 1111 1111 1111", "203.0.113.0", "203.0.113.7", "203.0.113.00", "256.0.0.0", "1.2.3", "2001:db8:1::", "2001:db8:1:1::", "::", "1::", "fe80::1%eth0", "::ffff:1.2.3.0",
    "2001:db8:1:0:0:0:0:0", "g::", "12345::", ":::", "1:2:3::", "1:2:3:4::", "GB", "UK", "XX", "DE\n", "GBP", "XAU", "ABC", "EUR", "XOF", "de-DE", "de-de", "u_1", "a_7f3kq92mx1", "a_7f3kq92mx1\n",
    "https://shop.example/", "https://shop.example/ü", "https://a b", "http://", "https://shop.example/\u00a0", "2026-02-30T00:00:00.000Z", "2024-02-29T12:00:00.000Z",
    "2025-02-29T12:00:00.000Z", "2026-03-14T24:00:00.000Z", "2026-03-14T09:26:60.000Z", "2026-03-14T09:26:53Z", "2026-03-14t09:26:53.589z", "2026-03-14T09:26:53.589+00:00",
    "0000-01-01T00:00:00.000Z", "2026-03-14T09:26:53.5890Z", "2026-03-14T09:26:53.589Z", "2026-03-14T09:26:53.588Z", "2026-02-13T00:01:00.000Z", "2026-02-12T23:59:59.999Z",
    "2026-03-15T00:06:00.000Z", "2026-03-15T00:06:00.001Z", "x" * 128, "x" * 129, "é" * 256, "é" * 257, "x" * 512, "x" * 513, "web", "ios", "android", "server", "kiosk", "other",
    "page_view", "screen_view", "purchase", "refund", "sign_up", "search", "click", "login", "unknown", "5.12.0", "5.12", "windows", "mobile", "card", "cash",
)  # fmt: skip

NUMBERS = (
    "0", "-0", "-0.0", "1", "1.0", "2", "7", "12.0", "1.5", "-1", "1e2", "1E2", "1e-2", "0.01", "0.001", "47.26", "47.27", "47.28", "47.280", "47.2800000000000001", "47.281",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "1e400", "1E-400", "1e99999999999999999999", "10000000", "10000001", "10000000.0",
    "86400000", "86400001", "1000000000", "1000000000.0", "1000000000.01", "1000000000.0000000001", "100000", "100001", "0.1", "0.30000000000000004", "123456789012345678", "1234567890123456789",
    "9007199254740993", "0.00001", "2.555", "1.00000", "01", "1.", ".5", "+1", "NaN", "Infinity", "-Infinity", "1e", "0x10", "--1", "1_000",
)  # fmt: skip

LITERALS = ("true", "false", "null", "{}", "[]", "[{}]", "[null]", '{"a":1}', '{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '[[[["x\\n"]]]]', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u00e9\\/\\"\\\\"',
    '"\\u0000"', '"\\u200b"', '"\\x"', '"\\u12g4"', "nul", "True", "'a'", '{"a":{"b":[1,2,{"c":"d"}]}}', '{"a" : 1 , "b" : [ ] }', "[1,]", '{"a":1,}', "[" * 40 + "]" * 40, "[" * 3000 + "]" * 3000,
    '"a\tb"', '"\x7f"', '"ok"')  # fmt: skip


class Mutator:
    """Breaks valid rows in seeded ways: some stay valid, some break one rule, some several, some are no JSON."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        lines = (load_contract("product_event").folder / "examples.ndjson").read_text().splitlines()
        self.examples: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def row(self) -> tuple[str, bytes | None]:
        """A source and a value."""
        pick = self.random
        value = deepcopy(pick.choice(self.examples))
        source = value["source"] if pick.random() < 0.9 else pick.choice(SOURCES)
        value["event_id"] = str(uuid.UUID(int=pick.getrandbits(128)))
        if pick.random() < 0.15:
            return source, self.written(value)
        for _ in range(pick.choice((1, 1, 1, 2, 3))):
            self.change(value)
        data = self.written(value)
        if pick.random() < 0.12:
            data = self.damaged(data)
        return source, None if pick.random() < 0.002 else data

    def change(self, value: dict[str, Any]) -> None:
        """Change one place of a value."""
        pick = self.random
        holder, key = pick.choice(list(_places(value)))
        kinds: list[Callable[[], None]] = [
            lambda: holder.__setitem__(key, Literal(self.literal())),
            lambda: holder.__setitem__(key, pick.choice(STRINGS)),
            lambda: holder.__setitem__(key, Literal(pick.choice(NUMBERS))),
            lambda: holder.__delitem__(key),
            lambda: self.add(value),
            lambda: value.__setitem__(pick.choice(("occurred_at", "sent_at")), pick.choice([s for s in STRINGS if s.startswith("202")])),
            lambda: self.near(value),
        ]
        pick.choice(kinds)()

    def near(self, value: dict[str, Any]) -> None:
        """Put a likely string where its rule looks."""
        pick = self.random
        name = pick.choice(
            (
                "query",
                "ip",
                "country",
                "locale",
                "url",
                "title",
                "currency",
                "source",
                "event_type",
                "os",
                "user_id",
                "anonymous_id",
                "name",
            )
        )
        for holder, key in list(_places(value)):
            if key == name:
                holder[key] = pick.choice(STRINGS)

    def add(self, value: dict[str, Any]) -> None:
        """An unknown field somewhere."""
        pick = self.random
        holder = pick.choice([value, *(item for item, key in _places(value) if isinstance(item, dict))])
        name = pick.choice(("experiment", "x", "é", "a\u200bb", "event_Id", "sent_at ", "source", "page", "sent_at", ""))
        if name not in holder:
            holder[name] = Literal(self.literal()) if pick.random() < 0.5 else pick.choice(STRINGS)

    def literal(self) -> str:
        return self.random.choice(self.random.choice((LITERALS, NUMBERS)))

    def written(self, value: Any) -> bytes:
        """JSON in one of several spellings."""
        pick = self.random
        text = write(value, pick, escape=pick.random() < 0.2, space=pick.random() < 0.2, shuffle=pick.random() < 0.2)
        return text.encode("utf-8", "surrogatepass")

    def damaged(self, data: bytes) -> bytes:
        """Bytes that were cut, repeated, prefixed or overwritten."""
        pick = self.random
        place = pick.randrange(len(data))
        return pick.choice(
            (
                lambda: data[:place],
                lambda: data[:place] + bytes([pick.randrange(256)]) + data[place + 1 :],
                lambda: data[:place] + bytes([pick.choice(b'"\\{}[],: \n\x00\xff')]) + data[place:],
                lambda: b"\xef\xbb\xbf" + data,
                lambda: b" \n\t\r" + data + b" \n",
                lambda: data + b"{}",
                lambda: data + b"\x00",
                lambda: b"[" + data + b"]",
                lambda: data[:-1] + b',"event_type":"click"}',
                lambda: data[:-1] + b',"event\\u005ftype":"click"}',
                lambda: data[:-1] + b',"pad":"' + b"x" * (65_536 - len(data) - pick.randrange(7, 11)) + b'"}',
                lambda: b"",
            )
        )()


class Literal(str):
    """Text that stands in the JSON as it is."""

    __slots__ = ()


def write(value: Any, pick: random.Random, *, escape: bool, space: bool, shuffle: bool) -> str:
    """JSON with literals in it."""
    if isinstance(value, Literal):
        return str(value)
    gap = pick.choice(("", " ", "\n")) if space else ""
    if isinstance(value, dict):
        members = list(value.items())
        if shuffle:
            pick.shuffle(members)
        inner = [
            f"{json.dumps(name, ensure_ascii=escape)}{gap}:{gap}{write(item, pick, escape=escape, space=space, shuffle=shuffle)}"
            for name, item in members
        ]
        return "{" + gap + f"{gap},".join(inner) + gap + "}"
    if isinstance(value, list):
        return "[" + gap + f",{gap}".join(write(item, pick, escape=escape, space=space, shuffle=shuffle) for item in value) + gap + "]"
    return json.dumps(value, ensure_ascii=escape)


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((value, key))
        if isinstance(item, (dict, list)):
            found.extend(_places(item))
    return found
