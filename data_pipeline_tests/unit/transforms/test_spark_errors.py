"""What Spark says becomes one sentence, and the right kind."""

from __future__ import annotations

import pytest
from pyspark.errors import PySparkException

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError
from data_pipeline.transforms.spark_errors import translated_spark_errors

BROKEN = "calling o1.parquet : java.lang.RuntimeException: s3a://b/staged/x.parquet is not a Parquet file. Expected magic"
MISSING = "[PATH_NOT_FOUND] Path does not exist: s3a://b/staged/x.parquet. SQLSTATE: 42K03"
REFUSED = "getFileStatus on s3a://b/staged/x.parquet: java.nio.file.AccessDeniedException: ... (Service: S3, Status Code: 403)"
DOWN = "org.apache.hadoop.net.ConnectTimeoutException: s3a://b/x: Connect to 127.0.0.1:1 failed: Connection refused"


@pytest.mark.parametrize(
    ("message", "kind", "sentence"),
    [
        (BROKEN, PermanentError, "s3://b/staged/x.parquet cannot be read as Parquet"),
        (MISSING, PermanentError, "s3://b/staged/x.parquet, which a manifest names, does not exist"),
        (REFUSED, PermanentError, "check AWS_ACCESS_KEY_ID"),
        (DOWN, TransientError, "did not answer"),
        ("java.io.IOException: No space left on device", PermanentError, "The disk is full"),
        ("java.lang.OutOfMemoryError: Java heap space", PermanentError, "DATA_PIPELINE_SPARK_DRIVER_MEMORY"),
        ("something else\n at java.lang.Thread", PermanentError, "something else"),
    ],
)
def test_failure_is_one_sentence(message: str, kind: type[PipelineError], sentence: str) -> None:
    with pytest.raises(kind, match="Spark could not build") as caught, translated_spark_errors("build the day"):
        raise PySparkException(message)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is kind
