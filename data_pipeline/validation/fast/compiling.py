"""Compiling, which happens once on a machine: saying so, and doing it ahead of time.

Belongs here: the line that explains a pause, the warm-up that set-up runs. Does not: what is compiled.
"""

# mypy: disable-error-code="no-untyped-call, misc"
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from numba.core import event

from data_pipeline.contracts.arrow import raw_table

LOGGER = logging.getLogger("data_pipeline.validation")
SLOW = "scan"
"""The function that takes nearly all of the time."""


class _Announcer(event.Listener):
    def on_start(self, event: Any) -> None:
        if event.data["dispatcher"].py_func.__name__ == SLOW:
            LOGGER.warning("The row scanner is being compiled for this machine: some 20 seconds, once; later runs find it.")

    def on_end(self, event: Any) -> None:
        return None


@contextmanager
def announced() -> Iterator[None]:
    """Log one line before a long compilation; nothing where the compiled code is found."""
    with event.install_listener("numba:compile", _Announcer()):
        yield


def warm_up() -> None:
    """Compile all, so that no later run has to wait."""
    from data_pipeline.contracts.contract import load_contract
    from data_pipeline.validation.table import TableValidator

    contract = load_contract("product_event")
    lines = (contract.folder / "examples.ndjson").read_bytes().splitlines()
    raw = raw_table({"value": pa.array(lines, pa.binary()), "offset": pa.array(range(len(lines)), pa.int64())})
    TableValidator(contract, "web", use_fast_path=True).validate(raw)


if __name__ == "__main__":
    warm_up()
