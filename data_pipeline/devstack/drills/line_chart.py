"""A few series above one another as an SVG file, for the documentation.

Belongs here: drawing. Does not: what is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

_WIDTH, _PANEL, _GAP, _LEFT, _TOP, _RIGHT, _BOTTOM = 900, 110, 34, 76, 46, 16, 40
_COLUMNS = 800


@dataclass(frozen=True)
class Panel:
    """One series.

    Attributes:
        title: name and unit.
        values: as many as there are positions.
    """

    title: str
    values: np.ndarray


def write_svg(path: Path, title: str, x_title: str, x: np.ndarray, panels: list[Panel]) -> None:
    """Draw the panels over one x axis; each column of pixels shows the least and the most of its values."""
    height = _TOP + len(panels) * (_PANEL + _GAP) - _GAP + _BOTTOM
    svg = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH} {height}", width=str(_WIDTH), height=str(height)
    )
    svg.set("font-family", "sans-serif")
    svg.set("font-size", "12")
    ElementTree.SubElement(svg, "rect", width="100%", height="100%", fill="white")
    _text(svg, _LEFT, 20, title, weight="bold")
    for number, panel in enumerate(panels):
        _draw(svg, panel, x, _TOP + number * (_PANEL + _GAP))
    bottom = height - _BOTTOM
    for value in np.linspace(x[0], np.ceil(x[-1]), 9):
        place = _LEFT + (value - x[0]) / (np.ceil(x[-1]) - x[0]) * (_WIDTH - _LEFT - _RIGHT)
        _text(svg, place, bottom + 16, f"{value:g}", anchor="middle")
    _text(svg, (_LEFT + _WIDTH - _RIGHT) / 2, bottom + 32, x_title, anchor="middle")
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(svg).write(path, encoding="unicode")


def _draw(svg: ElementTree.Element, panel: Panel, x: np.ndarray, top: float) -> None:
    highest = float(panel.values.max()) or 1.0
    _text(svg, _LEFT, top - 6, panel.title)
    for share in (0.0, 0.5, 1.0):
        y = top + _PANEL * (1 - share)
        ElementTree.SubElement(svg, "line", x1=str(_LEFT), x2=str(_WIDTH - _RIGHT), y1=f"{y:.1f}", y2=f"{y:.1f}", stroke="#ddd")
        _text(svg, _LEFT - 6, y + 4, f"{highest * share:,.4g}" if highest < 1000 else f"{highest * share:,.0f}", anchor="end")
    points = " ".join(f"{column:.1f},{top + _PANEL * (1 - value / highest):.1f}" for column, value in _columns(panel.values))
    ElementTree.SubElement(svg, "polyline", points=points, fill="none", stroke="#1f5fa8")


def _columns(values: np.ndarray) -> Iterator[tuple[float, float]]:
    """Positions and values: least and most of each column, in the order in which they come."""
    for number, part in enumerate(np.array_split(values, min(_COLUMNS, len(values)))):
        column = _LEFT + number / _COLUMNS * (_WIDTH - _LEFT - _RIGHT)
        for at in sorted({int(part.argmin()), int(part.argmax())}):
            yield column, float(part[at])


def _text(svg: ElementTree.Element, x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> None:
    element = ElementTree.SubElement(svg, "text", x=f"{x:.1f}", y=f"{y:.1f}", fill="#222")
    element.set("text-anchor", anchor)
    element.set("font-weight", weight)
    element.text = text
