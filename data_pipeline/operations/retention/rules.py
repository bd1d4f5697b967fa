"""The retention rules: one block of `rules.yaml` each, read and checked.

Belongs here: the rules and their arithmetic. Does not: which partitions exist (`plan.py`), S3's notation (`lifecycle.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data_pipeline.common.errors import PermanentError

RULES_FILE = Path(__file__).with_name("rules.yaml")
CLASSES = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE")
"""From dear to cheap; an object only ever moves to the right."""
MINIMUM_DAYS = {"STANDARD": 0, "STANDARD_IA": 30, "GLACIER_IR": 90, "DEEP_ARCHIVE": 180}
"""AWS bills an object for at least that long in the class."""
_EARLIEST_DAY = {"STANDARD_IA": 30}
"""S3 refuses a lifecycle rule that moves an object to Infrequent Access sooner."""
_FIELDS = {"keep_days", "classes", "needs", "why"}


@dataclass(frozen=True)
class RetentionRule:
    """How one stage is kept.

    Attributes:
        stage: first folder of its keys, such as `raw`.
        keep_days: age in days at which a partition may be deleted; None keeps it for ever.
        classes: age in days to the storage class from then on; always begins at 0.
        needs: stages that must be proven for a partition before it may be deleted.
        why: the reason, for people.
    """

    stage: str
    keep_days: int | None
    classes: Mapping[int, str]
    needs: tuple[str, ...]
    why: str

    def spans(self, days: int | None = None) -> Iterator[tuple[str, int]]:
        """Storage class and the number of days in it, over a life of `days` (the rule's own when not given).

        Raises:
            PermanentError: the rule keeps for ever and no `days` is given.
        """
        life = self.keep_days if days is None else days
        if life is None:
            raise PermanentError(f"'{self.stage}' is kept for ever; say for how many days its cost is asked.")
        starts = sorted(self.classes)
        for start, end in zip(starts, [*starts[1:], life], strict=True):
            if min(end, life) > start:
                yield self.classes[start], min(end, life) - start


def load_rules(path: Path = RULES_FILE) -> dict[str, RetentionRule]:
    """Read the rules; PermanentError naming the stage, the value and what is allowed."""
    try:
        document: Any = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise PermanentError(f"The retention rules {path} cannot be read ({error}); name a YAML file with a block `stages:`.") from error
    blocks = document.get("stages") if isinstance(document, dict) else None
    if not isinstance(blocks, dict) or not blocks:
        raise PermanentError(f"The retention rules {path} have no block `stages:` with at least one stage.")
    return {str(stage): _read(path, str(stage), block) for stage, block in blocks.items()}


def _read(path: Path, stage: str, block: Any) -> RetentionRule:
    where = f"{path}: stage '{stage}'"
    if not isinstance(block, dict) or set(block) != _FIELDS:
        raise PermanentError(f"{where} needs exactly {', '.join(sorted(_FIELDS))}.")
    keep, classes = block["keep_days"], block["classes"]
    if keep is not None and (not isinstance(keep, int) or isinstance(keep, bool) or keep < 1):
        raise PermanentError(f"{where}: keep_days is {keep!r}; give a whole number of days from 1 on, or null to keep for ever.")
    if not isinstance(classes, dict) or 0 not in classes or not all(isinstance(day, int) and day >= 0 for day in classes):
        raise PermanentError(f"{where}: classes is {classes!r}; map ages in days, beginning with 0, to storage classes.")
    unknown = [name for name in classes.values() if name not in CLASSES]
    if unknown:
        raise PermanentError(f"{where}: '{unknown[0]}' is no storage class; there are {', '.join(CLASSES)}.")
    order = [CLASSES.index(classes[day]) for day in sorted(classes)]
    if order != sorted(set(order)):
        raise PermanentError(f"{where}: its classes must get cheaper with age, in the order {', '.join(CLASSES)}.")
    for day, name in classes.items():
        if day < _EARLIEST_DAY.get(name, 0):
            raise PermanentError(f"{where}: S3 moves no object to {name} before day {_EARLIEST_DAY[name]}, and the rule says {day}.")
    if keep is not None and max(classes) >= keep:
        raise PermanentError(f"{where}: it moves to {classes[max(classes)]} on day {max(classes)}, and is deleted on day {keep} already.")
    return RetentionRule(stage, keep, dict(classes), tuple(block["needs"]), str(block["why"]))
