"""The Spark session: one way to make it, from plain values.

Belongs here: Spark's own configuration and how it reaches S3. Does not: reading the environment (`settings.py`), transforms.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from data_pipeline.common.errors import PermanentError
from data_pipeline.transforms.spark_errors import translated_spark_errors

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %p %c{1}: %m%n
logger.conf.name = org.apache.spark.SparkConf
logger.conf.level = error
logger.hostname.name = org.apache.spark.util.Utils
logger.hostname.level = error
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.metrics.name = org.apache.hadoop.metrics2
logger.metrics.level = error
logger.window.name = org.apache.spark.sql.execution.window.WindowExec
logger.window.level = error
logger.toobig.name = org.apache.spark.sql.catalyst.util.SparkStringUtils
logger.toobig.level = error
logger.sdk.name = software.amazon.awssdk
logger.sdk.level = error
"""

# Dates before 1582 and Spark's INT96 default are not what Arrow, DuckDB and Redshift write; the lake holds plain milliseconds.
SQL_CONF = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    # Exact object paths need no distributed listing; below this count the driver looks them up itself, which is faster.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",
}


def create_session(
    master: str,
    jars_dir: Path,
    driver_memory: str,
    s3_endpoint_url: str | None,
    s3_region: str,
    s3_credentials: tuple[str, str, str | None] | None,
    app_name: str,
    local_dir: Path,
    java_options: str = "",
) -> SparkSession:
    """The Spark session of this process, made at the first call.

    Args:
        master: `local[*]`, `local[2]`, `spark://host:port`.
        jars_dir: folder with the jars that let Spark speak S3.
        driver_memory: such as `2g`; on `local` all work is done in it.
        s3_endpoint_url: the S3 server, None for AWS.
        s3_region: region to sign for.
        s3_credentials: access key, secret key, session token; None for the standard AWS chain.
        app_name: shown in Spark's logs.
        local_dir: folder for shuffle files and spills.
        java_options: more options for the driver's Java.

    Returns:
        The session; UTC, adaptive, quiet, with no web server, on loopback where the master is on this machine.

    Raises:
        PermanentError: the jars are missing, or Spark does not start (no Java, unknown master).
    """
    from pyspark.sql import SparkSession

    jars = sorted(str(path) for path in jars_dir.glob("*.jar"))
    if not jars:
        raise PermanentError(f"{jars_dir} holds no jars for Spark; run `make install`, or set DATA_PIPELINE_JARS_DIR.")
    with translated_spark_errors(f"start Spark on {master}"):
        builder = SparkSession.builder.master(master).appName(app_name)
        for key, value in _static_conf(master, jars, driver_memory, local_dir, java_options).items():
            builder = builder.config(key, value)
        spark = builder.getOrCreate()
        for key, value in SQL_CONF.items():
            spark.conf.set(key, value)
        # Spark's default of 200 is for clusters; the day's build sets it by the size of the data.
        spark.conf.set("spark.sql.shuffle.partitions", str(spark.sparkContext.defaultParallelism))
        _set_s3(spark, s3_endpoint_url, s3_region, s3_credentials)
    return spark


def _static_conf(master: str, jars: list[str], driver_memory: str, local_dir: Path, java_options: str) -> dict[str, str]:
    local_dir.mkdir(parents=True, exist_ok=True)
    log_conf = local_dir / "log4j2.properties"
    log_conf.write_text(_LOG4J)
    conf = {
        "spark.jars": ",".join(jars),
        "spark.driver.memory": driver_memory,
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log_conf.absolute().as_uri()} -Duser.timezone=UTC {java_options}",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.local.dir": str(local_dir.absolute()),
        "spark.sql.warehouse.dir": str((local_dir / "warehouse").absolute()),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
        # A machine that is short of processors answers late; that is no reason to give up on work that goes on.
        "spark.network.timeout": "600s",
        "spark.executor.heartbeatInterval": "60s",
        "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        **SQL_CONF,
    }
    if master.startswith("local") or "://127.0.0.1" in master or "://localhost" in master:
        conf |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return conf


def _set_s3(spark: SparkSession, endpoint_url: str | None, region: str, credentials: tuple[str, str, str | None] | None) -> None:
    """S3A's settings, set on the running context: as `--conf` the secret would stand in the list of processes."""
    conf = {
        "fs.s3a.endpoint.region": region,
        "fs.s3a.attempts.maximum": "3",
        "fs.s3a.retry.limit": "4",
        "fs.s3a.connection.establish.timeout": "5s",
        "fs.s3a.experimental.input.fadvise": "random",
    }
    if endpoint_url:
        conf |= {
            "fs.s3a.endpoint": endpoint_url,
            "fs.s3a.path.style.access": "true",
            "fs.s3a.connection.ssl.enabled": str(endpoint_url.startswith("https")).lower(),
        }
    if credentials:
        access, secret, token = credentials
        provider = "TemporaryAWSCredentialsProvider" if token else "SimpleAWSCredentialsProvider"
        conf |= {
            "fs.s3a.aws.credentials.provider": f"org.apache.hadoop.fs.s3a.{provider}",
            "fs.s3a.access.key": access,
            "fs.s3a.secret.key": secret,
        }
        if token:
            conf["fs.s3a.session.token"] = token
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    for key, value in conf.items():
        hadoop.set(key, value)
