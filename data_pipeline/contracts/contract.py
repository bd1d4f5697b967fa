"""A contract: the versions of a topic's schema with the rules that hold for all of them.

Belongs here: reading a contract folder, finding the version that judges a row.
Does not: schemas (`schema.py`), rules (`catalogue.py`), judging (`validation/`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.catalogue import read_rules
from data_pipeline.contracts.schema import Node, read_schema

CONTRACTS_DIR = Path(__file__).resolve().parent
VERSION_FIELD = "schema_version"
_VERSION_FILE = re.compile(r"v([1-9][0-9]{0,8})\.schema\.json")


@dataclass(frozen=True)
class Contract:
    """A topic's contract.

    Attributes:
        name: the folder's name.
        folder: where it was read.
        versions: schema by version number, oldest first.
        rules: the catalogue, in order.
        digest: names the content of schemas and rules; changes when either does.
    """

    name: str
    folder: Path
    versions: Mapping[int, Node]
    rules: tuple[Any, ...]
    digest: str

    @property
    def latest(self) -> Node:
        """The newest version's schema, which has every field of the older ones."""
        return self.versions[max(self.versions)]

    @property
    def has_version_field(self) -> bool:
        """Whether rows say which version they were written to."""
        return VERSION_FIELD in self.latest.properties

    def schema_for(self, value: Mapping[str, Any]) -> tuple[Node, bool]:
        """The schema that judges a row, and whether it is the one that the row names.

        A row of an unknown version breaks `schema`; its other fields are judged by the newest version, because
        no compatible version may change a type or drop a field.
        """
        if not self.has_version_field:
            return self.latest, True
        version: Any = value.get(VERSION_FIELD)
        is_number = isinstance(version, (int, Decimal)) and not isinstance(version, bool)
        for number, schema in self.versions.items():
            if is_number and version == number:
                return schema, True
        return self.latest, False

    def rule(self, kind: str) -> Any:
        """The first rule of a kind, None where the contract has none."""
        return next((rule for rule in self.rules if rule.kind == kind), None)


def load_contract(path_or_name: str | Path) -> Contract:
    """Read a contract: a folder of `data_pipeline/contracts/` by its name, or any folder by its path.

    Raises:
        PermanentError: where there is no such folder, or it is not a contract; names the file, the place and the way out.
    """
    named = CONTRACTS_DIR / str(path_or_name)
    folder = named if named.is_dir() else Path(path_or_name)
    if not folder.is_dir():
        known = ", ".join(sorted(path.parent.name for path in CONTRACTS_DIR.glob("*/v1.schema.json")))
        raise PermanentError(
            f"'{path_or_name}' is not a contract; there are {known}. Name one of them or a folder that holds v1.schema.json."
        )
    files = {int(match[1]): path for path in folder.iterdir() if (match := _VERSION_FILE.fullmatch(path.name))}
    if not files:
        raise PermanentError(f"The contract folder {folder} holds no v1.schema.json; put the topic's schema there under that name.")
    rules_file = folder / "rules.yaml"
    stamps = tuple((str(path), path.stat().st_mtime_ns) for path in (*files.values(), rules_file) if path.exists())
    return _read(folder, tuple(sorted(files.items())), rules_file, stamps)


def load_contract_beside(sources_file: Path, name: str) -> Contract:
    """The contract that a sources file names: a folder beside that file wins over the project's own.

    Raises:
        PermanentError: as `load_contract` does.
    """
    beside = sources_file.parent / name
    return load_contract(beside if beside.is_dir() else name)


@cache
def _read(folder: Path, files: tuple[tuple[int, Path], ...], rules_file: Path, stamps: tuple[tuple[str, int], ...]) -> Contract:
    versions = {version: read_schema(path) for version, path in files}
    digest = hashlib.sha256()
    for path in (*(path for _, path in files), rules_file):
        if path.exists():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    latest = versions[max(versions)]
    return Contract(folder.name, folder, versions, read_rules(rules_file, latest), digest.hexdigest()[:16])
