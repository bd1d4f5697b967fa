"""Settings of a deployment: the only module that reads the environment.

Belongs here: every `DATA_PIPELINE_…` variable with its meaning, default and check.
Does not: what is done with them. `docs/configuration.md` is rendered from this module.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import S3ObjectStore

PREFIX = "DATA_PIPELINE_"
CLOCK_SPAN = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"
PROJECT_ROOT = Path(__file__).resolve().parent.parent
STACK_FILE = "stack.json"
"""Where the local stack leaves its addresses, below the state directory: the weakest source of settings."""


class Environment(StrEnum):
    """Where the platform runs."""

    LOCAL = "local"
    PRODUCTION = "production"


class WarehouseKind(StrEnum):
    """The warehouse engine."""

    DUCKDB = "duckdb"
    REDSHIFT = "redshift"


class Settings(BaseSettings):
    """One deployment. Variables win over the local stack's own addresses, those win over the defaults."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, secrets_dir=None)

    environment: Environment = Field(Environment.LOCAL, description="`local` or `production`; anything else is an error.")
    state_dir: Path = Field(PROJECT_ROOT / ".state", description="Folder for local state: stack, logs, DuckDB, Dagster's home.")
    sources_file: Path = Field(
        PROJECT_ROOT / "sources.yaml", description="The YAML file that lists the sources: topic, contract, owner, schedule."
    )

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="Kafka brokers, `host:port`, comma-separated.")
    kafka_security_protocol: str = Field(
        "PLAINTEXT", description="librdkafka's `security.protocol`: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL."
    )
    kafka_sasl_mechanism: str | None = Field(None, description="librdkafka's `sasl.mechanism`, such as SCRAM-SHA-512 on MSK.")
    kafka_sasl_username: str | None = Field(None, description="SASL user.")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password, or `…_FILE` naming a file that holds it.")

    s3_endpoint_url: str | None = Field(None, description="S3 server; unset for AWS itself.")
    s3_bucket: str = Field("data-pipeline", description="Bucket for all stages.")
    s3_region: str = Field("us-east-1", description="Region to sign for.")
    aws_access_key_id: str | None = Field(
        None, validation_alias="AWS_ACCESS_KEY_ID", description="Unset: the standard AWS chain (roles, profiles)."
    )
    aws_secret_access_key: SecretStr | None = Field(None, validation_alias="AWS_SECRET_ACCESS_KEY", description="Belongs to the key above.")
    aws_session_token: SecretStr | None = Field(None, validation_alias="AWS_SESSION_TOKEN", description="For temporary keys.")

    warehouse: WarehouseKind = Field(WarehouseKind.DUCKDB, description="`duckdb` or `redshift`.")
    duckdb_path: Path | None = Field(None, description="The DuckDB file; unset: `analytics.duckdb` below the state directory.")
    redshift_host: str | None = Field(None, description="Redshift cluster or workgroup endpoint.")
    redshift_port: int = Field(5439, ge=1, le=65535, description="Redshift's port.")
    redshift_database: str = Field("analytics", description="Redshift database.")
    redshift_user: str | None = Field(None, description="Redshift user.")
    redshift_password: SecretStr | None = Field(None, description="Redshift password, or `…_FILE` naming a file that holds it.")
    redshift_copy_role_arn: str | None = Field(None, description="IAM role with which COPY reads the bucket.")

    spark_master: str = Field("local[*]", description="Spark master: `local[*]`, `spark://host:port`, or `emr-serverless`.")
    spark_driver_memory: str = Field("2g", description="Memory of Spark's driver, which does all the work on `local[*]`.")
    emr_application_id: str | None = Field(None, description="EMR Serverless application, where the Spark master is `emr-serverless`.")
    emr_role_arn: str | None = Field(None, description="IAM role of the jobs on EMR Serverless.")
    emr_python_archive_url: str | None = Field(
        None, description="`s3://…/environment.tar.gz` with pyarrow and boto3 for those jobs; unset: the application's image has them."
    )
    emr_log_url: str | None = Field(None, description="`s3://…/` for the logs of those jobs.")
    emr_poll_s: float = Field(15.0, gt=0, description="Seconds between two looks at such a job.")
    java_home: Path | None = Field(None, validation_alias="JAVA_HOME", description="JDK for the local Kafka; unset: `java` on PATH.")
    jars_dir: Path = Field(PROJECT_ROOT / ".cache" / "jars", description="Where set-up put Kafka's and Spark's jars (`kafka/`, `spark/`).")

    partitions_start: str = Field("2026-03-01", pattern=r"^\d{4}-\d{2}-\d{2}$", description="First day that Dagster offers as a partition.")
    ui_port: int = Field(3000, ge=1, le=65535, description="Port of Dagster's web server.")
    dashboard_port: int = Field(8501, ge=1, le=65535, description="Port of the dashboards.")
    kafka_port: int = Field(9092, ge=1, le=65535, description="Port of the local stack's Kafka.")
    kafka_topic_partitions: int = Field(
        4, ge=1, le=1000, description="Partitions of a topic that the local stack creates; production has 24."
    )
    s3_port: int = Field(8333, ge=1, le=65535, description="Port of the local stack's S3 server.")
    worker_count: int = Field(2, ge=1, le=256, description="Threads or processes that land and validate at once.")

    aws_credential_expiration: datetime | None = Field(
        None,
        validation_alias="AWS_CREDENTIAL_EXPIRATION",
        description="When the temporary keys end, as `aws configure export-credentials` says.",
    )
    cost_plan_usd: float | None = Field(None, gt=0, description="US dollars a month that are planned; above it an alert is raised.")

    surge_function_name: str | None = Field(None, description="Landing Lambda function whose reserved concurrency the planner sets.")
    surge_lambda_endpoint_url: str | None = Field(None, description="Lambda server; unset for AWS itself.")
    surge_max_workers: int = Field(32, ge=1, le=1000, description="The most workers that land at once.")
    surge_cost_cap_per_day: float = Field(24.0, gt=0, description="US dollars a UTC day that landing's workers may cost.")

    alert_slack_webhook_url: SecretStr | None = Field(None, description="Slack-compatible incoming webhook, or `…_FILE`.")
    alert_pagerduty_routing_key: SecretStr | None = Field(None, description="Integration key of PagerDuty's events API v2, or `…_FILE`.")
    alert_pagerduty_url: str = Field("https://events.pagerduty.com/v2/enqueue", description="Where PagerDuty's events API listens.")
    alert_sns_topic_arn: str | None = Field(None, description="AWS SNS topic for alerts.")
    alert_sns_endpoint_url: str | None = Field(None, description="SNS server; unset for AWS itself.")
    alert_smtp_host: str | None = Field(None, description="Mail server for alerts.")
    alert_smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    alert_smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", description="`starttls`, `tls` or `none`.")
    alert_smtp_user: str | None = Field(None, description="User of the mail server.")
    alert_smtp_password: SecretStr | None = Field(None, description="Its password, or `…_FILE` naming a file that holds it.")
    alert_email_from: str = Field("data-pipeline@localhost", description="Sender of alert mails.")
    alert_email_to: str | None = Field(None, description="Receivers of alert mails, comma-separated.")
    alert_time_zone: str = Field("UTC", description="Zone of the team's clock, such as Europe/Berlin.")
    alert_quiet_hours: str = Field("18:00-09:00", pattern=CLOCK_SPAN, description="When tickets wait; pages never do.")
    alert_digest_hours: str = Field("09:00-10:00", pattern=CLOCK_SPAN, description="When what waited is sent as one message.")
    alert_escalate_after_min: float = Field(15, gt=0, description="Minutes after which an unacknowledged page goes to every channel.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _SecretFiles(settings_cls), _StackFile(settings_cls)

    @classmethod
    def from_env(cls, **overrides: Any) -> Settings:
        """Read the environment; PermanentError naming each wrong variable, its value and what is allowed."""
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise PermanentError(_explain(error)) from None

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file."""
        return self.duckdb_path or self.state_dir / "analytics.duckdb"

    @property
    def dagster_home(self) -> Path:
        """Dagster's home of the local stack."""
        return self.state_dir / "dagster"

    @property
    def serving_path(self) -> Path:
        """The DuckDB file that the dashboards read: a whole version of the marts, swapped in atomically."""
        return self.state_dir / "serving" / "marts.duckdb"

    def kafka_client_config(self) -> dict[str, str]:
        """The connection part of a librdkafka configuration; holds the password, never log it."""
        config = {"bootstrap.servers": self.kafka_bootstrap_servers, "security.protocol": self.kafka_security_protocol}
        if self.kafka_sasl_mechanism:
            config["sasl.mechanism"] = self.kafka_sasl_mechanism
        if self.kafka_sasl_username:
            config["sasl.username"] = self.kafka_sasl_username
        if self.kafka_sasl_password:
            config["sasl.password"] = self.kafka_sasl_password.get_secret_value()
        return config

    def object_store(self) -> S3ObjectStore:
        """The bucket of this deployment."""
        credentials = None
        if self.aws_access_key_id and self.aws_secret_access_key:
            token = self.aws_session_token.get_secret_value() if self.aws_session_token else None
            credentials = (self.aws_access_key_id, self.aws_secret_access_key.get_secret_value(), token)
        return S3ObjectStore(self.s3_bucket, self.s3_endpoint_url, self.s3_region, credentials)

    def warehouse_config(self) -> dict[str, Any]:
        """Argument of `warehouse.open_warehouse`; holds the password, never log it."""
        return {
            "kind": self.warehouse.value,
            "duckdb_path": self.warehouse_path,
            "redshift_host": self.redshift_host,
            "redshift_port": self.redshift_port,
            "redshift_database": self.redshift_database,
            "redshift_user": self.redshift_user,
            "redshift_password": self.redshift_password.get_secret_value() if self.redshift_password else None,
            "redshift_copy_role_arn": self.redshift_copy_role_arn,
        }

    def spark_config(self) -> dict[str, Any]:
        """Arguments of `transforms.session.create_session`; holds the S3 secret, never log it."""
        return {
            "master": self.spark_master,
            "jars_dir": self.jars_dir / "spark",
            "driver_memory": self.spark_driver_memory,
            "s3_endpoint_url": self.s3_endpoint_url,
            "s3_region": self.s3_region,
            "s3_credentials": self.object_store().credentials,
            "app_name": "data-pipeline",
            "local_dir": self.state_dir / "spark",
        }


def export_environment(values: Mapping[str, str]) -> None:
    """Put variables into this process's environment, for programs (dbt) that read nothing else."""
    os.environ.update(values)


class _SecretFiles(PydanticBaseSettingsSource):
    """A secret from the file that `<VARIABLE>_FILE` names."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        variable = field.validation_alias or f"{PREFIX}{field_name.upper()}"
        path = os.environ.get(f"{variable}_FILE") if field.annotation == SecretStr | None else None
        if path is None:
            return None, str(variable), False
        try:
            return Path(path).read_text().strip(), str(variable), False
        except OSError as error:
            raise PermanentError(
                f"{variable}_FILE names '{path}', which cannot be read ({error.strerror}); name a readable file."
            ) from error

    def __call__(self) -> dict[str, Any]:
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key if field.validation_alias else name] = value
        return found


class _StackFile(PydanticBaseSettingsSource):
    """Addresses and keys of the local stack that runs now, as `make up` left them."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        if os.environ.get(f"{PREFIX}ENVIRONMENT", "local") != "local":
            return {}
        state_dir = Path(os.environ.get(f"{PREFIX}STATE_DIR", str(PROJECT_ROOT / ".state")))
        try:
            return dict(json.loads((state_dir / STACK_FILE).read_text()))
        except FileNotFoundError:
            return {}


def _explain(error: ValidationError) -> str:
    sentences = []
    for item in error.errors():
        name = str(item["loc"][0]) if item["loc"] else "?"
        variable = name if name.isupper() else f"{PREFIX}{name.upper()}"
        field = Settings.model_fields.get(name)
        secret = field is not None and field.annotation == SecretStr | None
        value = "<hidden>" if secret else repr(item.get("input"))
        sentences.append(f"{variable} is {value}: {item['msg']}. {field.description if field else ''}".strip())
    return " ".join(sentences)
