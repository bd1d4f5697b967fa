"""Small files of the local stack, replaced whole: a reader sees the old text or the new, also after a kill.

Belongs here: writing. Does not: what the files say.
"""

from __future__ import annotations

from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write beside the file, then take its place."""
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(path)
