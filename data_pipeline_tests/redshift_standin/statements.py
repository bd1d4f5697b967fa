"""What the stand-in does with a statement: pass it on, strip what PostgreSQL lacks, or refuse it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMMENT = re.compile(r"^\s*(/\*.*?\*/\s*|--[^\n]*\n\s*)*", re.DOTALL)
_KNOWN = re.compile(
    r"(select|with|insert into|delete from|begin|commit|rollback|lock table|set query_group|"
    r"create (temporary |or replace )?(table|view|schema)|drop (table|view|schema)|alter (table|view))\b",
    re.IGNORECASE,
)
_COPY = re.compile(
    r"copy\s+(?P<table>[\w.\"]+)\s+from\s+'(?P<url>[^']+)'\s+iam_role\s+'(?P<role>arn:aws:iam::\d{12}:role/[^']+)'\s+"
    r"format\s+as\s+parquet\s+manifest\s+statupdate\s+off\s*;?\s*",
    re.IGNORECASE,
)
_UNLOAD = re.compile(
    r"unload\s*\('(?P<query>(?:[^']|'')+)'\)\s+to\s+'(?P<url>[^']+)'\s+iam_role\s+'arn:aws:iam::\d{12}:role/[^']+'\s+"
    r"format\s+as\s+parquet\s+manifest\s+verbose\s*;?\s*",
    re.IGNORECASE,
)
_STRIPPED = (
    r"\bencode\s+(raw|az64|zstd|lzo|bytedict)\b",
    r"\bdiststyle\s+(key|all|even|auto)\b",
    r"\bdistkey\s*\([^)]*\)",
    r"\b(compound\s+|interleaved\s+)?sortkey\s*\([^)]*\)",
    r"\bbackup\s+no\b",
    r"\bwith\s+no\s+schema\s+binding\b",
    # Redshift enforces no key; PostgreSQL would, and hide duplicates that Redshift lets in.
    r",\s*primary\s+key\s*\([^)]*\)",
)
_LISTAGG = re.compile(
    r"listagg\s*\((?P<what>.+?),\s*(?P<by>'[^']*')\)\s*within\s+group\s*\(order\s+by\s+(?P<order>.+?)\)\s*\|\|", re.IGNORECASE | re.DOTALL
)


class UnknownStatementError(Exception):
    """The stand-in does not know this statement and will not guess."""


@dataclass(frozen=True)
class Copy:
    """A COPY that the stand-in does itself."""

    table: str
    manifest_url: str


@dataclass(frozen=True)
class Unload:
    """An UNLOAD that the stand-in does itself."""

    query: str
    url_prefix: str


def read_unload(sql: str) -> Unload | None:
    """The UNLOAD that a statement is, None for any other statement."""
    body = _body(sql)
    if not body.lower().startswith("unload"):
        return None
    found = _UNLOAD.fullmatch(body)
    if not found:
        raise UnknownStatementError(f"the stand-in does not know this UNLOAD: {body[:200]}")
    return Unload(found["query"].replace("''", "'"), found["url"])


def read_copy(sql: str) -> Copy | None:
    """The COPY that a statement is, None for any other statement."""
    body = _body(sql)
    if not body.lower().startswith("copy"):
        return None
    found = _COPY.fullmatch(body)
    if not found:
        raise UnknownStatementError(f"the stand-in does not know this COPY: {body[:200]}")
    return Copy(found["table"], found["url"])


def to_postgres(sql: str) -> str:
    """The statement for PostgreSQL; UnknownStatementError for one that is not on the list."""
    body = _body(sql)
    if not body.strip("; \n"):
        return sql
    if not _KNOWN.match(" ".join(body[:200].split())):
        raise UnknownStatementError(f"the stand-in does not know this statement: {body[:200]}")
    if re.match(r"set query_group\b", body, re.IGNORECASE):
        return re.sub(r"query_group", "redshift.query_group", body, flags=re.IGNORECASE)
    if body[:6].lower() == "create":
        for pattern in _STRIPPED:
            sql = re.sub(pattern, "", sql, flags=re.IGNORECASE)
    return _LISTAGG.sub(lambda found: f"string_agg({found['what']}, {found['by']} order by {found['order']}) ||", sql)


def _body(sql: str) -> str:
    return sql[_COMMENT.match(sql).end() :].strip()  # type: ignore[union-attr]


CATALOG_SQL = """
set allow_system_table_mods = on;
create view pg_catalog.svv_external_columns as
    select null::text as schemaname, null::text as tablename, null::int as columnnum, null::text as columnname, null::text as external_type
    where false;
create function pg_catalog.pg_get_late_binding_view_cols() returns setof record language sql
    as $$ select null::name, null::name, null::name, null::varchar, null::int where false $$;
create function pg_catalog.pg_last_copy_count() returns bigint language sql
    as $$ select coalesce(nullif(current_setting('redshift.last_copy_count', true), ''), '0')::bigint $$;
create function pg_catalog.datediff(part text, earlier timestamp, later timestamp) returns bigint language sql immutable
    as $$ select case part
        when 'second' then (extract(epoch from date_trunc('second', later)) - extract(epoch from date_trunc('second', earlier)))::bigint
        when 'day' then (later::date - earlier::date)::bigint
    end $$;
"""
"""What Redshift's catalog has and PostgreSQL's has not, as far as the driver, dbt and our models ask for it."""
