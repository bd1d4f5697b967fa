"""One Spark session for all tests of the transforms: starting it costs seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(jars_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    from data_pipeline_tests.spark_session import small_session

    yield from small_session(jars_dir, tmp_path_factory.mktemp("spark"))
