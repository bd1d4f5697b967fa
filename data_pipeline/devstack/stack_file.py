"""`stack.json`: the addresses and keys of the local stack that runs now, read by `settings.py` in every other process.

Belongs here: reading, writing and removing that file. Does not: what it means to a setting.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.settings import STACK_FILE


def read_stack_file(state_dir: Path) -> dict[str, Any]:
    """What the file says; empty where there is none."""
    path = state_dir / STACK_FILE
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError) as error:
        raise PermanentError(f"{path} is not what `make up` writes ({error}); run `make down`, which removes it, and `make up`.") from error


def write_stack_file(state_dir: Path, content: Mapping[str, Any]) -> None:
    """Replace the file whole; only its owner may read it, because it holds the keys."""
    handle, temporary = tempfile.mkstemp(dir=state_dir, prefix=".stack-")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1, sort_keys=True)
        Path(temporary).replace(state_dir / STACK_FILE)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_stack_file(state_dir: Path) -> None:
    """From now on settings fall back to the environment and the defaults."""
    (state_dir / STACK_FILE).unlink(missing_ok=True)
