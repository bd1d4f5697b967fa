"""The whole path through Dagster: what comes out equals what was sent, in few runs, no secret is written down, the README is true.

One file, because tests that run in several processes are shared out by file, and the demo should run once.
"""

from __future__ import annotations

import re
import shlex
import sqlite3
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data_pipeline.devstack.dagster_client import COMPLETED
from data_pipeline.devstack.stack_file import read_stack_file
from data_pipeline.settings import PROJECT_ROOT
from data_pipeline_tests.integration.browser import Watch, new_context, running_browser, screenshot
from data_pipeline_tests.integration.demo.conftest import SECRETS, Demo

MOST_RUNS = 8
"""A day of all sources, from the topics to the dashboards."""

README = (PROJECT_ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line.strip()]
PROGRAM = ".venv/bin/data-pipeline"
DAY_OF_THE_README = "2026-03-14"

pytestmark = pytest.mark.timeout(1800)


def test_every_equation_and_every_total_agrees_with_the_sender(demo: Demo) -> None:
    assert demo.report["is_exact"]
    hours = demo.report["hours"]
    assert len({(item["hour"], item["source"]) for item in hours}) == 24 * 4
    assert all(item["landed"] + item["control_or_gap"] == item["offsets"] for item in hours)
    assert all(item["landed"] == item["sent"] == item["staged"] + item["quarantined"] for item in hours)
    assert sum(item["sent"] for item in hours) > 2_000, "the real samples are in"
    assert sum(item["quarantined"] for item in hours) > 0, "the real samples have real faults"
    unequal = [item for item in demo.report["comparisons"] if not item["is_equal"]]
    assert unequal == []
    assert len(demo.report["comparisons"]) > 20


def test_the_day_took_few_runs_and_each_partition_is_reported(demo: Demo) -> None:
    [backfill] = demo.dagster.backfills(COMPLETED, f"Demo of {demo.day}")
    state = demo.dagster.backfill_state(backfill)
    assert len(state.runs) <= MOST_RUNS
    assert state.materialized == state.targeted
    assert state.targeted > 24 * 4 * 3, "hours of raw, staged and quarantine, and the day's tables"


def test_a_second_demo_sends_and_materializes_nothing(demo: Demo) -> None:
    again = demo.stack.run("demo", "--json", timeout_s=300)
    assert again.returncode == 0, again.stderr[-3000:]
    assert "were sent before" in again.stderr
    assert "is materialized already" in again.stderr
    assert len(demo.dagster.backfills(COMPLETED)) == 1


def test_no_secret_is_written_down(demo: Demo) -> None:
    """Dagster's event log, its UI's sources, logs of every program and run, objects, the warehouse: none holds one."""
    state = demo.stack.state_dir
    recorded = read_stack_file(state)
    secrets = {**SECRETS, "the S3 key": recorded["AWS_SECRET_ACCESS_KEY"]}
    # These two hold the keys of the local S3 server, for its owner alone.
    allowed = {state / "stack.json", state / "s3" / "identities.json"}
    searched, found = 0, []
    for path in (path for path in state.rglob("*") if path.is_file() and path not in allowed):
        content = path.read_bytes()
        searched += 1
        found += [f"{name} in {path.relative_to(state)}" for name, secret in secrets.items() if secret.encode() in content]
    assert found == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in allowed if path.exists())
    assert searched > 100
    events = sum(_rows(path) for path in (state / "dagster" / "history").rglob("*.db"))
    assert events > 1_000, "Dagster's event log was among the files"
    assert not any(secret in demo.output for secret in secrets.values())


def test_the_graph_in_dagsters_ui(demo: Demo, request) -> None:
    """The lineage page shows every group; with `--pictures` it is kept for the README."""
    watch = Watch()
    with running_browser() as browser:
        page = new_context(browser, size=(1800, 1000)).new_page()
        page.set_default_timeout(90_000)
        watch.attach(page)
        page.goto(f"{demo.dagster.url}/asset-groups")
        for group in ("kafka", "raw", "staged", "quarantine", "lake", "warehouse", "marts", "dashboards"):
            expect(page.get_by_text(group, exact=True).first).to_be_visible(timeout=90_000)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(3_000)
        if request.config.getoption("--pictures"):
            screenshot(page, PROJECT_ROOT / "docs" / "images" / "dagster-lineage.png", whole_page=False)
        page.goto(f"{demo.dagster.url}/assets/raw/events?view=partitions")
        expect(page.get_by_text("Materialized").first).to_be_visible(timeout=90_000)
    assert watch.foreign_urls == []


def test_the_readme_has_commands() -> None:
    assert {"make demo", "make test"} <= set(COMMANDS)
    assert all(line.startswith(("make ", f"{PROGRAM} ")) for line in COMMANDS), COMMANDS


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("make ")])
def test_make_knows_it(line: str) -> None:
    # `make demo` is what the fixture runs, `make test` is what runs this; here only their recipes are asked for.
    done = subprocess.run([*shlex.split(line), "-n"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_its_commands_run_in_their_order(demo: Demo, tmp_path) -> None:
    for line in (line for line in COMMANDS if line.startswith(PROGRAM)):
        # Its paths are relative to the checkout, and its day is the one that the demo printed.
        arguments = [word.replace("build/", f"{tmp_path}/") for word in shlex.split(line)[1:]]
        if arguments[0] in {"prove", "land"}:
            arguments = [word.replace(DAY_OF_THE_README, demo.day) for word in arguments]
        done = subprocess.run(
            demo.stack.command(*arguments),
            cwd=PROJECT_ROOT,
            env=demo.stack.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{line}: {done.stderr[-1500:]}{done.stdout[-1500:]}"


def _rows(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return connection.execute("SELECT count(*) FROM event_logs").fetchone()[0] if "event_logs" in tables else 0
