"""A real mail server on this machine that takes what alerts send, and keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller


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
