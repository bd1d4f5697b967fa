"""A local webhook that takes what alerts send, and notes when.

Belongs here: the receiver of drills and tests. Does not: judging what came.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from data_pipeline.common.errors import PermanentError


class HttpReceiver(ThreadingHTTPServer):
    """Answers with the codes given, in turn, the last one for ever.

    Attributes:
        documents: the JSON documents that it was sent.
        arrivals: `time.monotonic()` of each.
    """

    def __init__(self, *codes: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes = list(codes) or [200]
        self.documents: list[dict[str, Any]] = []
        self.arrivals: list[float] = []
        self.content_types: list[str | None] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def wait_for(self, is_wanted: Callable[[dict[str, Any]], bool], timeout_s: float) -> tuple[dict[str, Any], float]:
        """The first document that is wanted, and when it came; PermanentError after the timeout."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for document, at in list(zip(self.documents, self.arrivals, strict=False)):
                if is_wanted(document):
                    return document, at
            time.sleep(0.05)
        raise PermanentError(f"No such message came within {timeout_s:.0f} s; {len(self.documents)} others did.")


class _Handler(BaseHTTPRequestHandler):
    server: HttpReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.documents.append(json.loads(body))
        self.server.arrivals.append(time.monotonic())
        self.server.content_types.append(self.headers["content-type"])
        code = self.server.codes.pop(0) if len(self.server.codes) > 1 else self.server.codes[0]
        self.send_response(code)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def http_receiver(*codes: int) -> Iterator[HttpReceiver]:
    """A receiver that listens on a free port of this machine."""
    server = HttpReceiver(*codes)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
