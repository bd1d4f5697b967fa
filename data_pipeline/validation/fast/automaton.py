"""A pattern as a table: one state and one byte give the next state.

Belongs here: regular patterns over UTF-8. Does not: look-around, back references (fields with those are doubtful).
"""

from __future__ import annotations

import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipeline.contracts.ecma import to_python

REJECT = 0
"""The state from which nothing is accepted."""

Range = tuple[int, int]
_LAST = 0x10FFFF
_UNIVERSE: tuple[Range, ...] = ((0x20, 0x7E), (0xA0, 0xD7FF), (0xE000, _LAST))
"""Characters that clean text may have; the others never reach a pattern."""
_UTF8_LENGTHS: tuple[Range, ...] = ((0, 0x7F), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, _LAST))
_MOST_STATES = 1000


class NotRegularError(ValueError):
    """The pattern cannot be an automaton; its field is judged by the exact path."""


class Automaton:
    """A deterministic automaton over bytes.

    Attributes:
        transitions: next state by state and byte; state 0 rejects, state 1 is the start.
        accepting: by state, whether a text that ends there matches.
    """

    def __init__(self, transitions: npt.NDArray[np.int16], accepting: npt.NDArray[np.bool_]) -> None:
        self.transitions = transitions
        self.accepting = accepting

    def matches(self, text: bytes) -> bool:
        """Whether a text matches; for tests."""
        state = 1
        for byte in text:
            state = int(self.transitions[state, byte])
        return bool(self.accepting[state])


def compile_automaton(pattern: str) -> Automaton:
    """The automaton of an ECMA-262 pattern that is looked for anywhere; NotRegularError where there is none."""
    items = list(sre_parser.parse(to_python(pattern), re_ascii()))
    is_anchored_start = bool(items) and items[0] == (sre.AT, sre.AT_BEGINNING)
    is_anchored_end = bool(items) and items[-1] == (sre.AT, sre.AT_END_STRING)
    items = items[is_anchored_start : len(items) - is_anchored_end]
    nfa = _Nfa()
    start, end = nfa.sequence(items)
    if not is_anchored_start:
        nfa.connect(start, _UNIVERSE, start)
    if not is_anchored_end:
        nfa.connect(end, _UNIVERSE, end)
    return nfa.determine(start, end)


def re_ascii() -> int:
    """Flags with which patterns are read."""
    return int(sre.SRE_FLAG_ASCII)


class _Nfa:
    def __init__(self) -> None:
        self.count = 0
        self.edges: list[tuple[int, Range, int]] = []
        self.empty: list[tuple[int, int]] = []

    def state(self) -> int:
        self.count += 1
        if self.count > 50 * _MOST_STATES:
            raise NotRegularError("too many states")
        return self.count - 1

    def connect(self, start: int, characters: tuple[Range, ...], end: int) -> None:
        """Edges over the UTF-8 bytes of some characters."""
        for low, high in characters:
            for *before, last in _utf8_sequences(low, high):
                state = start
                for bounds in before:
                    following = self.state()
                    self.edges.append((state, bounds, following))
                    state = following
                self.edges.append((state, last, end))

    def sequence(self, items: Any) -> tuple[int, int]:
        start = end = self.state()
        for item in items:
            first, last = self.item(*item)
            self.empty.append((end, first))
            end = last
        return start, end

    def item(self, kind: Any, value: Any) -> tuple[int, int]:
        if kind in (sre.LITERAL, sre.NOT_LITERAL, sre.IN):
            start, end = self.state(), self.state()
            self.connect(start, _characters(kind, value), end)
            return start, end
        if kind is sre.SUBPATTERN:
            return self.sequence(value[-1])
        if kind is sre.BRANCH:
            start, end = self.state(), self.state()
            for option in value[1]:
                first, last = self.sequence(option)
                self.empty += [(start, first), (last, end)]
            return start, end
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            return self.repeat(*value)
        raise NotRegularError(f"{kind} is not regular")

    def repeat(self, fewest: int, most: Any, items: Any) -> tuple[int, int]:
        start = end = self.state()
        for _ in range(fewest):
            first, last = self.sequence(items)
            self.empty.append((end, first))
            end = last
        if most is sre.MAXREPEAT:
            first, last = self.sequence(items)
            self.empty += [(end, first), (last, end)]
            return start, end
        finish = self.state()
        for _ in range(most - fewest):
            first, last = self.sequence(items)
            self.empty += [(end, first), (end, finish)]
            end = last
        self.empty.append((end, finish))
        return start, finish

    def determine(self, start: int, end: int) -> Automaton:
        jumps: dict[int, set[int]] = {}
        for source, target in self.empty:
            jumps.setdefault(source, set()).add(target)
        moves: dict[int, list[tuple[Range, int]]] = {}
        for source, bounds, target in self.edges:
            moves.setdefault(source, []).append((bounds, target))

        def closed(states: set[int]) -> frozenset[int]:
            todo = list(states)
            while todo:
                for target in jumps.get(todo.pop(), ()):
                    if target not in states:
                        states.add(target)
                        todo.append(target)
            return frozenset(states)

        numbers: dict[frozenset[int], int] = {frozenset(): REJECT}
        todo = [closed({start})]
        numbers[todo[0]] = 1
        rows: dict[int, npt.NDArray[np.int16]] = {REJECT: np.zeros(256, np.int16)}
        while todo:
            states = todo.pop()
            row = np.zeros(256, np.int16)
            leaving = [move for state in states for move in moves.get(state, ())]
            for byte in range(256):
                targets = {target for (low, high), target in leaving if low <= byte <= high}
                following = closed(targets)
                if following not in numbers:
                    if len(numbers) >= _MOST_STATES:
                        raise NotRegularError("too many states")
                    numbers[following] = len(numbers)
                    todo.append(following)
                row[byte] = numbers[following]
            rows[numbers[states]] = row
        accepting = np.zeros(len(numbers), np.bool_)
        for states, number in numbers.items():
            accepting[number] = end in states
        return Automaton(np.stack([rows[number] for number in range(len(numbers))]), accepting)


