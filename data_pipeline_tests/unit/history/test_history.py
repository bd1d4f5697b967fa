"""Which windows count: never the one under test, not the bad ones, not those before a new norm."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from data_pipeline.commands.accept import command as accept
from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import LocalObjectStore
from data_pipeline.validation.history import (
    Acceptance,
    Severity,
    Window,
    add_acceptance,
    build_profile,
    judge_window,
    load_history,
    read_profile,
)
from data_pipeline.validation.history.document import render_findings
from data_pipeline.validation.history.store import profile_key
from data_pipeline.validation.history.thresholds import MIN_WINDOWS, POLICIES, SHORT_WINDOWS
from data_pipeline_tests.unit.history.synthesis import World, staged

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
WORLD = World(rows_a_day=700, seed=11)


def window(n):
    return f"{FIRST + timedelta(days=n):%Y-%m-%d}"


def rows(n):
    return staged(WORLD.day(FIRST + timedelta(days=n)))


def judge(store, n, frame=None):
    return judge_window(store, *build_profile("web", window(n), rows(n) if frame is None else frame))


def without_country(frame):
    return frame.with_columns(pl.col("context").struct.with_fields(pl.lit(None, pl.String).alias("country")))


@pytest.fixture
def store(tmp_path):
    store = LocalObjectStore(tmp_path)
    for n in range(8):
        judge(store, n)
    return store


def loud(findings):
    return {(finding.check, finding.field) for finding in findings if finding.severity is not Severity.INFO}


def test_a_short_history_is_quiet_and_says_so(tmp_path):
    store = LocalObjectStore(tmp_path)
    for n in range(MIN_WINDOWS):
        findings = judge(store, n, without_country(rows(n)) if n == SHORT_WINDOWS - 1 else None)
        assert [(finding.check, finding.severity) for finding in findings] == [("history", Severity.INFO)]
        assert f"{n} comparable windows" in findings[0].message


def test_a_short_history_shows_gross_changes_as_warnings(tmp_path):
    store = LocalObjectStore(tmp_path)
    for n in range(SHORT_WINDOWS):
        judge(store, n)
    findings = judge(store, SHORT_WINDOWS, without_country(rows(SHORT_WINDOWS)))
    assert ("null_rate", "context.country") in loud(findings)
    assert {finding.severity for finding in findings} == {Severity.WARN, Severity.INFO}


def test_a_window_never_trains_on_itself(store):
    """Checked again and again, a bad window stays bad, and the good one in its place is good again."""
    bad = without_country(rows(8))
    first = judge(store, 8, bad)
    assert ("null_rate", "context.country") in loud(first)
    assert loud(judge(store, 8, bad)) == loud(first)
    assert not loud(judge(store, 8))
    history = load_history(store, "web", Window.parse(window(8)))
    assert Window.parse(window(8)) not in [profile.window for profile in history.profiles]


def test_orders_of_a_window_are_replaced_with_it(store):
    assert not loud(judge(store, 8))
    assert not loud(judge(store, 8))


def test_a_bad_window_does_not_count_until_it_is_accepted(store):
    findings = judge(store, 8, without_country(rows(8)))
    assert any(finding.severity is Severity.ERROR for finding in findings)
    later = load_history(store, "web", Window.parse(window(9)))
    assert later.window_count == 8
    assert ("null_rate", "context.country") in loud(judge(store, 9, without_country(rows(9))))
    add_acceptance(
        store, "web", Window.parse(window(8)), Acceptance("*", "*", "the client stopped sending it", False, "2026-03-20T00:00:00Z")
    )
    assert load_history(store, "web", Window.parse(window(9))).window_count == 9


def test_a_new_norm_starts_the_history_again(store):
    add_acceptance(store, "web", Window.parse(window(6)), Acceptance("volume", "rows", "new pricing", True, "2026-03-20T00:00:00Z"))
    history = load_history(store, "web", Window.parse(window(9)))
    assert history.usable_for("volume", "rows").tolist() == [False] * 6 + [True] * 2
    assert history.usable_for("null_rate", "user_id").all()


def test_one_bad_day_changes_no_verdict(store):
    """A bad day that was judged clean, as one of the first days is."""
    bad = replace(build_profile("web", window(3), without_country(rows(3)))[0])
    store.put(profile_key("web", bad.window), bad.to_parquet())
    assert not loud(judge(store, 8))
    assert ("null_rate", "context.country") in loud(judge(store, 8, without_country(rows(8))))


def test_accept_is_recorded_and_shown(store, tmp_path):
    judge(store, 8, without_country(rows(8)))
    runner = CliRunner()
    arguments = ["--source", "web", "--window", window(8), "--profiles", str(tmp_path), "--reason", "known", "--json"]
    result = runner.invoke(accept, [*arguments, "--check", "null_rate", "--field", "context.country"], catch_exceptions=False)
    assert result.exit_code == 0
    assert '"accepted": 1' in result.output
    again = {(f.check, f.field): f for f in judge(store, 8, without_country(rows(8)))}
    assert again["null_rate", "context.country"].severity is Severity.INFO
    assert again["null_rate", "context.country"].message.endswith("Accepted: known")
    with pytest.raises(PermanentError, match="no finding of check 'nonsense'"):
        runner.invoke(accept, [*arguments, "--check", "nonsense"], catch_exceptions=False)
    with pytest.raises(PermanentError, match="has no profile"):
        runner.invoke(accept, [*arguments[:3], window(20), *arguments[4:]], catch_exceptions=False)


def test_findings_are_stored_with_the_profile(store):
    findings = judge(store, 8, without_country(rows(8)))
    stored = read_profile(store, "web", Window.parse(window(8)))
    assert stored is not None
    assert list(stored.findings) == findings


def test_every_check_is_documented():
    page = render_findings()
    assert all(f"| `{check}` |" in page for check in POLICIES)
