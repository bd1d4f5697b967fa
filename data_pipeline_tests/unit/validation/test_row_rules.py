"""Every rule of the contract, row by row, through both paths."""

# ruff: noqa: E501
from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from data_pipeline.contracts.contract import load_contract
from data_pipeline.validation import validate_table
from data_pipeline.validation.table import TableValidator
from data_pipeline_tests.unit.validation.rows import EXAMPLES, INVALID, RECEIVED_AT, encode, example, raw_table

CONTRACT = load_contract("product_event")
Change = Callable[[dict[str, Any]], object]


def broken(data: bytes | None, source: str, received_at: datetime | None = RECEIVED_AT) -> set[str]:
    """Rules that one value breaks, read off quarantine; the same by either path."""
    found = []
    for validator in validators(source):
        validated = validator.validate(raw_table([data], received_at))
        assert validated.staged.num_rows + validated.quarantine.num_rows == 1
        found.append(set(validated.quarantine["rules"].to_pylist()[0]) if validated.quarantine.num_rows else set())
    assert found[0] == found[1], data
    return found[0]


@cache
def validators(source: str) -> tuple[TableValidator, TableValidator]:
    return TableValidator(CONTRACT, source, use_fast_path=True), TableValidator(CONTRACT, source, use_fast_path=False)


def judged(event_type: str, change: Change, source: str | None = None, received_at: datetime | None = RECEIVED_AT) -> set[str]:
    value = example(event_type, source)
    topic = source or value["source"]
    change(value)
    return broken(encode(value), topic, received_at)


def put(path: str, item: Any) -> Change:
    def change(value: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for name in way:
            value = value[int(name)] if isinstance(value, list) else value[name]
        value[int(last) if isinstance(value, list) else last] = item

    return change


def drop(path: str) -> Change:
    def change(value: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for name in way:
            value = value[name]
        del value[last]

    return change


def text_of(event_type: str, old: str, new: str) -> bytes:
    data = encode(example(event_type)).decode()
    assert old in data
    return data.replace(old, new).encode()


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: f"{value['event_type']}-{value['source']}")
def test_every_example_passes(value: dict[str, Any]) -> None:
    assert broken(encode(value), value["source"]) == set()


@pytest.mark.parametrize("line", INVALID, ids=lambda line: "+".join(line["rules"]))
def test_every_invalid_line_breaks_exactly_its_rules(line: dict[str, Any]) -> None:
    assert broken(line["value"].encode(), line["source"], datetime.fromisoformat(line["received_at"])) == set(line["rules"])


def test_size_is_judged_alone_and_to_the_byte() -> None:
    data = encode(example("login"))
    fill = 65_536 - len(data) - len(',"pad":""')
    padded = data[:-1] + b',"pad":"' + b"x" * fill + b'"}'
    assert len(padded) == 65_536
    assert broken(padded, "web") == set()
    assert broken(padded.replace(b"xx", b"xxx", 1), "web") == {"size"}
    assert broken(b"\xff" * 65_537, "web") == {"size"}


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b" ",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"{}x",
        b"{} {}",
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":[{"c":1,"c":2}]}}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":9223372036854775808}',
        b'{"a":-9223372036854775809}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":01}',
        b'{"a":1.}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"a":"\n"}',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":"\\x41"}',
        b'{"a":tru}',
        b'{"a":' + b'[{"a":' * 5_000,
        b'{"a":' + b"[" * 20_000 + b"]" * 19_999 + b"}",
        b'{"a":1}\x00',
    ],
    ids=lambda data: repr(data)[:30],
)
def test_what_is_no_strict_json_object_breaks_json_alone(data: bytes | None) -> None:
    assert broken(data, "web") == {"json"}


@pytest.mark.parametrize(
    "member",
    [
        b'"a":9223372036854775807',
        b'"a":-9223372036854775808',
        b'"a":1e400',
        b'"a":1E-99999999999999999999',
        b'"a":' + b"[" * 20_000 + b"]" * 20_000,
        b'"a":' + b'{"b":' * 5_000 + b"1" + b"}" * 5_000,
        b'"a":"\\ud83d\\ude00"',
        b'"a":{"x":1},"b":{"x":1}',
        b'"context.os":1',
        b'"":""',
    ],
    ids=lambda member: repr(member)[:30],
)
def test_unusual_but_right_json_passes(member: bytes) -> None:
    assert broken(encode(example("login"))[:-1] + b" ,\r\n\t" + member + b"} ", "web") == set()


