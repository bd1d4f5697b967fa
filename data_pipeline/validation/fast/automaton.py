"""A pattern as a table: one state and one byte give the next state.

Belongs here: regular patterns of printable ASCII. Does not: look-around, back references, other text (those are doubtful).
"""

from __future__ import annotations

import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipeline.contracts.ecma import to_python

REJECT = 0
"""The state from which nothing is accepted; also what every byte outside printable ASCII leads to."""

_PRINTABLE = frozenset(range(0x20, 0x7F))
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
        nfa.edges.append((start, _PRINTABLE, start))
    if not is_anchored_end:
        nfa.edges.append((end, _PRINTABLE, end))
    return nfa.determine(start, end)


def re_ascii() -> int:
    """Flags with which patterns are read."""
    return int(sre.SRE_FLAG_ASCII)


class _Nfa:
    def __init__(self) -> None:
        self.count = 0
        self.edges: list[tuple[int, frozenset[int], int]] = []
        self.empty: list[tuple[int, int]] = []

    def state(self) -> int:
        self.count += 1
        if self.count > 50 * _MOST_STATES:
            raise NotRegularError("too many states")
        return self.count - 1

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
            self.edges.append((start, _characters(kind, value), end))
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
        moves: dict[int, list[tuple[frozenset[int], int]]] = {}
        for source, characters, target in self.edges:
            moves.setdefault(source, []).append((characters, target))

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
            for byte in _PRINTABLE:
                targets = {target for state in states for characters, target in moves.get(state, ()) if byte in characters}
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


def _characters(kind: Any, value: Any) -> frozenset[int]:
    if kind is sre.LITERAL:
        return frozenset({value}) & _PRINTABLE
    if kind is sre.NOT_LITERAL:
        return _PRINTABLE - {value}
    negated = False
    found: set[int] = set()
    for part, argument in value:
        if part is sre.NEGATE:
            negated = True
        elif part is sre.LITERAL:
            found.add(argument)
        elif part is sre.RANGE:
            found.update(range(argument[0], min(argument[1], 0x7F) + 1))
        else:
            raise NotRegularError(f"{part} in a class")
    return _PRINTABLE - found if negated else frozenset(found) & _PRINTABLE
