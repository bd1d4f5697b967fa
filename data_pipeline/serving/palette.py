"""Colours: one for each source, the same on every page, told apart by colour-blind eyes too.

Belongs here: which colour means what. Does not: the theme of the application (`.streamlit/config.toml`).
"""

from __future__ import annotations

from collections.abc import Iterable

_KNOWN = {"web": "#0072b2", "ios": "#a3449b", "android": "#00835f", "server": "#c2500a"}
_SPARE = ("#5c6672", "#8c6d1f", "#3b2e8c", "#882255", "#2f6f7a", "#6b4a2b")

INK = "#1b2733"
MUTED = "#5c6672"
GRID = "#e3e8ed"
ACCENT = "#0b5cad"
SOFT = "#9dc3e6"
GOOD, WARNING, BAD = "#1b7f4d", "#9a6700", "#b3261e"
SEQUENTIAL = ("#eef5fb", "#b7d5ed", "#69a5d4", "#226fae", "#072f5c")


def source_colours(sources: Iterable[str]) -> dict[str, str]:
    """A colour for each source, by name; sources beyond the four of product events take spare ones, in order."""
    names = sorted(set(sources))
    others = [name for name in names if name not in _KNOWN]
    spare = {name: _SPARE[index % len(_SPARE)] for index, name in enumerate(others)}
    return {name: _KNOWN.get(name) or spare[name] for name in names}


def category_colours(categories: Iterable[str]) -> dict[str, str]:
    """Colours for things that are no sources, in the order given."""
    palette = (ACCENT, "#c2500a", "#00835f", "#a3449b", *_SPARE)
    return {name: palette[index % len(palette)] for index, name in enumerate(dict.fromkeys(categories))}
