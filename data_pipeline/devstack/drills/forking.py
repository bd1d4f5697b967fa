"""Work in forked processes that tell their parent how far they are.

Belongs here: forking, and reading what the processes tell. Does not: what they do.
"""

from __future__ import annotations

import json
import os
import selectors
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn


def exit_after(work: Callable[[], None]) -> NoReturn:
    """What a forked process does: nothing of its parent's may be unwound in it."""
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    os._exit(status)


def run_forked(count: int, work: Callable[[int, Callable[[Any], None]], None]) -> Iterator[tuple[int, Any]]:
    """Do the work in `count` processes at once; yields the number of a process and what it told, JSON values, as it comes.

    Args:
        count: how many.
        work: gets the number of its process, and a function that tells something.

    Raises:
        RuntimeError: one of them failed; its error is on standard error.
    """
    with selectors.DefaultSelector() as selector:
        for number in range(count):
            read_end, write_end = os.pipe()
            if os.fork() == 0:
                os.close(read_end)
                exit_after(partial(_work, write_end, number, work))
            os.close(write_end)
            selector.register(os.fdopen(read_end), selectors.EVENT_READ, number)
        while selector.get_map():
            for key, _ in selector.select():
                line = key.fileobj.readline()  # type: ignore[union-attr]
                if line:
                    yield key.data, json.loads(line)
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
    statuses = [os.wait()[1] for _ in range(count)]
    if any(statuses):
        raise RuntimeError("A process of the drill failed; its error is above.")


def run_shares(
    count: int,
    jobs: int,
    work: Callable[[int, list[int], Callable[[int], None]], Any],
    progress: Callable[[int], None],
) -> Iterator[Any]:
    """Do `count` things in `jobs` processes at once; yields what each process found, as JSON values.

    Args:
        count: how many things in all.
        jobs: how many processes.
        work: gets the number of its process, everybody's share, and a function that hears how many of its own are done.
        progress: hears how many are done in all.

    Raises:
        RuntimeError: one of them failed; its error is on standard error.
    """
    shares = [count // jobs + (number < count % jobs) for number in range(jobs)]
    done = [0] * jobs
    for number, told in run_forked(jobs, lambda number, tell: tell(work(number, shares, tell))):
        if isinstance(told, int):
            done[number] = told
            progress(sum(done))
        else:
            yield told


def _work(write_end: int, number: int, work: Callable[[int, Callable[[Any], None]], None]) -> None:
    with os.fdopen(write_end, "w") as pipe:
        work(number, lambda told: print(json.dumps(told), file=pipe, flush=True))
