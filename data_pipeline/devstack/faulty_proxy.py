"""An HTTP proxy in front of an S3 server that fails on purpose.

It forwards requests as they are (the signature covers the Host header, which is kept) and breaks those that a plan names.
Belongs here: the proxy and its faults. Does not: which requests fail (the caller's plan).
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Fault(StrEnum):
    """What the proxy can do to a request."""

    INTERNAL_ERROR = "500 without effect"
    SLOW_DOWN = "503 SlowDown"
    RESET_MID_UPLOAD = "connection reset while the body is sent"
    SLOW_FIRST_BYTE = "the answer comes late"
    TIMEOUT_AFTER_SUCCESS = "the server did it, the answer never comes"
    RESET_AFTER_SUCCESS = "the server did it, the connection is reset"
    ERROR_AFTER_SUCCESS = "the server did it, the answer is 500"
    THROTTLED_LIST = "listing refused with 503"
    WRONG_ETAG = "the answer names another ETag"
    TRUNCATED_ANSWER = "the answer breaks off"
    EXPIRED_CREDENTIALS = "403 ExpiredToken"


Plan = Callable[[str, str], Fault | None]
"""Given method and path, the fault of this request, or None."""

_DONE_FIRST = {Fault.TIMEOUT_AFTER_SUCCESS, Fault.RESET_AFTER_SUCCESS, Fault.ERROR_AFTER_SUCCESS, Fault.WRONG_ETAG, Fault.TRUNCATED_ANSWER}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


class FaultyProxy:
    """Listens on a free loopback port while it is entered.

    Attributes:
        hold_s: how long an answer that never comes keeps the client waiting.
        delay_s: how late a slow answer comes.
    """

    def __init__(self, target_url: str, plan: Plan, *, hold_s: float = 3.0, delay_s: float = 0.3) -> None:
        self.hold_s = hold_s
        self.delay_s = delay_s
        self.plan = plan
        target = urlsplit(target_url)
        self.target = (target.hostname or "127.0.0.1", target.port or 80)
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FaultyProxy

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def _handle(self) -> None:
        fault = self.owner.plan(self.command, self.path)
        length = int(self.headers.get("Content-Length", 0))
        if fault is Fault.RESET_MID_UPLOAD:
            self.rfile.read(length // 2)
            self._reset()
            return
        body = self.rfile.read(length)
        if fault is Fault.SLOW_FIRST_BYTE:
            time.sleep(self.owner.delay_s)
        elif fault is not None and fault not in _DONE_FIRST:
            self._refuse(fault)
            return
        status, headers, answer = self._forward(body)
        if fault is Fault.TIMEOUT_AFTER_SUCCESS:
            time.sleep(self.owner.hold_s)
            self._reset()
        elif fault is Fault.RESET_AFTER_SUCCESS:
            self._reset()
        elif fault is Fault.ERROR_AFTER_SUCCESS:
            self._refuse(fault)
        else:
            self._answer(fault, status, headers, answer)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _handle

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.owner.target, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(self, fault: Fault | None, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() in _HOP_BY_HOP:
                continue
            changed = '"00000000000000000000000000000000"' if fault is Fault.WRONG_ETAG and name.lower() == "etag" else value
            self.send_header(name, changed)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is Fault.TRUNCATED_ANSWER and body:
            self.wfile.write(body[: len(body) // 2])
            self._reset()
            return
        self.wfile.write(body)

    def _refuse(self, fault: Fault) -> None:
        status, code = {
            Fault.SLOW_DOWN: (503, "SlowDown"),
            Fault.THROTTLED_LIST: (503, "SlowDown"),
            Fault.EXPIRED_CREDENTIALS: (403, "ExpiredToken"),
        }.get(fault, (500, "InternalError"))
        body = b"" if self.command == "HEAD" else f"<Error><Code>{code}</Code><Message>{fault}</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        """RST instead of FIN, as a broken network gives."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
