"""The Redshift adapter.

Belongs here: what `Warehouse` promises, by statements to Redshift. Does not: SQL text (`redshift_sql.py`), errors
(`redshift_connection.py`).
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from data_pipeline.common.errors import PermanentError, PipelineError
from data_pipeline.common.layout import archive_prefix, load_manifest_key
from data_pipeline.common.manifest import Manifest
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.render import redshift_ddl, redshift_type
from data_pipeline.warehouse import redshift_sql as sql
from data_pipeline.warehouse.archive_manifest import publish_archive
from data_pipeline.warehouse.drift import columns_to_add
from data_pipeline.warehouse.interface import LoadedWindow, Rows, require_equal_archive, require_same_day
from data_pipeline.warehouse.objects import require_objects, unloaded_entries
from data_pipeline.warehouse.redshift_connection import RedshiftAddress, RedshiftSession, open_session

_NO_RUN = "none"


@dataclass(frozen=True)
class RedshiftWarehouse:
    """A warehouse in Redshift; every call is a session of its own.

    Attributes:
        address: where and as whom.
        copy_role_arn: IAM role with which COPY reads the bucket.
    """

    address: RedshiftAddress
    copy_role_arn: str

    def ensure_tables(self, tables: Iterable[Table]) -> None:
        with open_session(self.address) as session:
            for table in tables:
                _ensure_table(session, table, _NO_RUN)

    def replace_window(self, table: Table, day: date, manifest: Manifest, store: ObjectStore, *, run_id: str) -> LoadedWindow:
        require_same_day(table, day, manifest)
        began = time.monotonic()
        require_objects(manifest, store)
        # COPY reads a copy of the manifest that was checked: the published one may be replaced at any moment. Each load has
        # a copy of its own, since it removes it at the end.
        key = load_manifest_key(table.name, day, uuid.uuid4().hex)
        if manifest.entries:
            store.put(key, manifest.to_json(store))
        try:
            with open_session(self.address) as session:
                session.run(sql.set_query_group(run_id))
                _ensure_table(session, table, run_id)
                deleted = self._replace(session, table, day, manifest, store.url(key), run_id)
        finally:
            with contextlib.suppress(PipelineError):
                store.delete(key)
        return LoadedWindow(
            table=table.name,
            day=day,
            rows_deleted=deleted,
            rows_loaded=manifest.row_count,
            bytes_read=manifest.size_bytes,
            object_count=len(manifest.entries),
            seconds=time.monotonic() - began,
            run_id=run_id,
        )

    def archive_window(self, table: Table, day: date, store: ObjectStore, *, run_id: str) -> Manifest:
        # A folder of its own: UNLOAD refuses one that holds objects, and one that died half-way names nothing.
        prefix = f"{archive_prefix(table.name, day)}/{uuid.uuid4().hex}/"
        with open_session(self.address) as session:
            session.run(sql.set_query_group(run_id))
            session.run(sql.with_comment(sql.unload_window(table, day, store.url(prefix), self.copy_role_arn), run_id, table.name, day))
        return publish_archive(table, day, unloaded_entries(store, f"{prefix}manifest"), store, run_id)

    def drop_window(self, table: Table, day: date, archived: Manifest, *, run_id: str) -> int:
        def commented(statement: str) -> str:
            return sql.with_comment(statement, run_id, table.name, day)

        with open_session(self.address) as session:
            session.run(sql.set_query_group(run_id))
            session.run(commented("BEGIN"))
            session.run(commented(sql.lock(table)))
            standing = session.scalar(commented(sql.count_window(table, day)))
            require_equal_archive(table, day, standing, archived)
            session.run(commented(sql.delete_window(table, day)))
            session.run(commented("COMMIT"))
        return standing

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        with open_session(self.address) as session:
            return session.run(sql, parameters)

    def _replace(self, session: RedshiftSession, table: Table, day: date, manifest: Manifest, manifest_url: str, run_id: str) -> int:
        """Lock, delete, copy, verify and commit; returns the rows deleted. Leaving by an error leaves the day as it was."""

        def commented(statement: str) -> str:
            return sql.with_comment(statement, run_id, table.name, day)

        session.run(commented("BEGIN"))
        session.run(commented(sql.lock(table)))
        deleted = session.scalar(commented(sql.count_window(table, day)))
        session.run(commented(sql.delete_window(table, day)))
        copied = 0
        if manifest.entries:
            session.run(commented(sql.copy_manifest(table, manifest_url, self.copy_role_arn)))
            copied = session.scalar(commented(sql.last_copy_count()))
        standing = session.scalar(commented(sql.count_window(table, day)))
        if not copied == standing == manifest.row_count:
            session.run(commented("ROLLBACK"))
            raise PermanentError(
                f"The manifest of {manifest.stage} for {day} says {manifest.row_count} rows, its objects gave {copied}, of which "
                f"{standing} have {table.window_column} {day}; materialize {manifest.stage} for that day again. Nothing was changed."
            )
        session.run(commented("COMMIT"))
        return deleted


def _ensure_table(session: RedshiftSession, table: Table, run_id: str) -> None:
    for statement in (sql.create_schema(), redshift_ddl(table), sql.create_lock_table(table)):
        session.run(sql.with_comment(statement, run_id, table.name))
    actual = dict(sql.read_column(row) for row in session.run(sql.with_comment(sql.read_columns(table), run_id, table.name)).rows)
    # COPY of Parquet goes by position, so here a new column may come last only.
    for column in columns_to_add(table, actual, redshift_type, is_positional=True):
        session.run(sql.with_comment(sql.add_column(table, column), run_id, table.name))
