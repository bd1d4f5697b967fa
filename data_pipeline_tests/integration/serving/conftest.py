"""One warehouse, one server and one browser for all tests of the dashboards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from data_pipeline.serving.publish import publish_marts
from data_pipeline.warehouse.dbt_args import duckdb_target_env
from data_pipeline_tests.integration.browser import Watch, new_context, running_browser, screenshot
from data_pipeline_tests.integration.serving.dashboard_server import running_dashboards
from data_pipeline_tests.integration.serving.shop import shop_rows
from data_pipeline_tests.unit.serving.mart_rows import Row, write_warehouse
from data_pipeline_tests.warehouse_data import run_dbt

IMAGES = Path(__file__).parents[3] / "docs" / "images"
Shop = dict[str, list[Row]]


@pytest.fixture(scope="session")
def last_day() -> date:
    """Yesterday: the age on the pages is then that of a platform at work."""
    return datetime.now(UTC).date() - timedelta(days=1)


@pytest.fixture(scope="session")
def shop(last_day: date) -> Shop:
    return shop_rows(last_day)


@pytest.fixture(scope="session")
def state_dir(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder as the pipeline leaves it: published marts, and dbt's manifest."""
    folder = tmp_path_factory.mktemp("dashboards")
    warehouse = write_warehouse(folder / "analytics.duckdb", shop)
    publish_marts(warehouse, folder / "serving" / "marts.duckdb")
    target = folder / "dbt" / "duckdb"
    target.mkdir(parents=True)
    parsed = run_dbt(["parse"], duckdb_target_env(warehouse), target)
    assert parsed.returncode == 0, parsed.stdout[-3000:]
    return folder


@pytest.fixture(scope="session")
def address(state_dir: Path) -> Iterator[str]:
    with running_dashboards(state_dir) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """A page of a fresh profile; at the end it must have kept to this machine and made no errors."""
    context = new_context(browser)
    page = context.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    watch.attach(page)
    yield page
    context.close()
    assert watch.foreign_urls == []
    # A page that is opened by its address asks for the server's health below that address first; Streamlit answers 404.
    assert [error for error in watch.errors if "/_stcore/" not in error] == []


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Takes a picture into `docs/images/` when asked for by `--pictures`, else does nothing."""
    wanted = bool(request.config.getoption("--pictures", default=False))

    def take(page: Page, name: str) -> None:
        if not wanted:
            return
        page.wait_for_timeout(1500)  # charts draw themselves after the numbers
        height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
        page.set_viewport_size({"width": 1440, "height": max(900, int(height) + 10)})
        page.wait_for_timeout(1000)
        screenshot(page, IMAGES / f"dashboard-{name.replace('_', '-')}.png")
        page.set_viewport_size({"width": 1440, "height": 900})

    return take
