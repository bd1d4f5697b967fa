"""Whether a warehouse table still is what the catalogue says.

Belongs here: the comparison, pure. Does not: reading the warehouse's information schema, changing tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.columns import Column, Table


@dataclass(frozen=True)
class ActualColumn:
    """A column as the warehouse has it."""

    type: str
    is_nullable: bool


def columns_to_add(
    table: Table, actual: Mapping[str, ActualColumn], type_of: Callable[[Column], str], *, is_positional: bool = False
) -> Sequence[Column]:
    """Nullable columns of the catalogue that the table lacks: the one change that is compatible with the rows it holds.

    Args:
        table: what should be.
        actual: what is, by column name in the table's order.
        type_of: the engine's name of a column's type.
        is_positional: whether the engine loads by position, so that the order must be the catalogue's.

    Raises:
        PermanentError: naming each column that differs in any other way, with what is and what should be.
    """
    differences, additions = [], []
    for column in table.columns:
        found = actual.get(column.name)
        if found is None and column.is_nullable:
            additions.append(column)
        elif found is None:
            differences.append(f"{column.name} is missing and may not be null")
        elif found.type.upper() != type_of(column).upper():
            differences.append(f"{column.name} is {found.type}, should be {type_of(column)}")
        elif found.is_nullable != column.is_nullable:
            differences.append(
                f"{column.name} {_on_nulls(found.is_nullable)} nulls, but {_on_nulls(column.is_nullable)} them in the catalogue"
            )
    differences += [f"{name} is not in the catalogue" for name in actual if name not in table.column_names]
    if is_positional and not differences and [*actual, *(column.name for column in additions)] != table.column_names:
        differences.append(f"its columns are in another order ({', '.join(actual)})")
    if differences:
        raise PermanentError(
            f"Table warehouse.{table.name} has drifted from the catalogue: {'; '.join(differences)}. "
            f"Alter it to match, or drop it and materialize warehouse/{table.name} for all days again."
        )
    return additions


def _on_nulls(is_nullable: bool) -> str:
    return "allows" if is_nullable else "refuses"
