"""The dashboards: `streamlit run data_pipeline/serving/app.py`.

Belongs here: settings to reader, the menu, the frame of a page, which message stands where there are no numbers.
Does not: what a page shows (`views/`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import load_sources
from data_pipeline.serving import formats, messages
from data_pipeline.serving.catalog import Catalog, read_catalog
from data_pipeline.serving.components import definitions
from data_pipeline.serving.duckdb_reader import DuckDbMartReader
from data_pipeline.serving.lineage import asset_url
from data_pipeline.serving.page import Page, PageContext
from data_pipeline.serving.pages import PAGES, TRUST
from data_pipeline.serving.reader import MartReader, MartsUnavailableError, NoDataError
from data_pipeline.serving.redshift_reader import RedshiftAddress, RedshiftMartReader
from data_pipeline.serving.shell import filter_bar, trust_bar
from data_pipeline.serving.state import read_extent, read_trust
from data_pipeline.serving.views.lineage import render_lineage
from data_pipeline.serving.views.overview import render_overview
from data_pipeline.settings import Settings, WarehouseKind

_LOGGER = logging.getLogger(__name__)
_ICON = Path(__file__).with_name("icon.svg")
_WORDMARK = Path(__file__).with_name("wordmark.svg")
_STYLE = Path(__file__).with_name("style.css")


def main() -> None:
    """Draw the page that the reader is on."""
    st.set_page_config("Product events", str(_ICON), layout="wide", initial_sidebar_state="expanded")
    st.logo(str(_WORDMARK), size="large", icon_image=str(_ICON))
    st.html(_STYLE)
    try:
        settings = Settings.from_env()
        reader = _reader(settings)
    except PermanentError as error:
        messages.show_misconfigured(str(error))
        return
    pages = (_overview(), *PAGES, _lineage())
    menu: dict[str, list[Any]] = {}
    entries: dict[str, Any] = {}
    for page in pages:
        # Streamlit wants a function for each page; the frame draws all of them, so that filters stay when the page changes.
        entries[page.name] = st.Page(_nothing, title=page.title, icon=page.icon, url_path=page.name, default=page is pages[0])
        menu.setdefault(page.section, []).append(entries[page.name])
    chosen = st.navigation(menu, expanded=True)
    shown = next(page for page in pages if page.title == chosen.title)
    _draw(shown, reader, settings, lambda name: _link(entries, pages, name))


def _draw(page: Page, reader: MartReader, settings: Settings, link: Callable[[str], None]) -> None:
    st.title(page.title, anchor=False)
    st.markdown(page.question)
    try:
        with reader.snapshot() as marts:
            extent = read_extent(marts)
            if extent is None:
                messages.show_no_data(f"{reader.description} is there, but holds no events yet.")
                return
            filters = filter_bar(extent)
            if filters is None:
                return
            now = datetime.now(UTC)
            trust = read_trust(marts, filters, now)
            trust_bar(trust, now)
            if filters.last < extent.first or filters.first > extent.last:
                messages.show_empty_range(formats.day(extent.first), formats.day(extent.last))
                return
            dagster_url = f"http://127.0.0.1:{settings.ui_port}"
            _content(page, PageContext(marts, filters, trust, _catalog(settings), _topics(settings), dagster_url, now), link)
    except NoDataError as error:
        messages.show_no_data(str(error))
    except MartsUnavailableError as error:
        _LOGGER.warning("%s", error)
        messages.show_unavailable(str(error))


def _content(page: Page, context: PageContext, link: Callable[[str], None]) -> None:
    if page.name == "overview":
        render_overview(context, link)
    elif page.name == "lineage":
        render_lineage(context, list(PAGES))
    else:
        page.render(context)
        definitions(page, context, asset_url(context.dagster_url, ("dashboards", page.name)))


def _nothing(*_: object) -> None:
    return


def _overview() -> Page:
    return Page("overview", "Overview", ":material/home:", "How are things, at a glance?", "", (), _nothing)


def _lineage() -> Page:
    question = "Where does this number come from, down to the Kafka offsets?"
    return Page("lineage", "Lineage", ":material/account_tree:", question, TRUST, (), _nothing)


def _link(entries: Mapping[str, Any], pages: tuple[Page, ...], name: str) -> None:
    page = next(page for page in pages if page.name == name)
    st.page_link(entries[name], label=f"**{page.title}**", icon=page.icon)
    st.caption(page.question)


def _file_reader(path: Path) -> MartReader:
    return DuckDbMartReader(path)


def _redshift_reader(host: str, port: int, database: str, user: str, _password: str) -> MartReader:
    return RedshiftMartReader(RedshiftAddress(host, port, database, user, _password))


def _catalog_of_version(path: Path, modified: int) -> Catalog:
    return read_catalog(path)


# One for all sessions, because the cache of results lives in it. Streamlit leaves what begins with `_` out of its key.
_shared_file_reader: Callable[[Path], MartReader] = st.cache_resource(_file_reader, show_spinner=False)
_shared_redshift_reader: Callable[..., MartReader] = st.cache_resource(_redshift_reader, show_spinner=False)
_shared_catalog: Callable[[Path, int], Catalog] = st.cache_resource(_catalog_of_version, show_spinner=False, max_entries=2)


def _reader(settings: Settings) -> MartReader:
    if settings.warehouse is WarehouseKind.DUCKDB:
        return _shared_file_reader(settings.serving_path)
    if not settings.redshift_host or not settings.redshift_user:
        raise PermanentError(
            "DATA_PIPELINE_WAREHOUSE is redshift, but DATA_PIPELINE_REDSHIFT_HOST or _USER is not set; set both, and the password."
        )
    password = settings.redshift_password.get_secret_value() if settings.redshift_password else ""
    return _shared_redshift_reader(
        settings.redshift_host, settings.redshift_port, settings.redshift_database, settings.redshift_user, password
    )


def _catalog(settings: Settings) -> Catalog:
    path = settings.state_dir / "dbt" / settings.warehouse.value / "manifest.json"
    return _shared_catalog(path, path.stat().st_mtime_ns if path.exists() else 0)


def _topics(settings: Settings) -> Mapping[str, str]:
    try:
        return {name: source.topic for name, source in load_sources(settings.sources_file).items()}
    except PermanentError as error:
        _LOGGER.warning("%s", error)
        return {}


if __name__ == "__main__":
    main()
