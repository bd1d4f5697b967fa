"""Ways to break a correct event, each with the rules of the contract that it breaks and no others.

Belongs here: one function a fault. Does not: which events are broken (`injection.py`), judging (`oracle.py`).
A fault of an event returns False where the event has nothing to break in that way.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """What a fault needs to know besides the event.

    Attributes:
        source: suffix of the topic.
        received_at_ms: Kafka's timestamp of the record.
        random: decides between variants.
    """

    source: str
    received_at_ms: int
    random: random.Random


@dataclass(frozen=True)
class Fault:
    """A way to break an event.

    Attributes:
        name: what it does.
        rules: every rule that the result breaks, sorted.
        apply: gives the broken value (None for a tombstone), or the event's own bytes where it cannot be applied.
    """

    name: str
    rules: tuple[str, ...]
    apply: Callable[[bytes, Scene], bytes | None]


FAULTS: list[Fault] = []


def render(event: Event) -> bytes:
    """JSON as the clients write it."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _value_fault(*rules: str) -> Callable[[Callable[[bytes, Scene], bytes | None]], Callable[[bytes, Scene], bytes | None]]:
    def register(function: Callable[[bytes, Scene], bytes | None]) -> Callable[[bytes, Scene], bytes | None]:
        FAULTS.append(Fault(function.__name__.strip("_"), tuple(sorted(rules)), function))
        return function

    return register


def _event_fault(*rules: str) -> Callable[[Callable[[Event, Scene], bool]], Callable[[Event, Scene], bool]]:
    def register(function: Callable[[Event, Scene], bool]) -> Callable[[Event, Scene], bool]:
        def apply(value: bytes, scene: Scene) -> bytes:
            event = json.loads(value)
            return render(event) if function(event, scene) else value

        FAULTS.append(Fault(function.__name__.strip("_"), tuple(sorted(rules)), apply))
        return function

    return register


