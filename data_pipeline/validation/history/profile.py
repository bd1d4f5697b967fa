"""The profile of a window: what its history keeps of it, and the table in which it is stored.

Belongs here: the type, its Parquet form. Does not: measuring (`build.py`) and judging (`judge.py`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.windows import Hour, midnight, parse_day
from data_pipeline.validation.history import cells
from data_pipeline.validation.history.finding import Finding
from data_pipeline.validation.history.sketches import Sketch

PROFILE_VERSION = 1
"""Raise it when cells of two versions may not be compared; profiles of another version are left out."""


@dataclass(frozen=True, order=True)
class Window:
    """An hour or a day of arrival, UTC, as a profile is named by it."""

    start: datetime
    is_day: bool

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read `2026-03-14` or `2026-03-14T09`; PermanentError otherwise."""
        if "T" in text:
            return cls(Hour.parse(text).start, False)
        return cls(midnight(parse_day(text)), True)

    @property
    def date(self) -> date:
        """The UTC day that it is or belongs to."""
        return self.start.date()

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return self.start + (timedelta(days=1) if self.is_day else timedelta(hours=1))

    @property
    def path(self) -> str:
        """`date=2026-03-14` or `date=2026-03-14/hour=09`."""
        return f"date={self.start:%Y-%m-%d}" + ("" if self.is_day else f"/hour={self.start:%H}")

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d}" if self.is_day else f"{self.start:%Y-%m-%dT%H}"


@dataclass(frozen=True)
class Profile:
    """What one window of one source was like.

    Attributes:
        source: such as `web`.
        window: hour or day of arrival.
        rows_in: rows before validation.
        rows_staged: rows that passed.
        cells: counted shares, see `cells.py`.
        sketches: by name of what was sketched.
        findings: what was found when it was judged; empty before.
    """

    source: str
    window: Window
    rows_in: int
    rows_staged: int
    cells: pl.DataFrame
    sketches: Mapping[str, Sketch] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def to_parquet(self) -> bytes:
        """One row a cell or sketch; what belongs to the whole window stands in the file's metadata."""
        whole = {
            "version": PROFILE_VERSION,
            "source": self.source,
            "window": str(self.window),
            "rows_in": self.rows_in,
            "rows_staged": self.rows_staged,
            "findings": [finding.to_dict() for finding in self.findings],
        }
        sketched = pl.DataFrame(
            {
                "check": ["sketch"] * len(self.sketches),
                "field": list(self.sketches),
                "segment": ["whole" if sketch.is_whole else "smallest" for sketch in self.sketches.values()],
                "key": [""] * len(self.sketches),
                "count": [sketch.hashes.size for sketch in self.sketches.values()],
                "total": [0] * len(self.sketches),
                "hashes": [sketch.hashes.tolist() for sketch in self.sketches.values()],
            },
            schema={**cells.SCHEMA, "hashes": pl.List(pl.UInt64)},
        )
        ordered = self.cells.sort("check", "field", "segment", "key")
        table = pl.concat([ordered.with_columns(pl.lit(None, pl.List(pl.UInt64)).alias("hashes")), sketched]).to_arrow()
        table = table.replace_schema_metadata({"data_pipeline": json.dumps(whole)})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        return buffer.getvalue()

    @classmethod
    def from_parquet(cls, data: bytes, where: str) -> Profile | None:
        """Read a profile; None for one of another version, PermanentError naming `where` for anything else."""
        try:
            table = pq.read_table(io.BytesIO(data))
        except (pa.ArrowException, OSError) as error:
            raise _not_a_profile(where, error) from error
        whole = _whole(table.schema, where)
        if whole["version"] != PROFILE_VERSION:
            return None
        frame = pl.DataFrame(table)
        stored = frame.filter(pl.col("check") == "sketch")
        sketches = {
            row["field"]: Sketch(np.array(row["hashes"], np.uint64), row["segment"] == "whole") for row in stored.iter_rows(named=True)
        }
        return cls(
            source=whole["source"],
            window=Window.parse(whole["window"]),
            rows_in=whole["rows_in"],
            rows_staged=whole["rows_staged"],
            cells=frame.filter(pl.col("check") != "sketch").select(list(cells.SCHEMA)),
            sketches=sketches,
            findings=tuple(Finding.from_dict(finding) for finding in whole["findings"]),
        )


def stored_findings(data: bytes, where: str) -> tuple[Finding, ...]:
    """The findings of a stored profile, without reading its cells; PermanentError naming `where` for what is none."""
    try:
        schema = pq.read_schema(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise _not_a_profile(where, error) from error
    return tuple(Finding.from_dict(finding) for finding in _whole(schema, where)["findings"])


def _whole(schema: pa.Schema, where: str) -> dict[str, Any]:
    try:
        return dict(json.loads(schema.metadata[b"data_pipeline"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _not_a_profile(where, error) from error


def _not_a_profile(where: str, error: Exception) -> PermanentError:
    return PermanentError(f"{where} is not a profile of this platform ({error}); delete it and check its window again.")
