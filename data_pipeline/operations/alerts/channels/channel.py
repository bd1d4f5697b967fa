"""What every channel is, and posting JSON, which two of them do.

Belongs here: the protocol. Does not: any one channel.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Protocol

from data_pipeline.operations.alerts.message import Message

TIMEOUT_S = 10.0


class ChannelError(Exception):
    """A message could not be handed over; `is_final` where another try with the same message cannot help."""

    def __init__(self, sentence: str, is_final: bool = False) -> None:
        super().__init__(sentence)
        self.is_final = is_final


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """`slack`, `email`, `pagerduty` or `sns`."""
        ...

    def send(self, message: Message) -> None:
        """Hand a message over; ChannelError where that failed."""
        ...


def post_json(name: str, url: str, document: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> bytes:
    """Post a document. The address may be a secret (a webhook's is), so no error repeats it."""
    if not url.startswith(("http://", "https://")):
        raise ChannelError(f"The address of {name} begins neither with https:// nor http://.", is_final=True)
    request = urllib.request.Request(url, data=json.dumps(document).encode(), headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return bytes(answer.read(65_536))
    except urllib.error.HTTPError as error:
        # 408 and 429 ask for patience; other 4xx say that the request itself is wrong.
        is_final = 400 <= error.code < 500 and error.code not in (408, 429)
        raise ChannelError(f"{name} answered {error.code}: {error.read(200).decode(errors='replace')}", is_final) from error
    except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ChannelError(f"{name} did not answer: {reason}") from error
