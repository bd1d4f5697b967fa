"""The fast path: rows of a raw table that the scanner is sure of, as staged columns or with the rules that they break.

Belongs here: one scan per schema version, capacities, the choice of what is accepted. Does not: the scanner itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_pipeline.contracts.arrow import INSTANT, staged_arrow_schema
from data_pipeline.contracts.contract import Contract
from data_pipeline.validation.exact.batch import Judged
from data_pipeline.validation.fast.checks import Check, View, compile_checks
from data_pipeline.validation.fast.columns import Columns, hexadecimal
from data_pipeline.validation.fast.compiling import announced
from data_pipeline.validation.fast.program import NotScannableError, Program
from data_pipeline.validation.fast.scanner import ABSENT, MOST_UNKNOWN_NAMES, Slots, scan

Mask = npt.NDArray[np.bool_]
_ITEMS_PER_ROW = 3
_NAMES_PER_ROW = 4


@dataclass
class Scanned(Judged):
    """What the fast path made of a raw table; of doubtful rows nothing is known.

    Attributes:
        is_doubtful: for each raw row, whether the exact path has to judge it.
    """

    is_doubtful: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))


class FastPath:
    """Judges raw rows of one source; safe to use from several threads.

    Args:
        contract: schema versions and rules.
        source: name of the source.
    """

    def __init__(self, contract: Contract, source: str) -> None:
        self._contract = contract
        self._schema = staged_arrow_schema(contract)
        self._versions: list[tuple[Program, list[tuple[str, Check]]]] = []
        for version in sorted(contract.versions, reverse=True):
            try:
                program = Program(contract, contract.versions[version], source)
                self._versions.append((program, compile_checks(contract, source, program)))
            except NotScannableError:
                continue

    def judge(self, raw: pa.Table) -> Scanned:
        """Scan a table with raw columns; versions one after the other, each over the rows that are left."""
        count = raw.num_rows
        pending = np.ones(count, np.bool_)
        buffer, begins, ends, size = _bytes_of(raw.column("value"))
        received = raw.column("received_at").cast(INSTANT).cast(pa.int64())
        has_received = ~received.is_null().to_numpy() if received.null_count else np.ones(count, np.bool_)
        received_at = received.fill_null(0).to_numpy()
        broken = np.zeros(count, np.uint64)
        unknown: Counter[str] = Counter()
        unknown_rejected: Counter[str] = Counter()
        tables, rows = [self._schema.empty_table()], [np.array([], np.int64)]
        for program, checks in self._versions:
            if not pending.any():
                break
            slots = self._scan(program, buffer, begins, ends, pending, size)
            read = slots.row[: int(slots.count[0])]
            view = View(slots, received_at[read], has_received[read])
            is_sure = np.ones(len(read), np.bool_)
            for name, check in checks:
                found = check(view)
                slots.broken[read[found.broken]] |= np.uint64(program.rule_bits[name])
                if found.is_doubtful is not None:
                    is_sure &= ~found.is_doubtful
            is_kept = is_sure & (slots.broken[read] == 0)
            is_rejected = is_sure & ~is_kept & (program.schema is self._contract.latest)
            unread = np.flatnonzero(pending & ~slots.is_doubtful)
            broken[unread] = slots.broken[unread]
            pending[unread] = False
            undecided = read[~(is_kept | is_rejected)]
            pending[undecided], broken[undecided] = True, 0
            records = np.flatnonzero(is_kept)
            kept = read[records]
            tables.append(self._staged(program, Columns(slots, buffer), slots, records, raw, kept))
            rows.append(kept)
            unknown.update(_unknown_fields(program, slots, buffer, is_kept))
            unknown_rejected.update(_unknown_fields(program, slots, buffer, is_rejected))
        staged = pa.concat_tables(tables) if len(tables) != 2 else tables[1]
        return Scanned(staged, np.concatenate(rows), broken, unknown, unknown_rejected, pending)

    def _scan(
        self,
        program: Program,
        buffer: npt.NDArray[np.uint8],
        begins: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
        pending: Mask,
        size: int,
    ) -> Slots:
        items_per_row = _ITEMS_PER_ROW
        while True:
            slots = _empty_slots(program, len(begins), items_per_row)
            with announced():
                is_done = scan(buffer, begins, ends, pending, size, program.tables, slots)
            if is_done:
                return slots
            items_per_row *= 4

    def _staged(
        self, program: Program, columns: Columns, slots: Slots, records: npt.NDArray[np.int64], raw: pa.Table, kept: npt.NDArray[np.int64]
    ) -> pa.Table:
        latest = self._contract.latest
        arrays = [
            columns.build(node, program.root.children.get(name), self._schema.field(name).type, records)
            for name, node in latest.properties.items()
        ]
        arrays.append(hexadecimal(slots.hash_a[records], slots.hash_b[records]))
        is_whole = len(kept) == raw.num_rows
        origin = raw.select(["received_at", "partition", "offset"])
        arrays += (origin if is_whole else origin.take(pa.array(kept))).columns
        return pa.table(arrays, schema=self._schema)


def _bytes_of(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """All values in one buffer, with as much free space behind; where each begins (negative for null) and ends."""
    values = pa.concat_arrays(column.cast(pa.large_binary()).chunks) if column.num_chunks else pa.array([], pa.large_binary())
    _, offsets_buffer, data_buffer = values.buffers()
    if offsets_buffer is None or not len(values):
        return np.zeros(16, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64), 0
    offsets = np.frombuffer(offsets_buffer, np.int64)[values.offset : values.offset + len(values) + 1]
    first, size = int(offsets[0]), int(offsets[-1] - offsets[0])
    buffer = np.empty(2 * size + 16, np.uint8)
    if size:
        buffer[:size] = np.frombuffer(data_buffer, np.uint8)[first : first + size]
    begins = offsets[:-1] - first
    if values.null_count:
        begins = np.where(values.is_null().to_numpy(zero_copy_only=False), -1, begins)
    return buffer, begins, offsets[1:] - first, size


def _empty_slots(program: Program, row_count: int, items_per_row: int) -> Slots:
    stride = program.tables.stride
    capacity = np.full(program.scope_count, items_per_row * row_count + 64, np.int64)
    capacity[0] = row_count + 1
    base = np.concatenate([[0], np.cumsum(capacity * stride)[:-1]]).astype(np.int64)
    total = int((capacity * stride).sum())
    names = MOST_UNKNOWN_NAMES
    return Slots(
        length=np.empty(total, np.int32),
        number=np.empty(total, np.int64),
        base=base,
        stride=stride,
        capacity=capacity,
        count=np.zeros(program.scope_count, np.int64),
        row=np.empty(row_count + 1, np.int64),
        hash_a=np.empty(row_count + 1, np.uint64),
        hash_b=np.empty(row_count + 1, np.uint64),
        is_doubtful=np.ones(row_count, np.bool_),
        broken=np.zeros(row_count, np.uint64),
        unknown_node=np.full(names, ABSENT, np.int64),
        unknown_a=np.zeros(names, np.uint64),
        unknown_b=np.zeros(names, np.uint64),
        noted_count=np.zeros(1, np.int64),
        noted_record=np.empty(_NAMES_PER_ROW * row_count + 64, np.int64),
        noted_name=np.empty(_NAMES_PER_ROW * row_count + 64, np.int64),
        unknown_place=np.zeros(names, np.int64),
        unknown_length=np.zeros(names, np.int64),
    )


def _unknown_fields(program: Program, slots: Slots, buffer: npt.NDArray[np.uint8], is_kept: Mask) -> dict[str, int]:
    noted = slice(0, int(slots.noted_count[0]))
    counts = np.bincount(slots.noted_name[noted][is_kept[slots.noted_record[noted]]], minlength=MOST_UNKNOWN_NAMES)
    found: dict[str, int] = {}
    for name in np.flatnonzero(counts):
        begin = int(slots.unknown_place[name])
        text = bytes(buffer[begin : begin + int(slots.unknown_length[name])]).decode()
        parent = program.nodes[int(slots.unknown_node[name])].node.path
        path = f"{parent}.{text}" if parent else text
        found[path] = found.get(path, 0) + int(counts[name])
    return found
