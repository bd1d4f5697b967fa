"""A session with Redshift, and its failures as ours.

Belongs here: connecting, running statements, translation of errors. Does not: SQL text, what is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError
from data_pipeline.warehouse.interface import Rows

_TRANSIENT_STATES = ("08", "40", "53", "55P03", "57")
"""SQLSTATE classes and codes: connection, serialization and deadlock, resources, lock, operator (restart, maintenance)."""
_SERIALIZABLE_VIOLATION = "1023"


@dataclass(frozen=True)
class RedshiftAddress:
    """Where and as whom to connect.

    Attributes:
        host: cluster or workgroup endpoint.
        port: its port.
        database: the database.
        user: the user.
        password: never shown.
        is_encrypted: whether to insist on TLS with a known certificate.
        connect_timeout_s: how long to wait for the connection.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    is_encrypted: bool = True
    connect_timeout_s: int = 30

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class RedshiftSession:
    """One open connection; every statement stands for itself unless BEGIN was sent."""

    connection: Any

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Send one statement; `?` marks are parameters."""
        with self.connection.cursor() as cursor:
            cursor.paramstyle = "qmark"
            cursor.execute(sql, tuple(parameters)) if parameters else cursor.execute(sql)
            if cursor.description is None:
                return Rows([], [])
            return Rows([_text(column[0]) for column in cursor.description], [tuple(row) for row in cursor.fetchall()])

    def scalar(self, sql: str) -> int:
        """The one number that a statement gives."""
        return int(self.run(sql).scalar)


@contextmanager
def open_session(address: RedshiftAddress) -> Iterator[RedshiftSession]:
    """Connect, and close whatever happens; an open transaction is rolled back by the server then.

    Raises:
        TransientError: Redshift did not answer, is in maintenance, or another transaction was in the way.
        PermanentError: it refused the user, or a statement.
    """
    import redshift_connector

    try:
        connection = redshift_connector.connect(
            host=address.host,
            port=address.port,
            database=address.database,
            user=address.user,
            password=address.password,
            ssl=address.is_encrypted,
            sslmode="verify-ca",
            timeout=address.connect_timeout_s,
            application_name="data-pipeline",
        )
    except (redshift_connector.Error, OSError) as error:
        raise _translated(error, address) from error
    try:
        # The driver leaves its timeout for connecting on the socket, where it would cut off every longer COPY.
        connection._usock.settimeout(None)
        connection.autocommit = True
        yield RedshiftSession(connection)
    except (redshift_connector.Error, OSError) as error:
        raise _translated(error, address) from error
    finally:
        # Where the server has closed it already, that is what was wanted.
        with suppress(redshift_connector.Error, OSError):
            connection.close()


def _translated(error: Exception, address: RedshiftAddress) -> PipelineError:
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    state, message = str(details.get("C", "")), str(details.get("M", "") or error)
    text = " ".join(message.split())
    if state.startswith("28"):
        return PermanentError(
            f"Redshift refused {address} ({text}); check DATA_PIPELINE_REDSHIFT_USER and DATA_PIPELINE_REDSHIFT_PASSWORD."
        )
    if state == "3D000":
        return PermanentError(f"Redshift has no such database ({address}: {text}); check DATA_PIPELINE_REDSHIFT_DATABASE.")
    if state == "42501":
        return PermanentError(f"Redshift does not allow {address.user} to do this ({text}); grant the role of loaders (docs/warehouse.md).")
    if state.startswith(_TRANSIENT_STATES) or text.startswith(_SERIALIZABLE_VIOLATION) or "Serializable isolation violation" in text:
        return TransientError(f"Redshift at {address} could not do it now ({state}: {text}); it will be tried again.")
    if not details:
        return TransientError(
            f"Redshift at {address} does not answer ({text}); it will be tried again. "
            "Check DATA_PIPELINE_REDSHIFT_HOST and DATA_PIPELINE_REDSHIFT_PORT if it never answers."
        )
    return PermanentError(f"Redshift at {address} refused ({state}): {text}")


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
