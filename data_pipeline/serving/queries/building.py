"""What all queries have in common: the days and sources chosen, as bound parameters.

Belongs here: conditions and casts. Does not: a question's own SQL.
"""

from __future__ import annotations

from collections.abc import Mapping

from data_pipeline.serving.filters import Filters
from data_pipeline.serving.reader import Parameter, Query


def query(sql: str, filters: Filters, tables: tuple[str, ...], day: str, **parameters: Parameter) -> Query:
    """A query whose `{chosen}` is the condition on days and sources.

    Args:
        sql: the statement with `{chosen}` where the condition goes.
        filters: what was chosen.
        tables: relations that it reads.
        day: the column of days that the range applies to.
        parameters: further bound values.
    """
    condition, values = chosen(filters, day)
    return Query(sql.replace("{chosen}", condition).strip(), {**values, **parameters}, tables)


def chosen(filters: Filters, day: str, source: str = "source") -> tuple[str, Mapping[str, Parameter]]:
    """The condition on days and sources, and its parameters; no condition on sources where all are shown."""
    parts = [f"{day} between :first_day and :last_day"]
    values: dict[str, Parameter] = {"first_day": filters.first, "last_day": filters.last}
    if filters.sources:
        condition, more = of_sources(filters, source)
        parts.append(condition)
        values.update(more)
    return " and ".join(parts), values


def of_sources(filters: Filters, source: str = "source") -> tuple[str, Mapping[str, Parameter]]:
    """The condition on sources alone; `1 = 1` where all are shown."""
    if not filters.sources:
        return "1 = 1", {}
    names = {f"source_{index}": name for index, name in enumerate(filters.sources)}
    return f"{source} in ({', '.join(f':{name}' for name in names)})", dict(names)


def total(column: str) -> str:
    """A sum of counts as a whole number on both engines (DuckDB's own is 128 bits wide); 0 of no rows."""
    return f"cast(coalesce(sum({column}), 0) as bigint)"
