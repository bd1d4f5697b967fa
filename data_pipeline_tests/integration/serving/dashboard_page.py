"""A dashboard page as its reader sees it: numbers by label, filters, downloads."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path

import polars as pl
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


def open_dashboard(page: Page, url: str) -> None:
    """Open an address and wait until its script has run."""
    page.goto(url)
    page.wait_for_selector("h1")
    settle(page)


def leave(page: Page) -> None:
    """Close the connection, for a server that is about to end."""
    page.goto("about:blank")


def settle(page: Page) -> None:
    """Wait until nothing is being computed and nothing shown is of the run before."""
    page.wait_for_function(
        "selector => document.querySelector(selector) && !document.querySelector('[data-stale=true]')", arg=SETTLED, timeout=60_000
    )
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


def key_number(page: Page, label: str) -> str:
    """The value of the key number with that label."""
    tile = page.locator("[data-testid=stMetric]", has=page.get_by_text(label, exact=True))
    return tile.locator("[data-testid=stMetricValue]").inner_text().strip()


def expect_number(page: Page, label: str, value: str) -> None:
    """Wait until the key number shows that value."""
    tile = page.locator("[data-testid=stMetric]", has=page.get_by_text(label, exact=True))
    expect(tile.locator("[data-testid=stMetricValue]")).to_have_text(value)


def trust_line(page: Page) -> str:
    """The line on age and rejected rows."""
    return re.sub(r"\s+", " ", page.locator(".st-key-trust").inner_text())


def choose_sources(page: Page, *sources: str) -> None:
    """Choose in the filter of sources."""
    box = page.get_by_role("combobox", name="Sources")
    for source in sources:
        box.click()
        page.get_by_role("option", name=source, exact=True).click()
        settle(page)
    page.keyboard.press("Escape")


def choose_option(page: Page, label: str, value: str) -> None:
    """Type the value into a select box and take the option; again where the page was drawn anew under the keys."""
    box, option = page.get_by_role("combobox", name=label), page.get_by_role("option", name=value, exact=True)
    for attempt in range(5):
        box.click()
        box.press("ControlOrMeta+a")
        box.press_sequentially(value, delay=40)
        try:
            option.wait_for(timeout=8_000 if attempt < 4 else 30_000)
        except PlaywrightTimeout:
            page.keyboard.press("Escape")
            continue
        option.click()
        return
    raise AssertionError(f"'{value}' could not be chosen in '{label}'")


def download(page: Page, panel: str, folder: Path) -> tuple[str, pl.DataFrame]:
    """Click the download of a panel; the file's name and its rows."""
    with page.expect_download() as waiting:
        page.locator(f".st-key-csv-{panel} button").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return waiting.value.suggested_filename, pl.read_csv(io.BytesIO(path.read_bytes()))


def between(first: date, last: date) -> str:
    """The part of an address that chooses days."""
    return f"from={first}&to={last}"
