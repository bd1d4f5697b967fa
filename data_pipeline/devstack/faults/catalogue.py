"""All faults, by family.

Belongs here: the list. Does not: the faults (`of_….py`).
"""

from __future__ import annotations

from data_pipeline.devstack.faults.kit import Fault
from data_pipeline.devstack.faults.of_identifiers import identifiers_faults
from data_pipeline.devstack.faults.of_numbers import clocks_faults, numbers_faults
from data_pipeline.devstack.faults.of_rows import orders_faults, relations_faults, rows_faults
from data_pipeline.devstack.faults.of_texts import texts_faults
from data_pipeline.devstack.faults.of_values import categories_faults, floods_faults, nulls_faults


def faults() -> list[Fault]:
    """All faults."""
    families = (
        nulls_faults,
        categories_faults,
        floods_faults,
        numbers_faults,
        clocks_faults,
        texts_faults,
        identifiers_faults,
        rows_faults,
        relations_faults,
        orders_faults,
    )
    return [fault for family in families for fault in family()]
