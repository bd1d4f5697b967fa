"""`docs/transforms.md`: the rules of the day's tables, rendered from the code and the catalogue.

Belongs here: the rendering. Does not: any rule (each stands in the module that applies it).
"""

from __future__ import annotations

import inspect
from types import ModuleType

from data_pipeline.contracts.tables import LAKE_TABLES

_WHERE = """\
## Where days are built

The same functions everywhere; `DATA_PIPELINE_SPARK_MASTER` chooses:

| value | where |
|---|---|
| `local[*]` | Spark in Dagster's own process |
| `spark://host:port` | a standalone cluster; the driver is Dagster's process |
| `emr-serverless` | one job on EMR Serverless for all days of a run; settings `DATA_PIPELINE_EMR_…` |

A run on EMR uploads the job (`data_pipeline.zip` and `spark_job.py`, below `artifacts/spark/` in the bucket), submits it with
dagster-aws, and reads its log lines by Dagster Pipes while it works; the job's report brings the counts and what Spark read, wrote and
shuffled for each table, or each day's error. `data-pipeline package` writes the two files, for `spark-submit --py-files
data_pipeline.zip spark_job.py --day … --source … --store s3://…` on any cluster whose image has Python with pyarrow and boto3. Asking
EMR twice for the same run starts one job.

Rows and bytes that were read, shuffled and spilled stand in the metadata of each table's materialization, those of the whole build on
`lake/events`.

A build that dies anywhere leaves objects that no manifest names, which no reader sees; the next build of the day writes its own."""


def render() -> str:
    """The document's text."""
    from data_pipeline.transforms import (
        deduplicate,
        events,
        identities,
        money,
        neighbours,
        order_items,
        rebuilds,
        sessions,
        staged_hours,
        stale,
    )

    lines = [
        "# Transforms",
        "",
        "Rendered from `data_pipeline/transforms/` and `data_pipeline/contracts/tables.py` by `data-pipeline docs`; do not edit.",
        "",
        "| constant | value |",
        "|---|---|",
        f"| an event is compared with what arrived before it in | {deduplicate.COMPARED_DAYS} days |",
        f"| rows of a day are looked for in hours of arrival up to | {staged_hours.LOOKBACK_DAYS} days after it |",
        f"| inactivity that ends a session | {sessions.GAP_MINUTES} minutes |",
        f"| runs for late data within an hour, at most | {rebuilds.MOST_RUNS_AN_HOUR} |",
        f"| a day is built again for late data at most every | {rebuilds.REST.total_seconds() / 3600:.0f} hours |",
        f"| neighbouring days that share such a run, at most | {rebuilds.MOST_DAYS_A_RUN} |",
        "",
        "## Rules",
        "",
        *_rules("One row an event", deduplicate, deduplicate.deduplicate),
        *_rules("Sessions", sessions, sessions.with_sessions),
        *_rules("Sessions across midnights", neighbours),
        *_rules("Amounts", money),
        *_rules("Events", events, events.flatten),
        *_rules("Order items", order_items, order_items.order_items),
        *_rules("Identities", identities, identities.identities),
        *_rules("Days that are built again", stale, stale.stale_days),
        *_rules("When they are built again", rebuilds, rebuilds.plan_rebuilds),
        *_WHERE.splitlines(),
        "",
        "## Tables",
        "",
    ]
    for table in LAKE_TABLES:
        lines += [f"### `{table.name}`", "", f"{table.description} Key: {', '.join(f'`{name}`' for name in table.key)}.", ""]
        lines += ["| column | type | null | meaning |", "|---|---|---|---|"]
        lines += [f"| `{c.name}` | {c.type.value} | {'yes' if c.is_nullable else 'no'} | {c.description} |" for c in table.columns]
        lines.append("")
    return "\n".join(lines)


def _rules(title: str, module: ModuleType, *functions: object) -> list[str]:
    name = module.__name__.rsplit(".", 1)[-1]
    texts = [inspect.getdoc(part) or "" for part in (module, *functions)]
    return [f"### {title} (`{name}.py`)", "", *(line for text in texts for line in _paragraphs(text))]


def _paragraphs(text: str) -> list[str]:
    """The paragraphs that tell rules: not those on arguments, nor on what belongs into a module."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith(("Belongs here:", "Args:", "Returns:", "Raises:", "Attributes:")):
            continue
        lines += [" ".join(line.strip() for line in paragraph.splitlines()), ""]
    return lines
