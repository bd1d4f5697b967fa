"""Slots of accepted rows as Arrow arrays of the staged columns.

Belongs here: gathering bytes and numbers. Does not: which rows are accepted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_pipeline.contracts.schema import Node
from data_pipeline.validation.fast.gathering import gather, lane_digits
from data_pipeline.validation.fast.program import ScanNode
from data_pipeline.validation.fast.scanner import POWERS_OF_TEN, Slots

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class Columns:
    """Arrow arrays from a finished scan.

    Args:
        slots: of the scan.
        buffer: the bytes that the slots refer to.
    """

    def __init__(self, slots: Slots, buffer: Bytes) -> None:
        self._slots = slots
        self._buffer = buffer

    def build(self, node: Node, found: ScanNode | None, kind: pa.DataType, records: Ints) -> pa.Array:
        """The column of a node.

        Args:
            node: of the newest version, which says the column's type.
            found: of the scanned version, None where it has no such field.
            kind: the column's type.
            records: positions of the records in the node's scope.
        """
        if found is None:
            return pa.nulls(len(records), kind)
        stride = int(self._slots.stride[found.scope])
        places = records * stride + (int(self._slots.base[found.scope]) + found.slot)
        lengths = self._slots.length[places]
        is_there = lengths >= 0
        if pa.types.is_struct(kind):
            children = [
                self.build(child, found.children.get(name), kind.field(name).type, records) for name, child in node.properties.items()
            ]
            return pa.StructArray.from_arrays(children, fields=list(kind), mask=None if is_there.all() else pa.array(~is_there))
        numbers = self._slots.number[places]
        if pa.types.is_list(kind):
            return self._list(node, found, kind, numbers, np.where(is_there, lengths, 0).astype(np.int64), is_there)
        validity = _validity(is_there)
        if pa.types.is_string(kind):
            offsets, data = gather(self._buffer, numbers, lengths)
            return pa.Array.from_buffers(kind, len(records), [validity, pa.py_buffer(offsets), pa.py_buffer(data)])
        if pa.types.is_floating(kind):
            return _fixed(numbers / POWERS_OF_TEN[np.maximum(lengths, 0)], kind, validity)
        if pa.types.is_boolean(kind):
            return pa.array(numbers.astype(np.bool_), mask=~is_there)
        return _fixed(numbers.astype(np.int32) if pa.types.is_int32(kind) else numbers, kind, validity)

    def _list(self, node: Node, found: ScanNode, kind: pa.DataType, first: Ints, counts: Ints, is_there: npt.NDArray[np.bool_]) -> pa.Array:
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        items = np.arange(total) + np.repeat(first - (ends - counts), counts)
        assert node.items is not None
        values = self.build(node.items, found.items, kind.value_type, items)
        offsets = np.zeros(len(counts) + 1, np.int32)
        offsets[1:] = ends
        return pa.Array.from_buffers(kind, len(counts), [_validity(is_there), pa.py_buffer(offsets)], children=[values])


def hexadecimal(hash_a: npt.NDArray[np.uint64], hash_b: npt.NDArray[np.uint64]) -> pa.Array:
    """Both lanes as 32 digits."""
    count = len(hash_a)
    data = lane_digits(hash_a, hash_b)
    offsets = np.arange(count + 1, dtype=np.int32) * 32
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def _validity(is_there: npt.NDArray[np.bool_]) -> Any:
    return None if is_there.all() else pa.py_buffer(np.packbits(is_there, bitorder="little"))


def _fixed(values: npt.NDArray[Any], kind: pa.DataType, validity: Any) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(np.ascontiguousarray(values))])