@pytest.mark.parametrize(
    ("event_type", "change", "rules"),
    [
        ("page_view", put("duration_ms", "12"), {"types"}),
        ("page_view", put("duration_ms", 1.5), {"types"}),
        ("page_view", put("duration_ms", 12.0), set()),
        ("page_view", put("duration_ms", True), {"types"}),
        ("page_view", put("duration_ms", -1.5), {"types", "schema"}),
        ("page_view", put("page", []), {"types"}),
        ("page_view", put("page.title", 1), {"types"}),
        ("page_view", put("context", None), {"types", "required_by_source"}),
        ("page_view", put("schema_version", "1"), {"schema"}),
        ("page_view", put("schema_version", True), {"schema"}),
        ("page_view", put("schema_version", 1.0), set()),
        ("page_view", put("schema_version", 7), {"schema"}),
        ("page_view", drop("schema_version"), {"schema"}),
        ("page_view", put("event_type", "page_views"), {"schema"}),
        ("page_view", put("event_type", None), {"schema"}),
        ("page_view", put("event_id", "6513270E-269e-4d37-b2a7-4de452e6b438"), {"schema"}),
        ("page_view", put("page.url", "https://shop.example/ a"), {"schema"}),
        ("page_view", put("page.url", "https://shop.example/\u00a0a"), {"schema"}),
        ("page_view", put("page.url", "https://x/" + "a" * 2038), set()),
        ("page_view", put("page.url", "https://x/" + "a" * 2039), {"schema"}),
        ("page_view", put("page.title", "😀" * 512), set()),
        ("page_view", put("page.title", "😀" * 513), {"schema"}),
        ("page_view", put("campaign.source", ""), {"schema"}),
        ("page_view", put("duration_ms", 86_400_000), set()),
        ("page_view", put("duration_ms", 86_400_001), {"schema"}),
        ("page_view", put("duration_ms", 10**400), {"json"}),
        ("page_view", drop("page.url"), {"schema"}),
        ("page_view", drop("sent_at"), {"schema"}),
        ("page_view", drop("source"), {"schema", "topic"}),
        ("page_view", put("occurred_at", "2026-02-30T09:26:53.589Z"), {"schema"}),
        ("page_view", put("sent_at", "2026-03-14T09:26:54Z"), {"schema"}),
        ("page_view", put("sent_at", "2026-03-14T09:26:60.000Z"), {"schema"}),
        ("page_view", put("user_id", "u\n"), {"schema", "text"}),
        ("page_view", put("context.locale", "en-gb"), {"schema"}),
        ("page_view", put("context.os", "beos"), {"schema"}),
        ("page_view", put("context.os", None), set()),
        ("add_to_cart", put("cart.items", []), {"schema"}),
        ("add_to_cart", put("cart.items.0.quantity", 0), {"schema"}),
        ("add_to_cart", put("cart.items.0.quantity", 1e5), set()),
        ("add_to_cart", put("cart.items.0", None), {"types"}),
        ("add_to_cart", put("cart.items.0.unit_price", "2.55"), {"types"}),
        ("purchase", put("order.payment_method", "cash"), {"schema"}),
        ("purchase", drop("order.total"), {"schema"}),
        ("page_view", drop("page"), {"required_by_type"}),
        ("page_view", put("page", None), {"required_by_type"}),
        ("login", put("user_id", None), {"required_by_type"}),
        ("page_view", put("anonymous_id", None), {"required_by_source"}),
        ("page_view", drop("context.user_agent"), {"required_by_source"}),
        ("screen_view", put("context.os", None), {"os_by_source"}),
        ("screen_view", put("context.app_version", None), {"required_by_source"}),
        ("refund", put("user_id", None), {"required_by_source"}),
        ("purchase", put("order.total", 47.26), set()),
        ("purchase", put("order.total", 47.28), set()),
        ("purchase", put("order.total", 47.281), {"money"}),
        ("purchase", put("order.total", "47"), {"types"}),
        ("purchase", put("order.items.0.quantity", "6"), {"types"}),
        ("purchase", put("order.items.0.quantity", 6.5), {"types"}),
        ("purchase", put("order.discount", 36), {"money"}),
        ("page_view", put("context.country", "XX"), {"codes"}),
        ("page_view", put("context.country", "uk"), {"schema"}),
        ("add_to_cart", put("cart.currency", "XAU"), {"codes"}),
        ("add_to_cart", put("cart.currency", "XOF"), {"codes"}),
        ("add_to_cart", put("cart.currency", "DEM"), {"codes"}),
        ("page_view", put("context.ip", "203.0.113.7"), {"privacy"}),
        ("page_view", put("context.ip", "localhost"), {"privacy"}),
        ("page_view", put("context.ip", "2001:db8:1:1::"), {"privacy"}),
        ("page_view", put("context.ip", "2001:db8:1:0:0:0:0:0"), set()),
        ("page_view", put("context.ip", None), set()),
    ],
)  # fmt: skip
def test_types_schema_and_rules_across_fields(event_type: str, change: Change, rules: set[str]) -> None:
    assert judged(event_type, change) == rules


