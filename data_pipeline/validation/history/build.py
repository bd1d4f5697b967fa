"""Building the profile of a window from its staged and quarantined rows, chunk by chunk.

Belongs here: sampling, calling the measures, adding up chunks. Does not: what a measure counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import polars as pl
import pyarrow as pa

from data_pipeline.validation.history import cells, sketches
from data_pipeline.validation.history.fields import CONTAINERS, explode_items, flatten
from data_pipeline.validation.history.measure_clocks import measure_clocks
from data_pipeline.validation.history.measure_relations import VISITOR, measure_relations
from data_pipeline.validation.history.measure_sequences import measure_sequences
from data_pipeline.validation.history.measure_values import measure_columns, measure_item_counts, measure_nulls
from data_pipeline.validation.history.orders import ORDER_SCHEMA, orders_of
from data_pipeline.validation.history.profile import Profile, Window
from data_pipeline.validation.history.sketches import Sketch

SAMPLE_ROWS = 50_000
"""Rows of a window that are measured; of larger windows a sample of whole visitors. More rows would move no verdict."""

Rows: TypeAlias = "pl.DataFrame | pa.Table"

_SKETCHED = ("anonymous_id", "user_id", "context.user_agent", "context.ip", "page.url", "page.title", "search.query")


class ProfileBuilder:
    """Collects a window chunk by chunk; memory is that of the cells and the window's orders.

    Args:
        source: such as `web`.
        window: `2026-03-14` or `2026-03-14T09`.
        rows_expected: rows of the whole window, about, where they are known before; of a large window that is
            not announced, SAMPLE_ROWS of each chunk are measured.
    """

    def __init__(self, source: str, window: str, rows_expected: int = 0) -> None:
        self._rows_expected = rows_expected
        self._source = source
        self._window = Window.parse(window)
        self._cells: list[pl.DataFrame] = []
        self._sketches: dict[str, list[Sketch]] = {}
        self._orders: list[pl.DataFrame] = [pl.DataFrame(schema=ORDER_SCHEMA)]
        self._rows_staged = 0
        self._rows_quarantined = 0
        self._by_rule: Counter[str] = Counter()
        self._unknown_fields: Counter[str] = Counter()

    def add(self, staged: Rows, rules: Mapping[str, int], rows_quarantined: int, unknown_fields: Mapping[str, int]) -> None:
        """Take in one chunk.

        Args:
            staged: rows that passed, staged columns, before duplicates are removed.
            rules: number of quarantined rows by broken rule; a row counts under each of its rules.
            rows_quarantined: rows that were rejected.
            unknown_fields: number of staged rows by dotted path of a field that the contract does not know.
        """
        frame = _frame(staged)
        self._rows_staged += frame.height
        self._rows_quarantined += rows_quarantined
        self._by_rule.update(rules)
        self._unknown_fields.update(unknown_fields)
        if not frame.height:
            return
        self._orders.append(orders_of(frame))
        self._note("event_id", Sketch.of_uuids(frame["event_id"]))
        sample = _sample(frame, min(1.0, SAMPLE_ROWS / max(self._rows_expected, frame.height)))
        flat = flatten(sample).with_columns(pl.coalesce("anonymous_id", "user_id").alias(VISITOR))
        items = {container: explode_items(sample, container) for container in CONTAINERS}
        measured = [
            *measure_nulls(flat),
            *measure_columns(flat, items),
            *measure_item_counts(sample),
            *measure_clocks(flat),
            *measure_relations(flat, items),
            *measure_sequences(flat),
        ]
        self._cells.append(cells.add(measured))
        for path in _SKETCHED:
            self._note(path, Sketch.of_strings(flat[path]))
        for container, frame in items.items():
            for name in ("product_id", "name"):
                self._note(f"{container}.items.{name}", Sketch.of_strings(frame[name]))
            priced = frame.select(pl.format("{} {} {}", "product_id", "currency", "unit_price").alias("value"))["value"]
            self._note(f"{container}.items.unit_price", Sketch.of_strings(priced))

    def finish(self) -> tuple[Profile, pl.DataFrame]:
        """The window's profile, and its orders (columns of `orders.ORDER_SCHEMA`)."""
        rows_in = self._rows_staged + self._rows_quarantined
        whole = [*self._cells]
        if rows_in:
            rejected = {**self._by_rule, "any": self._rows_quarantined}
            whole.append(cells.from_counts("quarantine_rate", "rows", "", rejected, rows_in))
        if self._rows_staged:
            unknown = {"any": sum(self._unknown_fields.values()), **self._unknown_fields}
            whole.append(cells.from_counts("unknown_field", "rows", "", unknown, self._rows_staged))
        profile = Profile(
            source=self._source,
            window=self._window,
            rows_in=rows_in,
            rows_staged=self._rows_staged,
            cells=cells.add(whole),
            sketches={name: sketches.add(parts) for name, parts in self._sketches.items()},
        )
        orders = pl.concat(self._orders).unique("event_id", keep="first", maintain_order=True)
        return profile, orders

    def _note(self, name: str, sketch: Sketch) -> None:
        self._sketches.setdefault(name, []).append(sketch)


def build_profile(
    source: str,
    window: str,
    staged: Rows,
    rules_of_rejected: Iterable[Iterable[str]] = (),
    unknown_fields: Mapping[str, int] | None = None,
) -> tuple[Profile, pl.DataFrame]:
    """Profile and orders of a window that fits into memory.

    Args:
        source: such as `web`.
        window: `2026-03-14` or `2026-03-14T09`.
        staged: rows that passed, staged columns, before duplicates are removed.
        rules_of_rejected: for each quarantined row its broken rules.
        unknown_fields: number of staged rows by dotted path of an unknown field.
    """
    rejected = [list(rules) for rules in rules_of_rejected]
    builder = ProfileBuilder(source, window)
    builder.add(staged, Counter(rule for rules in rejected for rule in set(rules)), len(rejected), unknown_fields or {})
    return builder.finish()


def _frame(rows: Rows) -> pl.DataFrame:
    return rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)


def _sample(frame: pl.DataFrame, share: float) -> pl.DataFrame:
    """All rows of some visitors, so that what holds within a visitor can be measured; some rows where that fails."""
    if share >= 1:
        return frame
    limit = int(2**64 * share)
    by_visitor = frame.filter(pl.coalesce("anonymous_id", "user_id", "event_id").hash(seed=7) < limit)
    if 0.5 <= by_visitor.height / (frame.height * share) <= 2:
        return by_visitor
    return frame.filter(pl.col("event_id").hash(seed=7) < limit)