def _characters(kind: Any, value: Any) -> tuple[Range, ...]:
    """What a literal or a class stands for, within the universe."""
    if kind is sre.LITERAL:
        return _meet(((value, value),))
    if kind is sre.NOT_LITERAL:
        return _meet(_complement([(value, value)]))
    negated = False
    found: list[Range] = []
    for part, argument in value:
        if part is sre.NEGATE:
            negated = True
        elif part is sre.LITERAL:
            found.append((argument, argument))
        elif part is sre.RANGE:
            found.append(argument)
        else:
            raise NotRegularError(f"{part} in a class")
    return _meet(_complement(found)) if negated else _meet(tuple(found))


def _complement(ranges: list[Range]) -> tuple[Range, ...]:
    found, first = [], 0
    for low, high in sorted(ranges):
        if low > first:
            found.append((first, low - 1))
        first = max(first, high + 1)
    return (*found, (first, _LAST)) if first <= _LAST else tuple(found)


def _meet(ranges: tuple[Range, ...], others: tuple[Range, ...] = _UNIVERSE) -> tuple[Range, ...]:
    met = ((max(low, first), min(high, last)) for low, high in ranges for first, last in others)
    return tuple((low, high) for low, high in met if low <= high)


def _utf8_sequences(low: int, high: int) -> Iterator[list[Range]]:
    """Sequences of byte ranges that together are exactly the UTF-8 of a range of characters."""
    for first, last in _UTF8_LENGTHS:
        if low <= last and high >= first:
            yield from _same_length(chr(max(low, first)).encode(), chr(min(high, last)).encode())


def _same_length(low: bytes, high: bytes) -> Iterator[list[Range]]:
    if len(low) == 1:
        yield [(low[0], high[0])]
        return
    if low[0] == high[0]:
        for rest in _same_length(low[1:], high[1:]):
            yield [(low[0], low[0]), *rest]
        return
    lowest, highest = b"\x80" * (len(low) - 1), b"\xbf" * (len(low) - 1)
    first, last = low[0], high[0]
    if low[1:] != lowest:
        for rest in _same_length(low[1:], highest):
            yield [(first, first), *rest]
        first += 1
    if high[1:] != highest:
        for rest in _same_length(lowest, high[1:]):
            yield [(last, last), *rest]
        last -= 1
    if first <= last:
        yield [(first, last), *_same_length_whole(len(low) - 1)]


def _same_length_whole(count: int) -> list[Range]:
    return [(0x80, 0xBF)] * count
