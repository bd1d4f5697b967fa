"""The wire between the real driver and PostgreSQL.

The driver prepares each statement once and binds it again and again, so a COPY is done when it is bound.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_pipeline.common.object_store import ObjectStore
from data_pipeline_tests.redshift_standin.copy import NULL, CopyError, read_as_csv, write_as_parquet
from data_pipeline_tests.redshift_standin.statements import Copy, UnknownStatementError, Unload, read_copy, read_unload, to_postgres

_SERVER_VERSION = b"8.0.2"
_NOTHING = "select 1 where false"


class StandIn:
    """Listens on loopback; one thread a connection.

    Attributes:
        port: where it listens.
        statements: everything that clients sent, in the order of their preparation.
    """

    def __init__(self, socket_dir: Path, store: ObjectStore, user: str, password: str) -> None:
        self.socket_dir, self.store, self.user, self.password = socket_dir, store, user, password
        self.statements: list[str] = []
        self.fail_next: str | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Stop listening; open connections end with their clients."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=_Connection(self, client).serve, daemon=True).start()


@dataclass
class _Connection:
    """One client with its backend."""

    standin: StandIn
    client: socket.socket
    backend: socket.socket = field(init=False)
    copies: dict[bytes, Copy | Unload] = field(default_factory=dict)
    status: bytes = b"I"
    skips_to_sync: bool = False

    def serve(self) -> None:
        try:
            if self._start():
                while True:
                    readable, _, _ = select.select([self.client, self.backend], [], [])
                    if self.backend in readable:
                        self._to_client(*_receive(self.backend))
                    elif self.client in readable:
                        self._from_client(*_receive(self.client))
        except (ConnectionError, OSError):
            pass
        finally:
            self.client.close()
            if hasattr(self, "backend"):
                self.backend.close()

    def _start(self) -> bool:
        """Start-up without the parameters that PostgreSQL refuses; asks for the password in clear, on loopback."""
        (length,) = struct.unpack("!i", _exactly(self.client, 4))
        words = _exactly(self.client, length - 4)[4:].split(b"\0")
        given = dict(zip(words[::2], words[1::2], strict=False))
        self.client.sendall(b"R" + struct.pack("!ii", 8, 3))
        _, answer = _receive(self.client)
        if given.get(b"user", b"").decode() != self.standin.user or answer.rstrip(b"\0").decode() != self.standin.password:
            self.client.sendall(_error("28000", f'password authentication failed for user "{given.get(b"user", b"").decode()}"'))
            return False
        self.backend = socket.socket(socket.AF_UNIX)
        self.backend.connect(str(self.standin.socket_dir / ".s.PGSQL.5432"))
        start = struct.pack("!i", 196608) + b"user\0postgres\0database\0" + given[b"database"] + b"\0TimeZone\0UTC\0\0"
        self.backend.sendall(struct.pack("!i", len(start) + 4) + start)
        return True

    def _to_client(self, kind: bytes, body: bytes) -> None:
        if kind == b"S" and body.startswith(b"server_version\0"):
            body = b"server_version\0" + _SERVER_VERSION + b"\0"
        if kind == b"Z":
            self.status = body
        self.client.sendall(_message(kind, body))

    def _from_client(self, kind: bytes, body: bytes) -> None:
        if self.skips_to_sync:
            if kind == b"S":
                self.skips_to_sync = False
                self.backend.sendall(_message(kind, body))
            return
        try:
            if kind == b"P":
                body = self._prepare(body)
            elif kind == b"B":
                copy = self.copies.get(body.split(b"\0", 2)[1])
                if isinstance(copy, Copy):
                    self._copy(copy)
                elif copy is not None:
                    self._unload(copy)
            elif kind == b"Q":
                raise UnknownStatementError("the stand-in knows prepared statements only")
        except (UnknownStatementError, CopyError) as error:
            self._refuse("XX000", str(error))
            return
        self.backend.sendall(_message(kind, body))

    def _prepare(self, body: bytes) -> bytes:
        name, text, rest = body.split(b"\0", 2)
        sql = text.decode()
        self.standin.statements.append(sql)
        if self.standin.fail_next and self.standin.fail_next in sql:
            self.standin.fail_next = None
            raise ConnectionError("the test wants this connection to break here")
        copy = read_copy(sql) or read_unload(sql)
        self.copies.pop(name, None)
        if copy is not None:
            self.copies[name] = copy
        return name + b"\0" + (_NOTHING if copy else to_postgres(sql)).encode() + b"\0" + rest

    def _copy(self, copy: Copy) -> None:
        columns = self._query(f"select count(*) from information_schema.columns where {_where(copy.table)}")
        data, rows = read_as_csv(self.standin.store, copy.manifest_url, int(columns))
        self.backend.sendall(_message(b"Q", f"copy {copy.table} from stdin (format csv)".encode() + b"\0"))
        self._expect_ready(data)
        self._query(f"select set_config('redshift.last_copy_count', '{rows}', false)")

    def _unload(self, unload: Unload) -> None:
        described = self._rows(f"select * from ({unload.query}) as unloaded limit 0")
        types = {name: self._query(f"select format_type({oid}, null)") for name, oid in described}
        self.backend.sendall(_message(b"Q", f"copy ({unload.query}) to stdout (format csv, header, null '{NULL}')".encode() + b"\0"))
        data: list[bytes] = []
        self._expect_ready(b"", data)
        write_as_parquet(self.standin.store, unload.url_prefix, b"".join(data), types)

    def _rows(self, sql: str) -> list[tuple[str, int]]:
        """Name and type's oid of each column of a query."""
        self.backend.sendall(_message(b"Q", sql.encode() + b"\0"))
        columns: list[tuple[str, int]] = []
        self._expect_ready(b"", columns=columns)
        return columns

    def _query(self, sql: str) -> str:
        self.backend.sendall(_message(b"Q", sql.encode() + b"\0"))
        return self._expect_ready(b"")

    def _expect_ready(self, copy_data: bytes, received: list[bytes] | None = None, columns: list[tuple[str, int]] | None = None) -> str:
        """Answers of a simple query up to its end; the first value of a row, if any. Copied rows and columns go into the lists."""
        value, failure = "", None
        while True:
            kind, body = _receive(self.backend)
            if kind == b"G":
                self.backend.sendall((_message(b"d", copy_data) if copy_data else b"") + _message(b"c", b""))
            elif kind == b"d" and received is not None:
                received.append(body)
            elif kind == b"T" and columns is not None:
                columns += _described(body)
            elif kind == b"D":
                value = body[6:].decode()
            elif kind == b"E":
                failure = body.decode(errors="replace").replace("\0", " ")
            elif kind == b"Z":
                self.status = body
                if failure:
                    raise CopyError(failure)
                return value

    def _refuse(self, state: str, text: str) -> None:
        """An error as the server's own: the transaction is aborted, and all up to the next Sync is ignored."""
        if self.status == b"T":
            # It is meant to fail: that aborts the transaction, as an error of the server's own would.
            with suppress(CopyError):
                self._query("select 1 / 0")
        self.client.sendall(_error(state, text))
        self.skips_to_sync = True


def _described(body: bytes) -> list[tuple[str, int]]:
    """Names and types of a RowDescription."""
    (count,), at, found = struct.unpack("!h", body[:2]), 2, []
    for _ in range(count):
        end = body.index(b"\0", at)
        _, _, oid, _, _, _ = struct.unpack("!ihihih", body[end + 1 : end + 19])
        found.append((body[at:end].decode(), oid))
        at = end + 19
    return found


def _where(table: str) -> str:
    schema, name = (part.strip('"') for part in table.split("."))
    return f"table_schema = '{schema}' and table_name = '{name}'"


def _error(state: str, text: str) -> bytes:
    fields = b"".join(code + value.encode() + b"\0" for code, value in ((b"S", "ERROR"), (b"C", state), (b"M", text)))
    return _message(b"E", fields + b"\0")


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _receive(connection: socket.socket) -> tuple[bytes, bytes]:
    header = _exactly(connection, 5)
    kind, length = header[:1], struct.unpack("!i", header[1:])[0]
    return kind, _exactly(connection, length - 4)


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts: list[Any] = []
    while count:
        part = connection.recv(min(count, 1 << 20))
        if not part:
            raise ConnectionError("closed")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
