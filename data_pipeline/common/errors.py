"""The two kinds of failure: worth another try, or not.

Belongs here: exception types that stages raise and the shell (orchestration, command line) interprets.
Does not: handling, retrying or printing of them.
"""


class PipelineError(Exception):
    """A failure that says, in one sentence, what is wrong with which value and what to do next."""


class TransientError(PipelineError):
    """The outside world did not answer; the same call may succeed later."""


class PermanentError(PipelineError):
    """Trying again cannot help until a person changes something."""


class LostOffsetsError(PermanentError):
    """Kafka no longer holds offsets that the hour needs.

    Attributes:
        topic: the topic's name.
        partition: Kafka partition.
        first: first missing offset.
        last: last missing offset, inclusive.
    """

    def __init__(self, topic: str, partition: int, first: int, last: int, advice: str) -> None:
        self.topic = topic
        self.partition = partition
        self.first = first
        self.last = last
        super().__init__(
            f"Kafka no longer holds offsets {first} to {last} ({last - first + 1} offsets) of {topic} partition {partition}. {advice}"
        )


class OvertakenError(PermanentError):
    """Another run published this manifest after ours read it; ours must not win."""
