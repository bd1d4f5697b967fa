"""How a stage's failure reaches Dagster: try again, or stop and say why in the first line.

Belongs here: that translation. Does not: deciding which failure is which (the stages do).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Failure, RetryRequested

from data_pipeline.common.errors import PipelineError, TransientError

MAX_RETRIES = 3
FIRST_WAIT_S = 10.0


@contextmanager
def translated_failures(retry_number: int) -> Iterator[None]:
    """Inside, a TransientError asks for another try with growing waits; any other PipelineError ends the step.

    Args:
        retry_number: how often this step was tried again already.
    """
    try:
        yield
    except TransientError as error:
        if retry_number >= MAX_RETRIES:
            raise Failure(f"{error} It was tried {MAX_RETRIES + 1} times.", allow_retries=False) from error
        raise RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=FIRST_WAIT_S * 2**retry_number) from error
    except PipelineError as error:
        raise Failure(str(error), allow_retries=False) from error
