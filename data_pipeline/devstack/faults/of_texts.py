"""Faults of texts: length, case, spaces, encodings.

Belongs here: one entry a fault, valid by every rule of a row wherever that is possible. Does not: helpers (`kit.py`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from data_pipeline.devstack.faults import kit
from data_pipeline.devstack.faults.kit import Fault


def texts_faults() -> list[Fault]:
    """Faults of texts."""

    def ascii_only(value: str) -> str:
        return "".join(letter if ord(letter) < 128 else "?" for letter in value)

    def plain(value: str) -> str:
        return "".join(letter for letter in unicodedata.normalize("NFKD", value) if ord(letter) < 128)

    edits: tuple[tuple[str, str, Callable[[str], str]], ...] = (
        ("cut at 10", "page.title", lambda v: v[:10]),
        ("cut at 20", "context.user_agent", lambda v: v[:20]),
        ("cut at 3", "search.query", lambda v: v[:3]),
        ("ASCII", "page.title", ascii_only),
        ("accents lost", "order.items.name", plain),
        ("upper", "page.title", str.upper),
        ("lower", "campaign.source", lambda v: v.capitalize()),
        ("space at the end", "search.query", lambda v: v + " "),
        ("space at the start", "click.element_id", lambda v: " " + v),
        ("entities", "page.title", lambda v: v.replace("–", "&ndash;").replace(" ", "&nbsp;")),
        ("plus for space", "search.query", lambda v: v.replace(" ", "+")),
        ("percent", "search.query", lambda v: v.replace(" ", "%20")),
        ("quoted", "search.query", lambda v: f'"{v}"'),
        ("http", "page.url", lambda v: v.replace("https://", "http://")),
        ("another host", "page.url", lambda v: v.replace("https://", "https://staging.")),
        ("query string added", "page.url", lambda v: v + "?utm=1"),
        ("path lost", "page.url", lambda v: "/".join(v.split("/")[:3])),
        ("dashes lost", "context.locale", lambda v: v.split("-")[0]),
        ("lower", "search.query", str.title),
        ("names as ids", "order.items.name", lambda v: v.replace(" ", "_").lower()),
        ("prefix", "order.items.product_id", lambda v: "P-" + v),
        ("prefix", "cart.items.product_id", lambda v: "P-" + v),
    )
    return [Fault(f"{path}: {name}", (path,), kit.rewrite(path, edit), (0.1, 0.4, 1.0), path) for name, path, edit in edits]
