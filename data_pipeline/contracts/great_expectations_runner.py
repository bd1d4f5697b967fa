"""Runs a suite with the real package, in its own environment: SUITE.json FLAT.parquet VERDICTS.json.

Belongs here: nothing of this project, which is not installed there. Does not: what is expected (`great_expectations_suite.py`).
"""

# mypy: ignore-errors
from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path


def main(suite_file: str, data_file: str, verdicts_file: str) -> None:
    """Write, by rule, the numbers of the rows that fail one of its expectations."""
    import great_expectations as gx
    import pandas as pd
    from great_expectations.expectations.registry import get_expectation_impl

    described = json.loads(Path(suite_file).read_text())
    frame = pd.read_parquet(data_file, dtype_backend="numpy_nullable")
    frame = frame.astype({name: object for name in frame.columns if frame[name].dtype == "string"})
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = context.data_sources.add_pandas("files").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("whole")
    suite = gx.ExpectationSuite(name=described["name"])
    for item in described["expectations"]:
        suite.add_expectation(get_expectation_impl(item["type"])(**item["kwargs"], meta=item["meta"]))
    format_ = {"result_format": "COMPLETE", "unexpected_index_column_names": ["row"]}
    validated = batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite, result_format=format_)
    failed = defaultdict(set)
    for result in validated.results:
        if result.exception_info and result.exception_info.get("raised_exception"):
            raise RuntimeError(f"{result.expectation_config.type}: {result.exception_info['exception_message']}")
        for found in result.result.get("unexpected_index_list") or []:
            for rule in result.expectation_config.meta["rules"]:
                failed[rule].add(int(found["row"]))
    Path(verdicts_file).write_text(json.dumps({rule: sorted(rows) for rule, rows in failed.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
