"""Channels, each against a real server that checks what it is sent; and what happens when one fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto.server import ThreadedMotoServer

from data_pipeline.devstack.drills.receiver import http_receiver
from data_pipeline.operations.alerts.alert import Alert, Severity
from data_pipeline.operations.alerts.channels import ChannelError, MailChannel, PagerDutyChannel, SlackChannel, SnsChannel
from data_pipeline.operations.alerts.delivery import deliver
from data_pipeline.operations.alerts.message import Message, MessageKind
from data_pipeline_tests.unit.operations.receivers import mail_receiver

AT = datetime(2026, 3, 14, 3, 0, tzinfo=UTC)
ALERT = Alert(
    "kafka_lag", "raw/events", "web-3", "95 s behind <Kafka>", "60 s", AT - timedelta(seconds=35), "Landing is not running.",
    "data-pipeline land --source web --window 2026-03-14T02", "team:web", Severity.PAGE, "kafka_lag:product-events.web", 95.0,
)  # fmt: skip
NAMED = (
    "raw/events",
    "web-3",
    "60 s",
    "2026-03-14 02:59:25",
    "Landing is not running.",
    "docs/runbooks/kafka_lag.md",
    "--window 2026-03-14T02",
)


def message(kind: MessageKind = MessageKind.ALERT, **changes: object) -> Message:
    values = {"channels": (), **changes}
    return Message("m1", kind, ALERT.group, Severity.PAGE, [ALERT], 96, AT, ALERT.since, **values)  # type: ignore[arg-type]


def test_slack_gets_the_whole_alert():
    with http_receiver() as server:
        SlackChannel(server.url).send(message())
    (document,) = server.documents
    assert server.content_types == ["application/json"]
    assert document["text"].startswith("kafka_lag: raw/events web-3: 95 s behind &lt;Kafka&gt;")
    assert "and 95 more" in document["text"]
    (attachment,) = document["attachments"]
    assert attachment["color"] == "danger"
    assert all(part in attachment["text"] for part in NAMED)
    assert "data-pipeline alerts ack" in attachment["text"]


def test_pagerduty_triggers_and_resolves_one_incident():
    with http_receiver(202) as server:
        channel = PagerDutyChannel("routing-key", server.url)
        channel.send(message())
        channel.send(message(MessageKind.RECOVERY))
    trigger, resolve = server.documents
    assert trigger["event_action"] == "trigger"
    assert resolve["event_action"] == "resolve"
    assert trigger["dedup_key"] == resolve["dedup_key"] == ALERT.group
    assert trigger["routing_key"] == resolve["routing_key"] == "routing-key"
    payload = trigger["payload"]
    assert {"summary", "source", "severity", "timestamp"} <= set(payload)
    assert payload["severity"] == "critical"
    assert payload["class"] == "kafka_lag"
    assert all(part in payload["custom_details"]["message"] for part in NAMED)
    assert "payload" not in resolve


def test_a_mail_is_threaded_and_whole():
    with mail_receiver() as (port, mails):
        MailChannel("127.0.0.1", port, "none", "platform@example.com", ("a@example.com", "b@example.com")).send(message())
    (mail,) = mails
    assert mail["To"] == "a@example.com, b@example.com"
    assert mail["Subject"].startswith("[page] kafka_lag: raw/events web-3")
    assert "kafka-lag" in mail["References"]
    assert all(part in mail.get_content() for part in NAMED)


def test_sns_publishes_text_and_attributes():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        keys = ("test", "test", None)
        clients = {
            name: boto3.client(name, "eu-west-1", endpoint_url=url, aws_access_key_id="test", aws_secret_access_key="test")
            for name in ("sns", "sqs")
        }
        topic = clients["sns"].create_topic(Name="alerts")["TopicArn"]
        queue = clients["sqs"].create_queue(QueueName="inbox")["QueueUrl"]
        arn = clients["sqs"].get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        clients["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        SnsChannel(topic, "eu-west-1", url, keys).send(message())
        (received,) = clients["sqs"].receive_message(QueueUrl=queue)["Messages"]
        with pytest.raises(ChannelError) as refused:
            SnsChannel(topic + "-other", "eu-west-1", url, keys).send(message())
    finally:
        server.stop()
    body = json.loads(received["Body"])
    assert body["TopicArn"] == topic
    assert body["Subject"].startswith("kafka_lag: raw/events web-3")
    assert len(body["Subject"]) <= 100
    assert all(part in body["Message"] for part in NAMED)
    assert body["MessageAttributes"]["severity"]["Value"] == "page"
    assert refused.value.is_final


def test_a_channel_that_stumbles_is_tried_again_and_one_that_stays_down_is_passed_over():
    pauses: list[float] = []
    with http_receiver(503, 200) as slack, http_receiver(500) as pagerduty, mail_receiver() as (port, mails):
        mail = MailChannel("127.0.0.1", port, "none", "p@example.com", ("a@example.com",))
        channels = {"slack": SlackChannel(slack.url), "pagerduty": PagerDutyChannel("k", pagerduty.url), "email": mail}
        delivery = deliver(message(), channels, sleep=pauses.append)
    assert delivery.taken_by == ("slack",)
    assert len(pagerduty.documents) == 3
    assert len(slack.documents) == 2
    assert mails == []
    assert pauses == [1.0, 2.0, 1.0]
    assert "pagerduty answered 500" in delivery.failures[0]


def test_an_answer_that_is_final_is_not_tried_again_and_secrets_stay_out_of_errors():
    with http_receiver(404) as slack, mail_receiver(refusals=1) as (port, mails):
        channels = {"slack": SlackChannel(slack.url), "email": MailChannel("127.0.0.1", port, "none", "p@example.com", ("a@example.com",))}
        delivery = deliver(message(), channels, sleep=lambda _: None)
    assert len(slack.documents) == 1
    assert delivery.taken_by == ("email",)
    assert len(mails) == 1
    assert not any("/hook" in failure for failure in delivery.failures)
    assert "/hook" not in repr(channels)


def test_when_every_channel_is_dead_nothing_is_raised():
    channels = {"slack": SlackChannel("http://127.0.0.1:9/x"), "email": MailChannel("127.0.0.1", 9, "none", "p@e.com", ("a@e.com",))}
    delivery = deliver(message(), channels, sleep=lambda _: None)
    assert delivery.taken_by == ()
    assert len(delivery.failures) == 2
    assert deliver(message(), {}, sleep=lambda _: None).taken_by == ()


def test_an_escalation_goes_to_every_channel():
    with http_receiver() as slack, http_receiver(202) as pagerduty:
        channels = {"slack": SlackChannel(slack.url), "pagerduty": PagerDutyChannel("k", pagerduty.url)}
        delivery = deliver(message(MessageKind.ESCALATION, channels=("pagerduty", "slack")), channels)
    assert delivery.taken_by == ("pagerduty", "slack")
    assert len(slack.documents) == len(pagerduty.documents) == 1
