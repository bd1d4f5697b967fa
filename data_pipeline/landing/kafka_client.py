"""Connections to Kafka: client configuration and the translation of its failures.

Belongs here: how librdkafka is configured for exact reading, and which of its errors mean what.
Does not: what is asked of a topic (`topic_log.py`) or how records are read (`range_reader.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError
from data_pipeline.landing import native_library
from data_pipeline.landing.message_source import MessageSource
from data_pipeline.landing.plain_source import PlainSource

T = TypeVar("T")

REQUEST_TIMEOUT_S = 15.0
"""How long one question to Kafka may take, retries inside librdkafka included."""

_REFUSED = {
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
    KafkaError.ILLEGAL_SASL_STATE,
}
_FORBIDDEN = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_UNKNOWN = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.TOPIC_EXCEPTION,
}
_UNREACHABLE = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.BROKER_NOT_AVAILABLE,
}


class KafkaUnavailableError(TransientError):
    """No broker answers: whatever is asked next would fail in the same way."""


class KafkaRefusedError(PermanentError):
    """The brokers refuse these credentials: whatever is asked next would fail in the same way."""


class UnknownTopicError(PermanentError):
    """The topic does not exist."""


class BrokerErrors:
    """What librdkafka reported in the background; the only place where it says why nobody answers."""

    def __init__(self) -> None:
        self._last: KafkaError | None = None
        self._refused: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        if error.code() in _REFUSED:
            self._refused = error
        elif error.code() != KafkaError._ALL_BROKERS_DOWN or self._last is None:
            self._last = error

    @property
    def refused(self) -> KafkaError | None:
        """The refusal of our credentials, None if there was none."""
        return self._refused

    @property
    def worst(self) -> KafkaError | None:
        """The refusal if there is one, else what was reported last."""
        return self._refused or self._last


class Clients:
    """Makes librdkafka clients for one cluster, and words their failures.

    Attributes:
        servers: the bootstrap servers, for messages.
    """

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self._kafka = dict(kafka)
        self.servers = self._kafka.get("bootstrap.servers", "?")

    def admin(self) -> Admin:
        """A client that asks about topics."""
        errors = BrokerErrors()
        return Admin(self, self._make(AdminClient, self._base(errors)), errors)

    def source(self, **options: Any) -> tuple[MessageSource, BrokerErrors]:
        """A client that reads offsets exactly as assigned, joins no group and commits nothing."""
        errors = BrokerErrors()
        config = self.consumer_config(errors, **options)
        library = native_library.load()
        if library is not None and native_library.is_possible(config):
            from data_pipeline.landing.native_source import NativeSource  # numba takes its time; commands that read nothing do without

            return self._make(lambda made: NativeSource(library, made), config), errors
        return PlainSource(self._make(Consumer, config)), errors

    def consumer_config(self, errors: BrokerErrors, **options: Any) -> dict[str, Any]:
        """Librdkafka's settings for exact reading, with options in Python's spelling (`fetch_min_bytes`)."""
        return {
            **self._base(errors),
            "group.id": "data-pipeline-landing",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # Both have defaults that hide trouble: a silent jump to the log's end, and unchecked bytes.
            "auto.offset.reset": "error",
            "check.crcs": True,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "allow.auto.create.topics": False,
            **{name.replace("_", "."): value for name, value in options.items()},
        }

    def failure(self, error: KafkaError | None, what: str, seen: BrokerErrors | None = None) -> PipelineError:
        """Our error for librdkafka's, in one sentence."""
        code = error.code() if error is not None else KafkaError._TIMED_OUT
        if code in _UNREACHABLE and seen is not None and seen.worst is not None:
            error = seen.worst
            code = error.code()
        reason = _reason(error)
        if code in _REFUSED:
            return KafkaRefusedError(
                f"Kafka at {self.servers} refused our credentials to {what} ({reason}); check DATA_PIPELINE_KAFKA_SASL_USERNAME, "
                "DATA_PIPELINE_KAFKA_SASL_PASSWORD and DATA_PIPELINE_KAFKA_SECURITY_PROTOCOL."
            )
        if code in _FORBIDDEN:
            return KafkaRefusedError(
                f"Kafka at {self.servers} does not allow us to {what} ({reason}); grant Read and Describe on the topic."
            )
        if code in _UNKNOWN:
            return UnknownTopicError(
                f"Kafka at {self.servers} cannot {what}: there is no such topic or partition ({reason}); "
                "create it, or correct `topic` in the sources file."
            )
        if code in _UNREACHABLE:
            return KafkaUnavailableError(
                f"Kafka at {self.servers} did not answer to {what} ({reason}); start it or check DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS, "
                "then run again."
            )
        if error is not None and error.fatal():
            return PermanentError(f"Kafka at {self.servers} could not {what} ({reason}).")
        return TransientError(f"Kafka at {self.servers} could not {what} ({reason}); run again.")

    def _base(self, errors: BrokerErrors) -> dict[str, Any]:
        return {
            "socket.timeout.ms": 10_000,
            "socket.connection.setup.timeout.ms": 10_000,
            "reconnect.backoff.max.ms": 2_000,
            "client.id": "data-pipeline",
            "log_level": 0,  # what matters comes through the error callback, in our own words
            **self._kafka,
            "error_cb": errors,
        }

    def _make(self, kind: Callable[[dict[str, Any]], T], config: dict[str, Any]) -> T:
        try:
            return kind(config)
        except KafkaException as error:
            raise PermanentError(
                f"The Kafka settings are not usable ({_reason(error.args[0])}); check the DATA_PIPELINE_KAFKA_… variables."
            ) from error


class Admin:
    """Asks a cluster about topics.

    Attributes:
        client: librdkafka's admin client.
    """

    def __init__(self, clients: Clients, client: AdminClient, errors: BrokerErrors) -> None:
        self.client = client
        self._clients = clients
        self._errors = errors

    def answer(self, future: Future[T], what: str, *, timeout_s: float = REQUEST_TIMEOUT_S) -> T:
        """The answer to a request; fails at once when the brokers refuse us."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return future.result(timeout=0.1)
            except FutureTimeoutError:
                self.client.poll(0)  # it is here that errors are reported to us
                if self._errors.refused is not None or time.monotonic() > deadline:
                    raise self._clients.failure(self._errors.worst, what) from None
            except KafkaException as error:
                self.client.poll(0)
                raise self._clients.failure(error.args[0], what, self._errors) from error


def _reason(error: KafkaError | None) -> str:
    if error is None:
        return "no answer in time"
    return " ".join(error.str().split())
