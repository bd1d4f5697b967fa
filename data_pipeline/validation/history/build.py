"""Building the profile of a window from its staged and quarantined rows, chunk by chunk.

Belongs here: sampling, calling the measures, adding up chunks. Does not: what a measure counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from data_pipeline.validation.history import cells, sketches
from data_pipeline.validation.history.fields import CONTAINERS, explode_items, flatten
from data_pipeline.validation.history.measure_clocks import measure_clocks
from data_pipeline.validation.history.measure_nulls import measure_item_nulls, measure_nulls
from data_pipeline.validation.history.measure_numbers import measure_numbers
from data_pipeline.validation.history.measure_relations import VISITOR, measure_relations
from data_pipeline.validation.history.measure_sequences import measure_sequences
from data_pipeline.validation.history.measure_texts import measure_texts
from data_pipeline.validation.history.orders import ORDER_SCHEMA, ORDER_TYPES, orders_of
from data_pipeline.validation.history.profile import Profile, Window
from data_pipeline.validation.history.sample import Rows, Sample
from data_pipeline.validation.history.sketches import Sketch

SAMPLE_ROWS = 50_000
"""About so many rows of a window are measured; of larger windows whole visitors, chosen by hash. More would move no verdict."""

_SKETCHED = ("anonymous_id", "user_id", "context.user_agent", "context.ip", "page.url", "page.title", "search.query")


class ProfileBuilder:
    """Collects a window chunk by chunk; memory is that of a chunk, somewhat more than SAMPLE_ROWS rows, and the window's orders.

    Args:
        source: such as `web`.
        window: `2026-03-14` or `2026-03-14T09`.
        expected_rows: rows that will come, where that is known; it saves measuring what would be left out later.
    """

    def __init__(self, source: str, window: str, expected_rows: int = 0) -> None:
        self._source = source
        self._window = Window.parse(window)
        self._sample = Sample(SAMPLE_ROWS * 6 // 5, expected_rows)
        self._event_ids: list[Sketch] = []
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
        self._rows_staged += len(staged)
        self._rows_quarantined += rows_quarantined
        self._by_rule.update(rules)
        self._unknown_fields.update(unknown_fields)
        if not len(staged):
            return
        self._orders.append(orders_of(_with_orders(staged)))
        self._event_ids.append(Sketch.of_uuids(pl.DataFrame(staged.select(["event_id"]))["event_id"]))
        self._sample.add(staged)

    def finish(self) -> tuple[Profile, pl.DataFrame]:
        """The window's profile, and its orders (columns of `orders.ORDER_SCHEMA`)."""
        rows_in = self._rows_staged + self._rows_quarantined
        measured, sketched = _measure(self._sample.rows) if self._rows_staged else ([], {})
        whole = [*measured]
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
            sketches={**sketched, **({"event_id": sketches.add(self._event_ids)} if self._event_ids else {})},
        )
        orders = pl.concat(self._orders).unique("event_id", keep="first", maintain_order=True)
        return profile, orders


def _measure(sample: pl.DataFrame) -> tuple[list[pl.DataFrame], dict[str, Sketch]]:
    """Cells and sketches of some rows."""
    flat = flatten(sample).with_columns(pl.coalesce("anonymous_id", "user_id").alias(VISITOR))
    items = {container: explode_items(sample, container) for container in CONTAINERS}
    measured = [
        *measure_nulls(flat),
        *measure_item_nulls(items),
        *measure_texts(flat, items),
        *measure_numbers(sample, flat, items),
        *measure_clocks(flat),
        *measure_relations(flat, items),
        *measure_sequences(flat),
    ]
    sketched = {path: Sketch.of_strings(flat[path]) for path in _SKETCHED}
    for container, frame in items.items():
        for name in ("product_id", "name"):
            sketched[f"{container}.items.{name}"] = Sketch.of_strings(frame[name])
        priced = frame.select(pl.format("{} {} {}", "product_id", "currency", "unit_price").alias("value"))["value"]
        sketched[f"{container}.items.unit_price"] = Sketch.of_strings(priced)
    return measured, sketched


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


def _with_orders(rows: Rows) -> pl.DataFrame:
    """Rows that carry an order; only these are converted."""
    if isinstance(rows, pl.DataFrame):
        return rows
    is_order = pc.is_in(rows["event_type"], pa.array(ORDER_TYPES, rows["event_type"].type))
    return pl.DataFrame(rows.filter(is_order))
