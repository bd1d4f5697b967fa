"""Real servers on this machine that take what alerts send, and keep it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


class HttpReceiver(ThreadingHTTPServer):
    """Answers with the codes given, in turn, the last one for ever; keeps the JSON documents that it was sent."""

    def __init__(self, *codes: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes = list(codes) or [200]
        self.documents: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: HttpReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.documents.append(json.loads(body))
        self.server.content_types.append(self.headers["content-type"])
        code = self.server.codes.pop(0) if len(self.server.codes) > 1 else self.server.codes[0]
        self.send_response(code)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def http_receiver(*codes: int) -> Iterator[HttpReceiver]:
    server = HttpReceiver(*codes)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Inbox:
    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refusals:
            self.refusals -= 1
            return "451 come again"
        mail = BytesParser(policy=default).parsebytes(envelope.content)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


@contextmanager
def mail_receiver(refusals: int = 0) -> Iterator[tuple[int, list[EmailMessage]]]:
    """Port and mails of an SMTP server that first says `come again` so many times."""
    from data_pipeline.devstack.ports import reserve_port

    inbox = _Inbox(refusals)
    controller = Controller(inbox, hostname="127.0.0.1", port=reserve_port())
    controller.start()
    try:
        yield controller.port, inbox.mails
    finally:
        controller.stop()