def test_a_row_is_judged_by_the_topic_that_it_came_from() -> None:
    assert judged("purchase", lambda value: None, source=None) == set()
    assert broken(encode(example("page_view")), "ios") == {"topic", "required_by_source", "os_by_source"}
    assert broken(encode(example("page_view")), "server") == {"topic"}


def test_all_rules_that_a_row_breaks_are_named() -> None:
    value = example("purchase")
    value.update(duration_ms="1", event_id="x", source="ios", sent_at="2026-03-14T09:00:00.000Z", note="a\tb")
    value["context"].update(country="XX", user_agent=None, ip="203.0.113.7")
    value["order"]["total"] = 1
    assert broken(encode(value), "web") == {
        "types", "schema", "topic", "required_by_source", "clocks", "money", "codes", "text", "privacy",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("occurred", "sent", "received", "is_broken"),
    [
        (0, 0, 0, False),
        (1, 0, 0, True),
        (0, 300_000, 0, False),
        (0, 300_001, 0, True),
        (-2_592_000_000, 0, 0, False),
        (-2_592_000_001, 0, 0, True),
        (0, 10**9, None, False),
        (1, 0, None, True),
    ],
)
def test_clocks_are_exact_to_the_millisecond(occurred: int, sent: int, received: int | None, is_broken: bool) -> None:
    origin = datetime(2026, 3, 14, 9, tzinfo=UTC)

    def written(milliseconds: int) -> str:
        return (origin + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def change(value: dict[str, Any]) -> None:
        value.update(occurred_at=written(occurred), sent_at=written(sent))

    received_at = None if received is None else origin + timedelta(milliseconds=received)
    assert judged("page_view", change, received_at=received_at) == ({"clocks"} if is_broken else set())


@pytest.mark.parametrize(
    ("numbers", "is_broken"),
    [
        ({"unit_price": "0.1", "quantity": "3", "total": "0.31"}, False),
        ({"unit_price": "0.1", "quantity": "3", "total": "0.29"}, False),
        ({"unit_price": "0.1", "quantity": "3", "total": "0.3100000000000000000001"}, True),
        ({"unit_price": "0.1", "quantity": "3", "total": "3e-1"}, False),
        ({"unit_price": "999999999.99", "quantity": "1", "total": "1000000000.00"}, False),
        ({"unit_price": "1e9", "quantity": "1", "discount": "1000000000", "total": "0"}, False),
        ({"unit_price": "1e9", "quantity": "1", "discount": "1000000000.000", "total": "0.02"}, True),
        ({"unit_price": "5", "quantity": "1", "discount": "5.01", "total": "0"}, True),
        ({"unit_price": "1e-999999999", "quantity": "1", "total": "0.01"}, False),
    ],
)
def test_money_is_decimal(numbers: dict[str, str], is_broken: bool) -> None:
    value = example("purchase")
    value["order"].update(items=[{"product_id": "p", "quantity": "@quantity", "unit_price": "@unit_price"}])
    value["order"].update(discount="@discount", tax="@tax", shipping="@shipping", total="@total")
    text = encode(value).decode()
    for name in ("quantity", "unit_price", "discount", "tax", "shipping", "total"):
        text = text.replace(f'"@{name}"', numbers.get(name, "0"))
    assert broken(text.encode(), "web") == ({"money"} if is_broken else set())


CLEAN = (
    "São Paulo", "SÃO PAULO", "NESTLÉ®", "Châtelet", "Ã", "商品一覧", "می‌خواهم", "👩‍👩‍👧", "soft\u00adhyphen", "✌\ufe0f", "naïve café", "Ünïcödé", "£5 – €4", "“quoted”",
    "x" * 200, "שלום", "e\u0301",
)  # fmt: skip
UNCLEAN = (
    "cafÃ© lamp", "â€™", "Ð¡Ñ‚ÑƒÐ»", "Â©", "ÃƒÂ©", "ä½\u00a0", "tab\t", "line\n", "nul\u0000", "c1\u0085", "del\u007f", "zero\u200bwidth", "word\u2060joiner", "bom\ufeff",
    "alm\u061c", "rtl\u202e", "lri\u2066", "pdi\u2069", "lrm\u200e", "rlm\u200f", "lost \ufffd",
)  # fmt: skip


@pytest.mark.parametrize("text", CLEAN)
def test_honest_languages_are_text(text: str) -> None:
    assert judged("search", put("search.query", text)) == set()
    assert judged("search", put("unknown", {"deep": [text]})) == set()


@pytest.mark.parametrize("text", UNCLEAN, ids=ascii)
def test_unclean_text_is_found_anywhere(text: str) -> None:
    assert judged("search", put("search.query", text)) == {"text"}
    assert judged("search", put("unknown", {"deep": [[text]]})) == {"text"}
    assert judged("search", put("unknown", {text: 1})) == {"text"}
    value = example("search")
    value["unknown"] = text
    assert broken(json.dumps(value, ensure_ascii=True).encode(), "web") == {"text"}


@pytest.mark.parametrize(
    "text",
    [
        "jane.doe@mail.example", "mailto:jane+shop@mail.example.", "jane%40mail.example", "call +4915123456789", "+12345678", "+123456789012345",
        "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "pay 12 4111 1111 1111 1111", "378282246310005", "4222222222222", "6304000000000000000"[:19],
    ],
)  # fmt: skip
def test_personal_data_is_found(text: str) -> None:
    assert judged("search", put("search.query", text)) == {"privacy"}
    for field in ("page.title", "page.referrer"):
        assert judged("page_view", put(field, text)) == {"privacy"}
    assert judged("page_view", put("page.url", f"https://shop.example/?q={text.replace(' ', '-')}")) == {"privacy"}
    assert judged("refund", put("order.refund_reason", text)) == {"privacy"}
    assert judged("page_view", put("campaign.name", text)) == set()


@pytest.mark.parametrize(
    "text",
    [
        "4006381333931", "4111111111111112", "4111  1111  1111 1111", "411111111111", "41111111111111111111", "536365", "2026-03-14", "+1234567", "+1234567890123456",
        "+49 1512 3456789", "a@b", "@shop.example", "https://medium.com/@jane.doe", "logo@2x.png", "vue@3.2.1", "5@3.50", "+49", "100%40",
    ],
)  # fmt: skip
def test_what_only_looks_like_personal_data_passes(text: str) -> None:
    assert judged("search", put("search.query", text)) == set()


def test_quarantine_keeps_the_bytes_and_staged_the_values() -> None:
    data = b'{"x": 1'
    validated = validate_table(CONTRACT, "web", raw_table([data, encode(example("search"))]))
    assert validated.quarantine["value"].to_pylist() == [data]
    assert validated.quarantine["stage"].to_pylist() == ["validate"]
    assert validated.quarantine["offset"].to_pylist() == [0]
    (row,) = validated.staged.to_pylist()
    assert (row["search"], row["kafka_offset"], row["schema_version"]) == ({"query": "café lamp 100 w", "result_count": 0}, 1, 1)
    assert row["occurred_at"] == datetime(2026, 3, 14, 9, 26, 53, 589000, tzinfo=UTC)
