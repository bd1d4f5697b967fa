"""AWS SNS: one topic, to which people subscribe by SMS, mail or whatever they like."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.operations.alerts.channels.channel import TIMEOUT_S, ChannelError
from data_pipeline.operations.alerts.message import Message

_SUBJECT_LENGTH = 100
_FINAL = {"NotFound", "NotFoundException", "InvalidParameter", "InvalidParameterException", "AuthorizationError", "InvalidClientTokenId"}


@dataclass(frozen=True)
class SnsChannel:
    """One topic.

    Attributes:
        topic_arn: its ARN.
        region: its region.
        endpoint_url: the server, None for AWS.
        credentials: access key, secret key and session token, None for the standard AWS chain.
    """

    topic_arn: str
    region: str
    endpoint_url: str | None = None
    credentials: tuple[str, str, str | None] | None = field(default=None, repr=False)
    name: str = "sns"

    def send(self, message: Message) -> None:
        """Publish: plain text for people, attributes for subscription filters."""
        from botocore.exceptions import BotoCoreError, ClientError

        attributes = {"kind": str(message.kind), "severity": str(message.severity), "group": message.group}
        try:
            self._client().publish(
                TopicArn=self.topic_arn,
                # SNS takes printable ASCII of one line here.
                Subject=" ".join(message.subject.split()).encode("ascii", "replace").decode()[:_SUBJECT_LENGTH],
                Message=json.dumps({"default": message.text}),
                MessageStructure="json",
                MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise ChannelError(f"SNS refused: {code} {error}", is_final=code in _FINAL) from error
        except BotoCoreError as error:
            raise ChannelError(f"SNS did not answer: {error}") from error

    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        access, secret, token = self.credentials or (None, None, None)
        config = Config(connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, retries={"total_max_attempts": 1})
        session = boto3.session.Session(access, secret, token, region_name=self.region)
        return session.client("sns", endpoint_url=self.endpoint_url, config=config)
