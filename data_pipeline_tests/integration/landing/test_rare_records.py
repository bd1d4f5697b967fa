"""Records that ordinary clients do not send, and deletion by the broker's own clock."""

from __future__ import annotations

import time

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from data_pipeline.common.errors import LostOffsetsError
from data_pipeline_tests.integration.landing.conftest import MakeTopic
from data_pipeline_tests.integration.landing.raw_produce import produce
from data_pipeline_tests.integration.landing.support import H9, H10, Record, Topic, ms


def test_records_without_a_timestamp_land_with_their_offset_neighbours(make_topic: MakeTopic) -> None:
    topic = make_topic()
    servers = topic.kafka["bootstrap.servers"]
    topic.send([Record(b"first", ms(H9, 1))])
    produce(servers, topic.name, [b"no time", b"none either"])
    topic.send([Record(b"last", ms(H9, 2)), Record(b"of the next hour", ms(H10))])
    produce(servers, topic.name, [b"no time in the next hour"])
    topic.land()
    topic.land(H10)
    assert topic.values() == [(0, b"first"), (1, b"no time"), (2, b"none either"), (3, b"last")]
    assert [row["received_at"] is None for row in topic.rows()] == [False, True, True, False]
    assert topic.values(H10) == [(4, b"of the next hour"), (5, b"no time in the next hour")]
    assert topic.equation(H10) == (4, 6, 2, 0)


def test_retention_that_deletes_before_all_has_landed(make_topic: MakeTopic) -> None:
    """The broker's own retention, not DeleteRecords: whole segments go by age."""
    topic = make_topic()
    topic.send([Record(b"%d" % n, ms(H9, 1)) for n in range(150)])
    landed = topic.land()
    topic.send([Record(b"of the next hour %d" % n, ms(H10, 1)) for n in range(30)])
    _set(topic, "retention.ms", "3600000")
    _wait_until_deleted(topic, 180)
    with pytest.raises(LostOffsetsError, match=rf"offsets 150 to 179 of topic '{topic.name}' partition 0|150 to 179"):
        topic.land(H10)
    assert [(row["offset"], row["value"]) for row in topic.rows()] == [(n, b"%d" % n) for n in range(150)]
    assert topic.land().manifest == landed.manifest


def _set(topic: Topic, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic.name, incremental_configs=[entry])
    admin = AdminClient(topic.kafka)  # must live until the answer is there
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)


def _wait_until_deleted(topic: Topic, start: int) -> None:
    from data_pipeline.landing.topic_log import TopicLog

    log, deadline = TopicLog(topic.kafka, topic.name), time.monotonic() + 90
    while log.log_starts([0])[0] < start:
        assert time.monotonic() < deadline, "the broker deleted nothing"
        time.sleep(0.2)
