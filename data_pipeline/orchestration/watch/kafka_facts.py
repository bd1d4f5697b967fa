"""Facts of Kafka: brokers, and the lag of every partition.

Belongs here: asking Kafka. Does not: thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from typing import Any

from data_pipeline.common.errors import PipelineError, TransientError
from data_pipeline.common.object_store import ObjectStore
from data_pipeline.common.sources import Source
from data_pipeline.landing import measure_lag
from data_pipeline.operations.signals.facts import BrokerFact, LagFact, OutageFact

_METADATA_TIMEOUT_S = 5.0
_LAG_FIELDS = {item.name for item in fields(LagFact)}


@dataclass(frozen=True)
class KafkaFacts:
    """What Kafka tells; `outages` holds what it did not."""

    brokers: BrokerFact | None
    lags: tuple[LagFact, ...]
    outages: tuple[OutageFact, ...]


def gather_kafka(kafka: Mapping[str, str], store: ObjectStore, sources: Mapping[str, Source]) -> KafkaFacts:
    """Ask for brokers first: while none answers, nothing else is asked, and one outage says it all."""
    try:
        brokers = _brokers(kafka, sources)
    except TransientError as error:
        return KafkaFacts(None, (), (OutageFact("kafka", "", str(error)),))
    lags: list[LagFact] = []
    outages: list[OutageFact] = []

    def measure(source: Source) -> list[LagFact] | OutageFact:
        try:
            found = measure_lag(source, kafka, store)
        except PipelineError as error:
            # Lag is measured against manifests: an S3 that refuses is the store's outage, not Kafka's.
            service = "store" if "S3 " in str(error) else "kafka"
            return OutageFact(service, source.topic, str(error), isinstance(error, TransientError) or service == "store")
        return [LagFact(**{name: value for name, value in asdict(lag).items() if name in _LAG_FIELDS}) for lag in found]

    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="lag") as pool:
        for result in pool.map(measure, sources.values()):
            if isinstance(result, OutageFact):
                outages.append(result)
            else:
                lags += result
    return KafkaFacts(brokers, tuple(lags), tuple(outages))


def _brokers(kafka: Mapping[str, str], sources: Mapping[str, Source]) -> BrokerFact:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    # log_level 0: librdkafka would repeat on stderr what the alert says.
    admin = AdminClient({**kafka, "log_level": 0, "socket.connection.setup.timeout.ms": 3000})
    try:
        metadata: Any = admin.list_topics(timeout=_METADATA_TIMEOUT_S)
    except KafkaException as error:
        raise TransientError(f"Kafka at {kafka['bootstrap.servers']} does not answer: {error.args[0].str()}.") from error
    topics = {source.topic for source in sources.values()}
    partitions = [part for name, topic in metadata.topics.items() if name in topics for part in topic.partitions.values()]
    replicas = {broker for part in partitions for broker in part.replicas}
    return BrokerFact(
        known=sorted(replicas | set(metadata.brokers)),
        alive=sorted(metadata.brokers),
        leaderless=sum(part.leader < 0 for part in partitions),
        under_replicated=sum(len(part.isrs) < len(part.replicas) for part in partitions),
    )
