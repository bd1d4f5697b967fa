"""`data-pipeline package`: the Spark job as two files, for `spark-submit` on a cluster of your own, or put where EMR's jobs find it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from data_pipeline.settings import Settings
from data_pipeline.transforms.emr import ENTRY_NAME, PACKAGE_NAME, EmrApplication, build_package, entry_point, upload_package


@click.command(name="package")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write the two files into this folder.")
@click.option("--upload", is_flag=True, help="Put them into the bucket, below artifacts/spark/. A run on EMR Serverless does it by itself.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(out: Path | None, upload: bool, as_json: bool) -> None:
    """Package the job that builds days on a Spark cluster: a zip for `--py-files` and the entry point.

    The same code gives the same bytes. Workers need pyarrow and boto3.
    """
    written = {}
    if upload:
        store = Settings.from_env().object_store()
        application = EmrApplication("", "")
        upload_package(store, application)
        written = {name: store.url(f"{application.artifacts_prefix}/{name}") for name in (PACKAGE_NAME, ENTRY_NAME)}
    if out is not None or not upload:
        folder = out or Path("dist")
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in ((PACKAGE_NAME, build_package()), (ENTRY_NAME, entry_point())):
            (folder / name).write_bytes(data)
            written[name] = str(folder / name)
    click.echo(json.dumps(written) if as_json else "\n".join(written.values()))
