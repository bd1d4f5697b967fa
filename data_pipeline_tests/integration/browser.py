"""A real headless browser for tests and pictures: Debian's Chromium driven by Playwright.

Used by the tests of the dashboards and for pictures of Dagster's UI.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
LAPTOP = (1440, 900)
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", ""})


@dataclass
class Watch:
    """What a page did besides being shown.

    Attributes:
        errors: console errors and exceptions that nothing caught.
        foreign_urls: requests to other hosts than this machine.
    """

    errors: list[str] = field(default_factory=list)
    foreign_urls: list[str] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and (parts.hostname or "") not in LOOPBACK_HOSTS:
            self.foreign_urls.append(request.url)


def chromium_path() -> str:
    """Where Chromium is; a test must not pass because there is none."""
    for program in PROGRAMS:
        path = shutil.which(program)
        if path:
            return path
    raise AssertionError(f"There is no browser: none of {', '.join(PROGRAMS)} is on PATH; install Debian's package `chromium`.")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser without a window; ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser: Browser, size: tuple[int, int] = LAPTOP, scale: float = 1) -> BrowserContext:
    """A fresh profile: English, UTC, the size of a laptop."""
    return browser.new_context(
        viewport={"width": size[0], "height": size[1]}, device_scale_factor=scale, locale="en-US", timezone_id="UTC", accept_downloads=True
    )


@contextmanager
def open_page(url: str, *, size: tuple[int, int] = LAPTOP, timeout_s: float = 30) -> Iterator[Page]:
    """Open an address in a browser of its own, for a script that needs one page."""
    with running_browser() as browser:
        page = new_context(browser, size).new_page()
        page.set_default_timeout(timeout_s * 1000)
        page.goto(url)
        yield page


def screenshot(page: Page, path: Path, *, whole_page: bool = True) -> Path:
    """Write a picture of what is shown, with animations ended; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(path), full_page=whole_page, animations="disabled")
    return path
