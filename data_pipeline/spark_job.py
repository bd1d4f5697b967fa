"""Entry point of a job on a Spark cluster: builds days, and tells Dagster while it runs, where Dagster asked for it.

`spark-submit --py-files data_pipeline.zip spark_job.py --day 2026-03-14 --source web --store s3://bucket --run-id r1`

Belongs here: Dagster Pipes around the job. Does not: what the job does (`transforms/cluster_job.py`).
"""

from __future__ import annotations

import sys


def main() -> int:
    """Build the days; the messages go into the bucket that Dagster named, by the credentials of the job."""
    from dagster_pipes import PipesEnvVarParamsLoader, PipesS3MessageWriter, open_dagster_pipes

    from data_pipeline.transforms.cluster_job import build_days, store_client

    if not PipesEnvVarParamsLoader().is_dagster_pipes_process():  # type: ignore[no-untyped-call]
        return build_days(sys.argv[1:])
    with open_dagster_pipes(message_writer=PipesS3MessageWriter(store_client(sys.argv[1:]), interval=2)) as pipes:
        return build_days(sys.argv[1:], pipes.log.info)


if __name__ == "__main__":
    sys.exit(main())
