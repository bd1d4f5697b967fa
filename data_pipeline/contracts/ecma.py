r"""ECMA-262 patterns, as JSON Schema writes them, in the syntax of Python's `re`.

Belongs here: translation of the syntax and the meaning of `$`, `.`, `\d`, `\s`, `\w`, `\b`.
Does not: matching of whole documents (`validation/`), compilation to automata (`validation/fast/`).
"""

from __future__ import annotations

import re

from data_pipeline.common.errors import PermanentError

_WHITESPACE = "\\t\\n\\x0b\\x0c\\r \\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff"
_LINE_END = "\\n\\r\\u2028\\u2029"
_CLASS_ESCAPES = {"d": "0-9", "w": "A-Za-z0-9_", "s": _WHITESPACE}
_CONTROL_ESCAPES = {"t": "\\t", "n": "\\n", "v": "\\x0b", "f": "\\x0c", "r": "\\r"}
_SYNTAX = set("^$\\.*+?()[]{}|/-")


class EcmaPatternError(PermanentError):
    """A pattern that is no ECMA-262 regular expression, or uses what is not supported."""


def to_python(pattern: str) -> str:
    """The same language in Python's syntax; EcmaPatternError naming the pattern and the part at fault."""
    translated = _Translator(pattern).translate()
    try:
        re.compile(translated, re.ASCII)
    except re.error as error:
        raise EcmaPatternError(f"The pattern {pattern!r} is not an ECMA-262 regular expression: {error}.") from error
    return translated


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A compiled pattern; JSON Schema looks for a match anywhere: use `search`."""
    return re.compile(to_python(pattern), re.ASCII)


class _Translator:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0

    def fail(self, what: str) -> EcmaPatternError:
        return EcmaPatternError(f"The pattern {self.pattern!r} uses {what}, which is not supported; write it without.")

    def take(self, length: int = 1) -> str:
        text = self.pattern[self.position : self.position + length]
        if len(text) < length:
            raise EcmaPatternError(f"The pattern {self.pattern!r} ends within an escape or a class.")
        self.position += length
        return text

    def translate(self) -> str:
        parts = []
        while self.position < len(self.pattern):
            char = self.take()
            if char == "\\":
                parts.append(self.escape())
            elif char == "[":
                parts.append(self.character_class())
            elif char == "(":
                parts.append(self.group())
            elif char == "$":
                parts.append("\\Z")
            elif char == ".":
                parts.append(f"[^{_LINE_END}]")
            else:
                parts.append(char if char in "^*+?{}|)" else re.escape(char))
        return "".join(parts)

    def group(self) -> str:
        if self.pattern.startswith("?<", self.position) and self.pattern[self.position + 2 : self.position + 3] not in ("=", "!", ""):
            self.position += 2
            return "(?P<"
        if self.pattern.startswith("?", self.position):
            following = self.pattern[self.position : self.position + 3]
            for opening in ("?<=", "?<!", "?:", "?=", "?!"):
                if following.startswith(opening):
                    self.position += len(opening)
                    return f"({opening}"
            raise self.fail(f"the group '({following}'")
        return "("

    def escape(self) -> str:
        char = self.take()
        if char in _CLASS_ESCAPES:
            return f"[{_CLASS_ESCAPES[char]}]"
        if char.lower() in _CLASS_ESCAPES:
            return f"[^{_CLASS_ESCAPES[char.lower()]}]"
        if char in "bB":
            return f"\\{char}"
        if char in "123456789":
            return f"\\{char}"
        if char == "k":
            end = self.pattern.find(">", self.position)
            if self.take() != "<" or end < 0:
                raise self.fail("\\k without a name")
            return f"(?P={self.take(end - self.position + 1)[:-1]})"
        return self.literal(char)

    def literal(self, char: str) -> str:
        """An escape that stands for one character, in a class or outside."""
        if char in _CONTROL_ESCAPES:
            return _CONTROL_ESCAPES[char]
        if char == "0" and not self.pattern[self.position : self.position + 1].isdigit():
            return "\\x00"
        if char == "x":
            return re.escape(chr(self.hexadecimal(self.take(2))))
        if char == "c":
            return re.escape(chr(ord(self.take()) % 32))
        if char == "u":
            if self.pattern.startswith("{", self.position):
                end = self.pattern.find("}", self.position)
                return re.escape(chr(self.hexadecimal(self.take(end - self.position + 1)[1:-1])))
            return re.escape(chr(self.hexadecimal(self.take(4))))
        if char in _SYNTAX:
            return re.escape(char)
        raise self.fail(f"the escape '\\{char}'")

    def hexadecimal(self, digits: str) -> int:
        try:
            return int(digits, 16)
        except ValueError:
            raise self.fail(f"'{digits}' as hexadecimal digits") from None

    def character_class(self) -> str:
        negated = self.pattern.startswith("^", self.position)
        self.position += negated
        parts = []
        while (char := self.take()) != "]":
            if char != "\\":
                parts.append(f"\\{char}" if char in "[&~|^" else char)
                continue
            escaped = self.take()
            if escaped in _CLASS_ESCAPES:
                parts.append(_CLASS_ESCAPES[escaped])
            elif escaped.lower() in _CLASS_ESCAPES:
                parts.append(f"\\{escaped}" if escaped != "S" else self.not_whitespace())
            elif escaped == "b":
                parts.append("\\x08")
            else:
                parts.append(self.literal(escaped))
        if not parts:
            return "[\\s\\S]" if negated else "(?!)"
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def not_whitespace(self) -> str:
        r"""`\S` within a class: the complement, spelt as ranges, because Python's `\S` means another set."""
        return (
            "\\x00-\\x08\\x0e-\\x1f!-\\x9f\\xa1-\\u167f\\u1681-\\u1fff\\u200b-\\u2027\\u202a-\\u202e"
            "\\u2030-\\u205e\\u2060-\\u2fff\\u3001-\\ufefe\\uff00-\\U0010ffff"
        )
