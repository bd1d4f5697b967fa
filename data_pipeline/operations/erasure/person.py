"""Who is to be forgotten: an account, with the devices that nobody else used; and which raw values are theirs.

Belongs here: that judgement, on bytes as they came. Does not: where the bytes lie (`find.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
        user_id: the account.
        anonymous_ids: devices that were seen with this account and with no other.
    """

    user_id: str
    anonymous_ids: tuple[str, ...] = ()

    @property
    def identifiers(self) -> tuple[str, ...]:
        """All that a search must not find afterwards."""
        return (self.user_id, *self.anonymous_ids)

    def owns_key(self, key: bytes | None) -> bool:
        """Whether a Kafka key is one of theirs."""
        return key is not None and key in {name.encode() for name in self.identifiers}

    def owns_value(self, value: bytes | None) -> bool:
        """Whether a value speaks of them: by account, or by a device of theirs where it names no account.

        A value that is no JSON is theirs where it holds one of the identifiers at all: what cannot be read is not kept for doubt.
        """
        if value is None:
            return False
        try:
            document: Any = json.loads(value)
        except (ValueError, RecursionError):
            return any(name.encode() in value for name in self.identifiers)
        if not isinstance(document, dict):
            return any(name.encode() in value for name in self.identifiers)
        user_id, anonymous_id = document.get("user_id"), document.get("anonymous_id")
        if user_id == self.user_id:
            return True
        if anonymous_id in self.anonymous_ids and (user_id is None or not isinstance(user_id, str)):
            return True
        # Elsewhere in the text, such as in a page's address; the same identifier cannot be there by chance.
        return any(json.dumps(name)[1:-1].encode() in value for name in self.identifiers)

    def candidates(self, values: pa.ChunkedArray) -> list[int]:
        """Rows of a binary column whose bytes hold an identifier, or an escape that could hide one; only these are looked at one by one."""
        mask = None
        for pattern in [*(name.encode() for name in self.identifiers), b"\\u00"]:
            found = pc.match_substring(values, pattern)
            mask = found if mask is None else pc.or_(mask, found)
        if mask is None:
            return []
        return [int(row) for row in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()]


def exclusive_devices(user_id: str, pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Devices of an account that no other account used.

    Args:
        user_id: the account.
        pairs: (anonymous_id, user_id) that were seen together.
    """
    theirs = {device for device, account in pairs if account == user_id}
    shared = {device for device, account in pairs if account != user_id}
    return tuple(sorted(theirs - shared))
