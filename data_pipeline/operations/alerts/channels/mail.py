"""E-mail over SMTP."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from data_pipeline.operations.alerts.channels.channel import TIMEOUT_S, ChannelError
from data_pipeline.operations.alerts.message import Message

_SUBJECT_LENGTH = 180


@dataclass(frozen=True)
class MailChannel:
    """One mail server and its receivers.

    Attributes:
        host: the server.
        port: its port.
        security: `starttls`, `tls` or `none`.
        sender: address that mails come from.
        receivers: addresses that get them.
        user: for servers that ask for one.
        password: belongs to the user.
    """

    host: str
    port: int
    security: str
    sender: str
    receivers: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    name: str = "email"

    def send(self, message: Message) -> None:
        """Send one mail; mails of a group form a thread."""
        mail = EmailMessage()
        mail["Subject"] = f"[{message.severity}] {' '.join(message.subject.split())}"[:_SUBJECT_LENGTH]
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.receivers)
        mail["Date"] = format_datetime(message.at)
        mail["Message-ID"] = make_msgid(idstring=message.message_id, domain="data-pipeline")
        mail["References"] = f"<{''.join(c if c.isalnum() else '-' for c in message.group)}@data-pipeline>"
        mail.set_content(message.text)
        try:
            with self._connect() as server:
                refused = server.send_message(mail)
        except smtplib.SMTPResponseException as error:
            words = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else str(error.smtp_error)
            # 5xx is the server's last word; 4xx asks to come again.
            raise ChannelError(f"The mail server answered {error.smtp_code}: {words}", is_final=error.smtp_code >= 500) from error
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelError(f"The mail server {self.host}:{self.port} did not take the mail: {error}") from error
        if refused:
            raise ChannelError(f"The mail server refused {', '.join(refused)}.", is_final=True)

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password or "")
        except BaseException:
            server.close()
            raise
        return server
