"""The Spark session that tests share, small and on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from data_pipeline.transforms.session import create_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


FAST_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Tests end before the optimizing compiler would pay."""


def small_session(
    jars_dir: Path, local_dir: Path, endpoint_url: str | None = None, credentials: tuple[str, str, str | None] | None = None
) -> Iterator[SparkSession]:
    """A session with two cores and 1 GB, stopped at the end."""
    session = create_session("local[2]", jars_dir / "spark", "1g", endpoint_url, "us-east-1", credentials, "tests", local_dir, FAST_START)
    yield session
    session.stop()
