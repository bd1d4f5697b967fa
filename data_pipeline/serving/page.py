"""What a page is: its address, its question, the marts it reads and the function that draws it.

Belongs here: the types. Does not: the list of pages (`views/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from data_pipeline.serving.catalog import Catalog
from data_pipeline.serving.filters import Filters
from data_pipeline.serving.palette import source_colours
from data_pipeline.serving.reader import MartSnapshot
from data_pipeline.serving.trust import Trust


@dataclass(frozen=True)
class PageContext:
    """All that a page may use.

    Attributes:
        marts: one state of the marts.
        filters: the days and sources chosen.
        trust: age and rejected share, as shown above the page.
        catalog: what dbt says about the marts.
        topics: Kafka topic by source.
        dagster_url: address of Dagster's UI.
        now: the instant at which the page is drawn.
    """

    marts: MartSnapshot
    filters: Filters
    trust: Trust
    catalog: Catalog
    topics: Mapping[str, str]
    dagster_url: str
    now: datetime

    @property
    def colours(self) -> dict[str, str]:
        """Colours of the sources shown; a source keeps its colour whatever is chosen."""
        every = source_colours(self.filters.all_sources)
        return {source: every.get(source, "#5c6672") for source in self.filters.shown_sources}


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        name: its address, the name of its exposure in dbt and of its asset `dashboards/<name>`.
        title: as in the menu.
        icon: of Google's Material Symbols, which Streamlit brings along.
        question: what the page answers.
        section: of the menu.
        marts: relations that its numbers come from.
        render: draws it.
    """

    name: str
    title: str
    icon: str
    question: str
    section: str
    marts: tuple[str, ...]
    render: Callable[[PageContext], None]
