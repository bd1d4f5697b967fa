"""Rights of the four roles."""

from __future__ import annotations

import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.warehouse.grants import Writers, grants


def test_each_role_reads_what_it_needs_now_and_after_dbt_replaced_a_table() -> None:
    statements = list(grants(Writers("load", "dbt")))
    assert 'ALTER DEFAULT PRIVILEGES FOR USER "dbt" IN SCHEMA marts GRANT SELECT ON TABLES TO ROLE analyst' in statements
    assert 'ALTER DEFAULT PRIVILEGES FOR USER "load" IN SCHEMA warehouse GRANT SELECT ON TABLES TO ROLE transformer' in statements
    of_finance = [statement for statement in statements if statement.endswith("ROLE finance")]
    assert not [statement for statement in of_finance if "ALL TABLES" in statement or "core" in statement or "warehouse" in statement]
    assert not [statement for statement in statements if "ROLE analyst" in statement and "warehouse" in statement]
    made = {statement.split()[-1] for statement in statements if statement.startswith("CREATE ROLE")}
    assert made == {"loader", "transformer", "analyst", "finance"}


def test_a_name_that_could_end_the_statement_is_refused() -> None:
    with pytest.raises(PermanentError, match="is not a user of Redshift"):
        Writers('x"; DROP SCHEMA marts; --', "dbt")