def _instant(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def _basket(event: Event) -> Event | None:
    basket: Event | None = event.get("order") or event.get("cart")
    return basket


@_event_fault("size")
def _padded(event: Event, scene: Scene) -> bool:
    event["debug_dump"] = "stack frame; " * (5_100 + scene.random.randrange(500))
    return True


@_value_fault("json")
def _tombstone(value: bytes, scene: Scene) -> None:
    return None


@_value_fault("json")
def _empty(value: bytes, scene: Scene) -> bytes:
    return b""


@_value_fault("json")
def _truncated(value: bytes, scene: Scene) -> bytes:
    return value[: scene.random.randrange(1, len(value) - 1)]


@_value_fault("json")
def _duplicate_key(value: bytes, scene: Scene) -> bytes:
    return value[:-1] + b',"event_type":"click"}'


@_value_fault("json")
def _nested_duplicate_key(value: bytes, scene: Scene) -> bytes:
    return value.replace(b'"context":{', b'"context":{"country":null,', 1)


@_value_fault("json")
def _not_a_number(value: bytes, scene: Scene) -> bytes:
    return value[:-1] + scene.random.choice([b',"score":NaN}', b',"score":Infinity}', b',"score":-Infinity}'])


@_value_fault("json")
def _big_integer(value: bytes, scene: Scene) -> bytes:
    return value[:-1] + scene.random.choice(
        [b',"trace":9223372036854775808}', b',"trace":-9223372036854775809}', b',"trace":1%b}' % (b"0" * 24)]
    )


@_value_fault("json")
def _invalid_utf8(value: bytes, scene: Scene) -> bytes:
    return value[:-1] + scene.random.choice(
        [b',"note":"caf\xe9"}', b',"note":"\xff\xfe"}', b',"note":"\xe8\x8c"}', b',"note":"\xed\xa0\x80"}']
    )


@_value_fault("json")
def _not_an_object(value: bytes, scene: Scene) -> bytes:
    return scene.random.choice([b"[" + value + b"]", b'"page_view"', b"null", b"42"])


@_value_fault("json")
def _two_objects(value: bytes, scene: Scene) -> bytes:
    return value + value


@_event_fault("types")
def _number_as_text(event: Event, scene: Scene) -> bool:
    basket = _basket(event)
    if basket and scene.random.random() < 0.5:
        item = basket["items"][0]
        item["quantity"] = str(item["quantity"])
    elif basket:
        basket["items"][0]["unit_price"] = str(basket["items"][0]["unit_price"])
    elif "search" in event:
        event["search"]["result_count"] = str(event["search"]["result_count"])
    else:
        event["duration_ms"] = "4100"
    return True


@_event_fault("types")
def _text_as_number(event: Event, scene: Scene) -> bool:
    if event["event_type"] in ("login", "sign_up") or event["user_id"]:
        event["user_id"] = 10482
    else:
        event["context"]["locale"] = 7
    return True


@_event_fault("types")
def _fraction(event: Event, scene: Scene) -> bool:
    if "search" in event:
        event["search"]["result_count"] = 1.5
    else:
        event["duration_ms"] = scene.random.choice([1.5, 1e-3, True])
    return True


@_event_fault("types")
def _list_as_object(event: Event, scene: Scene) -> bool:
    event["campaign"] = scene.random.choice([[{"source": "newsletter"}], "newsletter"])
    return True


@_event_fault("schema")
def _missing_field(event: Event, scene: Scene) -> bool:
    place, name = scene.random.choice(
        [(event, "event_id"), (event, "sent_at"), (event["context"], "locale"), (event["context"], "device_type")]
    )
    del place[name]
    return True


@_event_fault("schema")
def _not_in_enumeration(event: Event, scene: Scene) -> bool:
    if scene.random.random() < 0.5:
        event["event_type"] = "Page View"
    else:
        event["context"]["device_type"] = "phone"
    return True


@_event_fault("schema")
def _unknown_version(event: Event, scene: Scene) -> bool:
    event["schema_version"] = scene.random.choice([0, 7, "1"])
    return True


@_event_fault("schema")
def _wrong_pattern(event: Event, scene: Scene) -> bool:
    choice = scene.random.randrange(5)
    if choice == 0:
        event["event_id"] = event["event_id"].upper() if event["event_id"].upper() != event["event_id"] else "1"
    elif choice == 1:
        event["context"]["locale"] = "en_GB"
    elif choice == 2:
        event["context"]["country"] = "gb"
    elif choice == 3:
        event["context"]["app_version"] = "5.12"
    else:
        event["user_id"] = "user 10482"
    return True


@_event_fault("schema")
def _impossible_date(event: Event, scene: Scene) -> bool:
    event["occurred_at"] = scene.random.choice(["2026-02-30T09:26:53.589Z", "2026-03-14T25:26:53.589Z"])
    return True


@_event_fault("schema")
def _other_date_format(event: Event, scene: Scene) -> bool:
    event["occurred_at"] = event["occurred_at"][:-5] + scene.random.choice(["Z", ".000+00:00"])
    return True


@_event_fault("schema")
def _out_of_range(event: Event, scene: Scene) -> bool:
    event["duration_ms"] = scene.random.choice([-1, 86_400_001])
    return True


@_event_fault("schema")
def _too_long(event: Event, scene: Scene) -> bool:
    event["context"]["user_agent"] = "Mozilla/5.0 " * 43
    return True


@_event_fault("schema")
def _empty_cart(event: Event, scene: Scene) -> bool:
    if "cart" not in event:
        return False
    event["cart"]["items"] = []
    return True


@_event_fault("schema")
def _bad_url(event: Event, scene: Scene) -> bool:
    if "page" not in event:
        return False
    event["page"]["url"] = scene.random.choice(["shop.example/lamps", "https://shop.example/my lamps", "", "file:///lamps"])
    return True


@_event_fault("topic")
def _other_source(event: Event, scene: Scene) -> bool:
    event["source"] = scene.random.choice([name for name in ("web", "ios", "android", "server") if name != scene.source])
    return True


_NEEDED = {
    "page_view": "page",
    "screen_view": "screen",
    "search": "search",
    "click": "click",
    "add_to_cart": "cart",
    "checkout_start": "cart",
    "purchase": "order",
    "refund": "order",
}


@_event_fault("required_by_type")
def _part_absent(event: Event, scene: Scene) -> bool:
    part = _NEEDED.get(event["event_type"])
    if part is None:
        # The key itself has to stay, and on the server one of the two names.
        if event["anonymous_id"] is None:
            return False
        event["user_id"] = None
    else:
        del event[part]
    return True


@_event_fault("required_by_type")
def _part_null(event: Event, scene: Scene) -> bool:
    part = _NEEDED.get(event["event_type"])
    if part is None:
        return False
    event[part] = None
    return True


@_event_fault("required_by_source")
def _source_needs_more(event: Event, scene: Scene) -> bool:
    if scene.source == "server":
        if event["event_type"] in ("login", "sign_up"):
            return False
        event["user_id"] = event["anonymous_id"] = None
    elif scene.random.random() < 0.3:
        event["anonymous_id"] = None
    else:
        name = "user_agent" if scene.source == "web" else "app_version"
        if scene.random.random() < 0.5:
            event["context"][name] = None
        else:
            del event["context"][name]
    return True


@_event_fault("clocks")
def _happened_after_sending(event: Event, scene: Scene) -> bool:
    sent = datetime.fromisoformat(event["sent_at"])
    event["occurred_at"] = _instant(round(sent.timestamp() * 1000) + scene.random.choice([1, 3_600_000]))
    return True


@_event_fault("clocks")
def _sent_in_the_future(event: Event, scene: Scene) -> bool:
    event["sent_at"] = _instant(scene.received_at_ms + 300_000 + scene.random.choice([1, 60_000, 86_400_000]))
    return True


@_event_fault("clocks")
def _too_old(event: Event, scene: Scene) -> bool:
    event["occurred_at"] = _instant(scene.received_at_ms - 30 * 86_400_000 - scene.random.choice([1, 86_400_000]))
    return True


@_event_fault("os_by_source")
def _wrong_os(event: Event, scene: Scene) -> bool:
    if scene.source not in ("ios", "android"):
        return False
    event["context"]["os"] = scene.random.choice(["android" if scene.source == "ios" else "ios", "other", None])
    return True


@_event_fault("money")
def _total_wrong(event: Event, scene: Scene) -> bool:
    if "order" not in event:
        return False
    order = event["order"]
    factor = scene.random.choice([0, 100])
    order["total"] = order["total"] * factor if factor and order["total"] else round(order["total"] + 0.02, 2)
    return True


@_event_fault("money")
def _discount_above_items(event: Event, scene: Scene) -> bool:
    if "order" not in event:
        return False
    order = event["order"]
    items = sum(round(item["quantity"] * item["unit_price"] * 100) for item in order["items"])
    discount = items + 100
    raised = discount - round(order["discount"] * 100)
    order["discount"], order["shipping"] = discount / 100, (round(order["shipping"] * 100) + raised) / 100
    return True


@_event_fault("codes")
def _unassigned_country(event: Event, scene: Scene) -> bool:
    event["context"]["country"] = scene.random.choice(["UK", "EU", "XX", "AN", "ZZ"])
    return True


@_event_fault("codes")
def _unknown_currency(event: Event, scene: Scene) -> bool:
    basket = _basket(event)
    if basket is None:
        return False
    basket["currency"] = scene.random.choice(["DEM", "XAU", "XXX", "BTC", "HRK"])
    return True


_BAD_TEXTS = (
    "lamp\u200b",
    "lamp\ufeff",
    "\u202elamp",
    "lamp\u2066",
    "tab\there",
    "line\nbreak",
    "bell\u0007",
    "lam\ufffd",
    "cafÃ© lamp",
    "â‚¬ 20",
    "KÃ¼che",
    "\u0085",
)


@_event_fault("text")
def _bad_text(event: Event, scene: Scene) -> bool:
    text = scene.random.choice(_BAD_TEXTS)
    basket = _basket(event)
    if "search" in event:
        event["search"]["query"] = text
    elif event.get("page") and "title" in event["page"]:
        event["page"]["title"] = text
    elif basket:
        basket["items"][-1]["name"] = text
    elif event.get("screen"):
        event["screen"]["name"] = text
    else:
        event["note"] = {"deep": [text]}
    return True


_PERSONAL = ("jane.doe@mail.example", "order for jane%40mail.example", "4111 1111 1111 1111", "5500-0000-0000-0004", "call +491701234567")


@_event_fault("privacy")
def _personal_data(event: Event, scene: Scene) -> bool:
    text = scene.random.choice(_PERSONAL)
    if "search" in event:
        event["search"]["query"] = text
    elif event["event_type"] == "refund":
        event["order"]["refund_reason"] = text
    elif event.get("page"):
        if scene.random.random() < 0.5:
            event["page"]["url"] += "#" + text.replace(" ", "")
        else:
            event["page"]["title"] = text
    else:
        return False
    return True


@_event_fault("privacy")
def _whole_address(event: Event, scene: Scene) -> bool:
    event["context"]["ip"] = scene.random.choice(["203.0.113.7", "2001:db8:1:2::", "2001:db8:1::1", "localhost", "203.0.113"])
    return True


@_event_fault("money", "schema")
def _negative_quantity(event: Event, scene: Scene) -> bool:
    if "order" not in event:
        return False
    item = event["order"]["items"][0]
    item["quantity"] = -item["quantity"]
    return True


@_event_fault("codes", "text", "topic")
def _three_at_once(event: Event, scene: Scene) -> bool:
    return _other_source(event, scene) and _unassigned_country(event, scene) and _bad_text(event, scene)


BY_NAME = {fault.name: fault for fault in FAULTS}
RULES = sorted({rule for fault in FAULTS for rule in fault.rules})
"""The rules that some fault breaks."""
