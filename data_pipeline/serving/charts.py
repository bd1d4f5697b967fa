"""Charts: from rows to Altair, the same axes, formats and tooltips everywhere.

Belongs here: pure functions from a polars frame to a chart. Does not: queries, pages, Streamlit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, TypeVar, cast

import altair as alt
import polars as pl

from data_pipeline.serving.palette import ACCENT, GRID, INK, MUTED, SEQUENTIAL

_C = TypeVar("_C", alt.Chart, alt.LayerChart)
HEIGHT = 280
"""Of an ordinary chart, in pixels: two rows of charts fit on a laptop."""
_MAX_TICKS = 14


@dataclass(frozen=True)
class Measure:
    """A number on an axis or in a tooltip.

    Attributes:
        column: of the frame.
        title: with its unit.
        format: d3's: `,.0f` counts, `.1%` shares, `,.2f` money.
        axis_format: the same for an axis, where short is better.
    """

    column: str
    title: str
    format: str = ",.0f"
    axis_format: str = "~s"


@dataclass(frozen=True)
class Moment:
    """The time of a row.

    Attributes:
        column: of the frame: dates, or instants without a zone that are UTC.
        title: of the axis.
        unit: what a row spans: `hour` or `day`.
    """

    column: str
    title: str = "Day (UTC)"
    unit: Literal["hour", "day"] = "day"


def stacked_bars(frame: pl.DataFrame, moment: Moment, measure: Measure, by: str, colours: Mapping[str, str], description: str) -> alt.Chart:
    """What adds up over time, by category."""
    chart: alt.Chart = (
        _base(frame)
        .mark_bar()
        .encode(
            x=_time(frame, moment),
            y=_number(measure, "sum", stack="zero"),
            color=_colour(by, colours),
            order=alt.Order(f"{by}:N", sort="ascending"),
            tooltip=[_time_tip(moment), alt.Tooltip(f"{by}:N", title=_title(by)), _tip(measure, "sum")],
        )
    )
    return _plain(chart, description)


def lines(frame: pl.DataFrame, moment: Moment, measure: Measure, by: str, colours: Mapping[str, str], description: str) -> alt.LayerChart:
    """What does not add up, such as distinct people or shares, by category."""
    base = _base(frame).encode(
        x=_time(frame, moment, is_bar=False),
        y=_number(measure),
        color=_colour(by, colours),
        tooltip=[_time_tip(moment), alt.Tooltip(f"{by}:N", title=_title(by)), _tip(measure)],
    )
    chart: alt.LayerChart = base.mark_line(strokeWidth=2) + base.mark_circle(size=42, opacity=1)
    return _plain(chart, description)


def ranked_bars(
    frame: pl.DataFrame,
    category: str,
    title: str,
    measure: Measure,
    description: str,
    *,
    extra: Sequence[Measure] = (),
    colour: str = ACCENT,
) -> alt.LayerChart:
    """Categories by size, largest on top, the number at the end of each bar."""
    base = _base(frame).encode(
        y=alt.Y(f"{category}:N", sort=None, title=None, axis=alt.Axis(labelLimit=240, ticks=False, domain=False)),
        x=alt.X(
            f"{measure.column}:Q",
            axis=None,
            scale=alt.Scale(zero=True, nice=False, domainMin=0, domainMax=1.25 * _largest(frame, measure.column)),
        ),
        tooltip=[alt.Tooltip(f"{category}:N", title=title), _tip(measure), *(_tip(more) for more in extra)],
    )
    bars = base.mark_bar(color=colour, cornerRadiusEnd=2)
    labels = base.mark_text(align="left", dx=5, color=INK).encode(text=alt.Text(f"{measure.column}:Q", format=measure.format))
    chart: alt.LayerChart = bars + labels
    return _plain(chart, description, height=26 * frame.height + 34)


def heat_map(
    frame: pl.DataFrame,
    row: str,
    row_title: str,
    column: str,
    column_title: str,
    measure: Measure,
    description: str,
    *,
    extra: Sequence[Measure] = (),
    note: tuple[str, str] | None = None,
) -> alt.LayerChart:
    """A table whose colour is the number, which is printed in each cell."""
    base = _base(frame).encode(
        y=alt.Y(f"{row}:O", title=None, sort=None, axis=alt.Axis(ticks=False, domain=False, labelFontSize=12)),
        x=alt.X(
            f"{column}:O",
            title=column_title,
            sort=None,
            axis=alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False, labelFontSize=12),
        ),
        tooltip=[
            alt.Tooltip(f"{row}:N", title=row_title),
            alt.Tooltip(f"{column}:N", title=column_title),
            _tip(measure),
            *(_tip(more) for more in extra),
            *([alt.Tooltip(f"{note[0]}:N", title=note[1])] if note else []),
        ],
    )
    top = _largest(frame, measure.column)
    cells = base.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color(
            f"{measure.column}:Q",
            title=measure.title,
            scale=alt.Scale(range=list(SEQUENTIAL), domain=[0, top]),
            legend=None,
        )
    )
    text = base.mark_text(fontSize=12).encode(
        text=alt.Text(f"{measure.column}:Q", format=measure.format),
        color=alt.condition(alt.datum[measure.column] > 0.45 * top, alt.value("white"), alt.value(INK)),
    )
    chart: alt.LayerChart = cells + text
    return _plain(chart, description, height=34 * frame[row].n_unique() + 70)


def histogram(frame: pl.DataFrame, bucket: str, title: str, measure: Measure, description: str) -> alt.Chart:
    """Rows by an ordered bucket, in the order of the frame."""
    chart: alt.Chart = (
        _base(frame)
        .mark_bar(color=ACCENT)
        .encode(
            x=alt.X(f"{bucket}:N", sort=None, title=title, axis=alt.Axis(labelAngle=0)),
            y=_number(measure),
            tooltip=[alt.Tooltip(f"{bucket}:N", title=title), _tip(measure)],
        )
    )
    return _plain(chart, description)


def funnel(steps: pl.DataFrame, step: str, measure: Measure, description: str) -> alt.LayerChart:
    """Centred bars that narrow, with the number in words and the share of the step before beside each.

    Args:
        steps: in order, with `of_step_before_share` and `of_all_share`.
        step: the column that names them.
        measure: the size of a step.
        description: for screen readers.
    """
    half = pl.col(measure.column) / 2
    frame = steps.with_columns((-half).alias("left"), half.alias("right"), _funnel_label(measure).alias("label"))
    base = _base(frame).encode(
        y=alt.Y(f"{step}:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelFontSize=13, labelColor=INK)),
        tooltip=[
            alt.Tooltip(f"{step}:N", title="Step"),
            _tip(measure),
            alt.Tooltip("of_step_before_share:Q", title="Of the step before", format=".1%"),
            alt.Tooltip("of_all_share:Q", title="Of all sessions", format=".2%"),
        ],
    )
    top = _largest(steps, measure.column)
    scale = alt.Scale(domain=[-top / 2, top * 0.95], nice=False)
    bars = base.mark_bar(color=ACCENT, height={"band": 0.82}).encode(x=alt.X("left:Q", axis=None, scale=scale), x2="right:Q")
    labels = base.mark_text(align="left", dx=8, fontSize=13, color=INK).encode(x=alt.X("right:Q", axis=None, scale=scale), text="label:N")
    chart: alt.LayerChart = bars + labels
    return _plain(chart, description, height=46 * steps.height)


def up_and_down(
    frame: pl.DataFrame, moment: Moment, measure: Measure, by: str, colours: Mapping[str, str], description: str
) -> alt.LayerChart:
    """What came above zero, what went below, by time; the values carry their sign."""
    bars = (
        _base(frame)
        .mark_bar()
        .encode(
            x=_time(frame, moment),
            y=_number(measure, "sum", stack="zero"),
            color=_colour(by, colours),
            tooltip=[_time_tip(moment), alt.Tooltip(f"{by}:N", title=_title(by)), _tip(measure, "sum")],
        )
    )
    zero = alt.Chart().mark_rule(color=MUTED).encode(y=alt.datum(0))
    chart: alt.LayerChart = bars + zero
    return _plain(chart, description)


def _funnel_label(measure: Measure) -> pl.Expr:
    numbers = pl.col(measure.column).map_elements(lambda value: f"{value:,}", return_dtype=pl.String)
    share = pl.col("of_step_before_share").map_elements(lambda value: f"  ·  {value:.1%} of the step before", return_dtype=pl.String)
    return pl.concat_str(numbers, share.fill_null(""))


def _base(frame: pl.DataFrame) -> alt.Chart:
    # JSON has no decimals; a chart needs none.
    return alt.Chart(frame.with_columns(pl.selectors.decimal().cast(pl.Float64)))


def _time(frame: pl.DataFrame, moment: Moment, *, is_bar: bool = True) -> alt.X:
    unit = "yearmonthdatehours" if moment.unit == "hour" else "yearmonthdate"
    field = f"{unit}({moment.column}):T" if is_bar else f"{moment.column}:T"
    first, last = frame[moment.column].min(), frame[moment.column].max()
    if moment.unit == "hour":
        ticks, label = (
            _hour_ticks(first, last),
            "hours(datum.value) == 0 ? timeFormat(datum.value, '%-d %b') : timeFormat(datum.value, '%H:%M')",
        )
    else:
        # A bar spans its day, so its label stands at noon; a point stands at the day's first instant.
        ticks, label = _day_ticks(first, last, 12 if is_bar else 0), "timeFormat(datum.value, '%-d %b')"
    axis = alt.Axis(
        values=ticks, labelExpr=label, labelAngle=0, labelOverlap="parity", grid=False, ticks=moment.unit == "hour" or not is_bar
    )
    return alt.X(field, title=moment.title, axis=axis)


def _hour_ticks(first: object, last: object) -> list[alt.DateTime]:
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return []
    hours = int((last - first).total_seconds() // 3600) + 1
    step = next((step for step in (1, 2, 3, 6, 12) if hours / step <= _MAX_TICKS), 24 * -(-hours // (24 * _MAX_TICKS)))
    start = first.replace(hour=first.hour // step * step if step < 24 else 0, minute=0, second=0, microsecond=0)
    instants = [start + timedelta(hours=step * index) for index in range(hours // step + 2)]
    return [alt.DateTime(year=at.year, month=at.month, date=at.day, hours=at.hour) for at in instants]


def _day_ticks(first: object, last: object, hour: int) -> list[alt.DateTime]:
    if not isinstance(first, date) or not isinstance(last, date):
        return []
    days = (last - first).days + 1
    instants = [first + timedelta(days=index) for index in range(0, days, -(-days // _MAX_TICKS))]
    return [alt.DateTime(year=at.year, month=at.month, date=at.day, hours=hour) for at in instants]


def _time_tip(moment: Moment) -> alt.Tooltip:
    label = "%-d %b %Y, %H:%M" if moment.unit == "hour" else "%a %-d %b %Y"
    return alt.Tooltip(f"{moment.column}:T", title=moment.title, format=label)


def _number(measure: Measure, aggregate: str | None = None, *, stack: Literal["zero"] | None = None) -> alt.Y:
    field = f"{aggregate}({measure.column}):Q" if aggregate else f"{measure.column}:Q"
    return alt.Y(
        field,
        title=measure.title,
        axis=alt.Axis(format=measure.axis_format, tickCount=5, tickMinStep=1 if measure.format == ",.0f" else 0),
        stack=stack or alt.Undefined,
    )


def _colour(by: str, colours: Mapping[str, str]) -> alt.Color:
    return alt.Color(
        f"{by}:N",
        title=None,
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(orient="top", direction="horizontal", symbolType="square", offset=4) if len(colours) > 1 else None,
    )


def _tip(measure: Measure, aggregate: str | None = None) -> alt.Tooltip:
    field = f"{aggregate}({measure.column}):Q" if aggregate else f"{measure.column}:Q"
    return alt.Tooltip(field, title=measure.title, format=measure.format)


def _title(column: str) -> str:
    return column.replace("_", " ").capitalize()


def _largest(frame: pl.DataFrame, column: str) -> float:
    top = frame[column].cast(pl.Float64).max()
    return float(top) if isinstance(top, (int, float)) and top > 0 else 1.0


def _plain(chart: _C, description: str, height: int = HEIGHT) -> _C:
    """No frame, quiet grid, and a description that screen readers say."""
    plain = (
        chart.properties(height=height, width="container", description=description)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor=GRID, domainColor=GRID, tickColor=GRID, labelColor=MUTED, titleColor=MUTED, titleFontWeight="normal", labelFontSize=12
        )
        .configure_legend(labelFontSize=12, labelColor=INK)
    )
    return cast(_C, plain)
