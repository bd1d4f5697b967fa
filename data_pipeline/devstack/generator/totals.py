"""What was sent, counted where it was made: the numbers that every stage's output must equal.

Belongs here: counting batches. Does not: any code of the platform's stages; that is what makes the count independent.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow.compute as pc

from data_pipeline.devstack.generator.batch import EVENT_ID_CONFLICT, UNREADABLE, RawBatch
from data_pipeline.devstack.generator.catalogue import EVENT_TYPES, PURCHASE, REFUND

_EPOCH = date(1970, 1, 1)


class EventTotals:
    """Running counts over batches. An event counts once, on the day of `occurred_at`, and only where it breaks no rule."""

    def __init__(self) -> None:
        self._records: Counter[tuple[str, str]] = Counter()
        self._broken: Counter[tuple[str, str]] = Counter()
        self._rules: Counter[tuple[str, str]] = Counter()
        self._rule_sets: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self._duplicates: Counter[str] = Counter()
        self._conflicts: Counter[str] = Counter()
        self._events: Counter[tuple[str, str, str]] = Counter()
        self._orders: Counter[tuple[str, str, str, str]] = Counter()
        self._amounts: dict[tuple[str, str, str, str], Decimal] = {}

    def add(self, batch: RawBatch) -> None:
        """Count the records of a batch."""
        source, hour = batch.source, str(batch.hour)
        self._records[source, hour] += len(batch)
        is_broken = np.asarray(pc.list_value_length(batch.rules)) > 0
        for rules in batch.rules.filter(is_broken).to_pylist():
            self._rule_sets[source, tuple(sorted(rules))] += 1
            if rules == [EVENT_ID_CONFLICT]:
                self._conflicts[source] += 1
            else:
                self._broken[source, hour] += 1
                self._rules.update((source, rule) for rule in rules)
        self._duplicates[source] += int(batch.is_duplicate.sum())
        counts = ~is_broken & ~batch.is_duplicate & (batch.event_types != UNREADABLE)
        days, types = batch.event_days[counts], batch.event_types[counts]
        kinds, numbers = np.unique(days * len(EVENT_TYPES) + types, return_counts=True)
        for kind, number in zip(kinds.tolist(), numbers.tolist(), strict=True):
            day, event_type = divmod(kind, len(EVENT_TYPES))
            self._events[_day(day), source, EVENT_TYPES[event_type]] += number
        has_order = counts & ((batch.event_types == PURCHASE) | (batch.event_types == REFUND))
        self._add_orders(batch, np.flatnonzero(has_order))

    def _add_orders(self, batch: RawBatch, rows: np.ndarray) -> None:
        values = batch.table["value"].take(rows).to_pylist()
        for row, value in zip(rows.tolist(), values, strict=True):
            order = orjson.loads(value)["order"]
            place = (_day(batch.event_days[row]), batch.source, EVENT_TYPES[batch.event_types[row]], order["currency"])
            self._orders[place] += 1
            self._amounts[place] = self._amounts.get(place, Decimal(0)) + Decimal(str(order["total"]))

    @property
    def record_count(self) -> int:
        """Records of all batches."""
        return self._records.total()

    def to_json(self) -> dict[str, Any]:
        """The counts.

        Returns:
            `records`; `by_source` (records, broken, conflicts, duplicates, events; records is the sum of the other four);
            `arrivals` (records and broken, by source and hour of arrival); `rules` (rows that break each rule, by source);
            `rule_sets` (rows by all the rules they break together); `events` (by date of occurred_at, source, event type);
            `orders` (count and amount by date, source, event type and currency; amounts as decimal text).
        """
        sources = sorted({source for source, _ in self._records})
        by_source = {}
        for source in sources:
            by_source[source] = {
                "records": sum(count for (name, _), count in self._records.items() if name == source),
                "broken": sum(count for (name, _), count in self._broken.items() if name == source),
                "conflicts": self._conflicts[source],
                "duplicates": self._duplicates[source],
                "events": sum(count for (_, name, _), count in self._events.items() if name == source),
            }
        return {
            "records": self.record_count,
            "by_source": by_source,
            "arrivals": [
                {"source": source, "hour": hour, "records": count, "broken": self._broken[source, hour]}
                for (source, hour), count in sorted(self._records.items())
            ],
            "rules": {source: {rule: count for (name, rule), count in sorted(self._rules.items()) if name == source} for source in sources},
            "rule_sets": [
                {"source": source, "rules": list(rules), "records": count} for (source, rules), count in sorted(self._rule_sets.items())
            ],
            "events": [
                {"date": day, "source": source, "event_type": event_type, "events": count}
                for (day, source, event_type), count in sorted(self._events.items())
            ],
            "orders": [
                {
                    "date": day,
                    "source": source,
                    "event_type": event_type,
                    "currency": currency,
                    "orders": count,
                    "amount": str(self._amounts[day, source, event_type, currency]),
                }
                for (day, source, event_type, currency), count in sorted(self._orders.items())
            ],
        }


def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=int(days))).isoformat()
