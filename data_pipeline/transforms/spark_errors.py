"""What Spark's failures mean: worth another try or not, in one sentence that names the object.

Belongs here: that translation. Does not: retrying, logging.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError

_PATH = re.compile(r"(?:s3a?|file):/+[^\s'\",;\]]+")

# First match wins: what is said of the object comes before what is said of the connection.
_MEANINGS: tuple[tuple[str, type[PipelineError], str], ...] = (
    (
        r"PATH_NOT_FOUND|FileNotFoundException|FAILED_READ_FILE\.FILE_NOT_EXIST|No such file or directory",
        PermanentError,
        "{path}, which a manifest names, does not exist; materialize the partition that writes it again.",
    ),
    (
        r"is not a Parquet file|CANNOT_READ_FILE_FOOTER|FAILED_READ_FILE\.(?!NO_HINT)|ParquetDecodingException|"
        r"can not read class org.apache.parquet",
        PermanentError,
        "{path} cannot be read as Parquet (truncated, or of another schema); materialize the partition that writes it again.",
    ),
    (
        r"NoSuchBucket|bucket does not exist",
        PermanentError,
        "The bucket of {path} does not exist; create it or set DATA_PIPELINE_S3_BUCKET.",
    ),
    (
        r"AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|Status Code: 403|ExpiredToken|NoAuthWithAWSException",
        PermanentError,
        "S3 refused Spark's credentials for {path}; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    ),
    (r"No space left on device", PermanentError, "The disk is full; free some space below Spark's local folder and run again."),
    (
        r"OutOfMemoryError|Container killed by YARN|exit code 137",
        PermanentError,
        "Spark ran out of memory; raise DATA_PIPELINE_SPARK_DRIVER_MEMORY (or the executors' memory) and run again.",
    ),
    (r"JAVA_GATEWAY_EXITED|Java gateway process exited", PermanentError, "Java did not start; a JDK of 17 or newer has to be on the PATH."),
    (r"Could not parse Master URL", PermanentError, "Set DATA_PIPELINE_SPARK_MASTER to `local[*]` or `spark://host:port`."),
    (
        r"Connection refused|ConnectException|UnknownHostException|SocketTimeout|timed out|Connection reset|SdkClientException"
        r"|AWSServiceIOException"
        r"|Status Code: 5\d\d|SlowDown|AWSStatus500|All masters are unresponsive|ExecutorLostFailure|NoHttpResponse|Premature end",
        TransientError,
        "S3 or the cluster did not answer; it will be tried again. Check DATA_PIPELINE_S3_ENDPOINT_URL if it never answers.",
    ),
    (
        r"Py4JNetworkError|Answer from Java side is empty|Error while sending",
        TransientError,
        "Spark's process died; it will be tried again.",
    ),
)


@contextmanager
def translated_spark_errors(doing: str) -> Iterator[None]:
    """Inside, what Spark raises becomes a TransientError or a PermanentError.

    Args:
        doing: what was being done, for the sentence: `build the day 2026-03-14`.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, ConnectionError) as error:
        raise _meaning(doing, f"{type(error).__name__}: {error}") from None


def _meaning(doing: str, text: str) -> PipelineError:
    for pattern, kind, advice in _MEANINGS:
        if re.search(pattern, text):
            path = _PATH.search(text)
            named = re.sub(r"^s3a:", "s3:", path.group().rstrip(".")) if path else "an object"
            return kind(f"Spark could not {doing}: {advice.format(path=named)}")
    # Spark's messages go on with a plan or a Java stack; the first line is what a person can use.
    return PermanentError(f"Spark could not {doing}: {text.strip().splitlines()[0][:500]}")
