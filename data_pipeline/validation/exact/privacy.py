"""Personal data in free text, and network addresses: the rule `privacy`.

Belongs here: how an e-mail address, a card number, a telephone number and a truncated address look.
Does not: which fields are looked at (the catalogue).
"""

from __future__ import annotations

import ipaddress
import re

_FILE_ENDINGS = "avif|bmp|css|gif|html?|ico|jpe?g|js|json|mjs|pdf|php|png|svg|tiff?|txt|ts|webm|webp|woff2?|xml"
_EMAIL = re.compile(
    r"(?<=[\w!$'*+^`{|}~\"-])(?<!%[0-7][0-9A-Fa-f])(?:@|%40)"
    r"(?:[^\W_](?:[\w-]{0,62})\.)+"
    rf"(?!(?:{_FILE_ENDINGS})(?![\w-]))(?:xn--[A-Za-z0-9-]{{2,59}}|[^\W\d_]{{2,63}})(?![\w-])"
)
"""What can end a local part, `@` or `%40`, and a domain of two labels or more whose last is a word (`logo@2x.png` is a file)."""

_TELEPHONE = re.compile(r"\+[0-9]{8,15}(?![0-9])")
_DIGIT_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){12,}")
_GROUP = re.compile(r"[0-9]+")
_FEWEST_DIGITS, _MOST_DIGITS = 13, 19


def holds_personal_data(text: str) -> bool:
    """Whether a text holds an e-mail address, a payment card number or a telephone number."""
    return (
        (("@" in text or "%40" in text) and _EMAIL.search(text) is not None)
        or ("+" in text and _TELEPHONE.search(text) is not None)
        or holds_card_number(text)
    )


def holds_card_number(text: str) -> bool:
    """13 to 19 digits, Luhn-valid, that begin and end with a group of digits.

    Groups are divided by single spaces or hyphens; a longer run without any division is another kind of number.
    """
    for run in _DIGIT_RUN.finditer(text):
        groups = _GROUP.findall(run[0])
        for first in range(len(groups)):
            digits = ""
            for group in groups[first:]:
                digits += group
                if len(digits) > _MOST_DIGITS:
                    break
                if len(digits) >= _FEWEST_DIGITS and is_luhn_valid(digits):
                    return True
    return False


def is_luhn_valid(digits: str) -> bool:
    """ISO/IEC 7812-1's check digit."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        number = int(char) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def is_truncated_address(text: str) -> bool:
    """Whether a text is an IPv4 address cut to /24 or an IPv6 address cut to /48, the rest zero."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if "%" in text:
        return False
    kept_bits = 24 if address.version == 4 else 48
    return int(address) & ((1 << (address.max_prefixlen - kept_bits)) - 1) == 0
