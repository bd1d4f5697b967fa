"""Patterns as automata, compared with Python's `re` on texts made from the patterns' own characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.contracts.contract import load_contract
from data_pipeline.contracts.ecma import compile_pattern
from data_pipeline.validation.fast.automaton import NotRegularError, compile_automaton

PATTERNS = [
    *sorted({node.pattern_source for node in load_contract("product_event").latest.walk() if node.pattern_source}),
    "b+c|x",
    "^(ab|a)(bc)?$",
    "^[^a]é?$",
    "a{2,}$",
    "^(a|[\\u00e0-\\uffff])*\\.b$",
    "^\\S\\D\\W$",
    "^$",
    "",
]
AUTOMATA = {pattern: (compile_automaton(pattern), compile_pattern(pattern)) for pattern in PATTERNS}
PIECES = st.sampled_from(
    [*"abcxAZ09_-.:/T \u00a0\u2028\u3000éàü商😀\ud7ff\ufeff", "https://", "2026-03-14", "T09:26:53", ".589Z", "5.12", "6513270e"]
)


@given(st.lists(PIECES, max_size=8).map("".join))
@settings(max_examples=400)
def test_automata_agree_with_re(text: str) -> None:
    for pattern, (automaton, expected) in AUTOMATA.items():
        assert automaton.matches(text.encode()) == (expected.search(text) is not None), pattern


@pytest.mark.parametrize("code", [0x7E, 0xA0, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x3FFFF, 0x40000, 0x10FFFF])
def test_every_length_of_utf8_is_one_character(code: int) -> None:
    automaton = compile_automaton("^[^a]$")
    assert automaton.matches(chr(code).encode())
    assert not automaton.matches(chr(code).encode() * 2)
    assert not automaton.matches(chr(code).encode()[:-1])


@pytest.mark.parametrize("pattern", ["^(?=a)", "(a)\\1", "a\\b"])
def test_what_is_not_regular_is_left_to_the_exact_path(pattern: str) -> None:
    with pytest.raises(NotRegularError):
        compile_automaton(pattern)
