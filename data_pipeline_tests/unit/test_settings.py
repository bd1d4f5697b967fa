import json

import pytest

from data_pipeline.commands.docs import render_configuration
from data_pipeline.common.errors import PermanentError
from data_pipeline.settings import PROJECT_ROOT, Settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    import os

    for name in list(os.environ):
        if name.startswith(("DATA_PIPELINE_", "AWS_ACCESS", "AWS_SECRET", "AWS_SESSION")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_PIPELINE_STATE_DIR", str(tmp_path))


def test_the_environment_wins_over_the_stack_and_the_stack_over_defaults(monkeypatch, tmp_path):
    (tmp_path / "stack.json").write_text(
        json.dumps({"kafka_bootstrap_servers": "stack:1", "s3_endpoint_url": "http://stack:2", "AWS_ACCESS_KEY_ID": "k"})
    )
    monkeypatch.setenv("DATA_PIPELINE_KAFKA_BOOTSTRAP_SERVERS", "mine:9")
    settings = Settings.from_env()
    assert settings.kafka_bootstrap_servers == "mine:9"
    assert settings.s3_endpoint_url == "http://stack:2"
    assert settings.aws_access_key_id == "k"
    assert settings.s3_bucket == "data-pipeline"


def test_production_never_reads_the_local_stack(monkeypatch, tmp_path):
    (tmp_path / "stack.json").write_text(json.dumps({"s3_endpoint_url": "http://stack:2"}))
    monkeypatch.setenv("DATA_PIPELINE_ENVIRONMENT", "production")
    assert Settings.from_env().s3_endpoint_url is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATA_PIPELINE_ENVIRONMENT", "staging"),
        ("DATA_PIPELINE_WAREHOUSE", "snowflake"),
        ("DATA_PIPELINE_S3_PORT", "eighty"),
        ("DATA_PIPELINE_WORKER_COUNT", "0"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(PermanentError) as error:
        Settings.from_env()
    assert variable in str(error.value)
    assert value in str(error.value)


def test_secrets_come_from_files_and_never_show(monkeypatch, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("hunter2-from-file\n")
    monkeypatch.setenv("DATA_PIPELINE_KAFKA_SASL_PASSWORD_FILE", str(secret))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter3-from-env")
    settings = Settings.from_env()
    assert settings.kafka_client_config()["sasl.password"] == "hunter2-from-file"
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {settings.object_store()!r}"
    assert "hunter" not in shown


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_PIPELINE_REDSHIFT_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(PermanentError, match="DATA_PIPELINE_REDSHIFT_PASSWORD_FILE"):
        Settings.from_env()


def test_the_configuration_page_is_current():
    assert (PROJECT_ROOT / "docs" / "configuration.md").read_text() == render_configuration()
