"""Entry point of the landing Lambda function: `data_pipeline.lambda_entry.handler`.

Belongs here: building the handler from the environment at the first call. Does not: what the handler does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from data_pipeline.landing.aws_lambda import LambdaContext, LandingHandler
from data_pipeline.settings import Settings


@cache
def _handler() -> LandingHandler:
    settings = Settings.from_env()
    return LandingHandler(settings.kafka_client_config(), settings.object_store())


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Land the event's chunks; see `data_pipeline.landing.aws_lambda`."""
    return _handler()(event, context)
