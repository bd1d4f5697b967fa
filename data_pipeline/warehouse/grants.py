"""Who may do what in Redshift: four roles, as statements for the owner of the schemas.

Belongs here: the roles and their rights. Does not: users, passwords, running the statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.render import WAREHOUSE_SCHEMA, quote

_DBT_SCHEMAS = ("staging", "intermediate", "core", "marts")
_FINANCE_TABLES = ("marts.mart_revenue", "marts.mart_product_performance")
_USER = re.compile(r"[A-Za-z_][\w.@-]{0,126}")


@dataclass(frozen=True)
class Writers:
    """The users whose tables others may read.

    Attributes:
        loader: loads `warehouse`; owns its tables.
        transformer: runs dbt; owns all that dbt builds.
    """

    loader: str
    transformer: str

    def __post_init__(self) -> None:
        for name in (self.loader, self.transformer):
            if not _USER.fullmatch(name):
                raise PermanentError(f"'{name}' is not a user of Redshift; give its name, letters, digits and . _ @ - only.")


def grants(writers: Writers) -> Iterator[str]:
    """The statements, in order; safe to run again.

    dbt replaces tables, and a new table has no grants: hence the default privileges, which hold for tables to come. Finance
    reads two marts by name; they are incremental and keep their grants, but for a full refresh, after which this is run again.
    """
    for role in ("loader", "transformer", "analyst", "finance"):
        yield f"CREATE ROLE {role}"
    for schema in (WAREHOUSE_SCHEMA, *_DBT_SCHEMAS):
        yield f"CREATE SCHEMA IF NOT EXISTS {schema}"
    yield f"GRANT USAGE, CREATE ON SCHEMA {WAREHOUSE_SCHEMA} TO ROLE loader"
    yield f"GRANT ROLE loader TO {quote(writers.loader)}"
    yield f"GRANT ROLE transformer TO {quote(writers.transformer)}"
    for schema in _DBT_SCHEMAS:
        yield f"GRANT USAGE, CREATE ON SCHEMA {schema} TO ROLE transformer"
    yield from _read(WAREHOUSE_SCHEMA, "transformer", writers.loader)
    for schema in ("core", "marts"):
        yield from _read(schema, "analyst", writers.transformer)
    yield "GRANT USAGE ON SCHEMA marts TO ROLE finance"
    yield f"GRANT SELECT ON {', '.join(_FINANCE_TABLES)} TO ROLE finance"


def _read(schema: str, role: str, owner: str) -> Iterator[str]:
    yield f"GRANT USAGE ON SCHEMA {schema} TO ROLE {role}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO ROLE {role}"
    yield f"ALTER DEFAULT PRIVILEGES FOR USER {quote(owner)} IN SCHEMA {schema} GRANT SELECT ON TABLES TO ROLE {role}"
