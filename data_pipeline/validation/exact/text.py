"""Clean text: the rule `text`.

Belongs here: which characters are no text, and what mojibake is, as the contract words it. Does not: languages.
"""

from __future__ import annotations

import re

NO_TEXT = "\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffd"
"""Control, invisible and bidirectional control characters and the replacement character, as a class of `re`."""

_NO_TEXT = re.compile(f"[{NO_TEXT}]")
_PLAIN_ASCII = re.compile(r"[ -~]*")

_WINDOWS_1252 = {
    byte.decode("cp1252"): byte[0] for byte in (bytes([number]) for number in range(0x80, 0xA0)) if byte not in b"\x81\x8d\x8f\x90\x9d"
}


def breaks_text(text: str) -> bool:
    """Whether a string is no clean text."""
    if _PLAIN_ASCII.fullmatch(text):
        return False
    return _NO_TEXT.search(text) is not None or is_mojibake(text)


def is_mojibake(text: str) -> bool:
    """UTF-8 that was read as Latin-1 or Windows-1252.

    Each character is encoded as Latin-1 or else Windows-1252; the whole is valid UTF-8 and holds a two-byte
    sequence led by 0xC2 or 0xC3, or one of three or four bytes, or at least two sequences.
    """
    data = bytearray()
    for char in text:
        code = ord(char)
        if code > 0xFF:
            encoded = _WINDOWS_1252.get(char)
            if encoded is None:
                return False
            code = encoded
        data.append(code)
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    sequences = [char for char in decoded if char > "\x7f"]
    return len(sequences) >= 2 or any(char <= "\xff" or char > "\u07ff" for char in sequences)


def windows_1252_characters() -> list[str]:
    """The characters that Windows-1252 has and Latin-1 has not."""
    return list(_WINDOWS_1252)
