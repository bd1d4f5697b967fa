"""Whether a new version of a schema may follow an old one.

Version 2 may add optional fields, widen an enum, raise a maximum; it may not remove or rename a field, make one required,
change a type or a unit, or narrow anything; a released version never changes.

Belongs here: the comparison, naming JSON path and rule. Does not: reading of files (`schema.py`), printing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from data_pipeline.contracts.contract import VERSION_FIELD, Contract
from data_pipeline.contracts.schema import Node


@dataclass(frozen=True)
class Incompatibility:
    """One change that producers or readers of the old version would not survive.

    Attributes:
        path: JSON path of the field, such as `$.order.items[*].quantity`.
        rule: name of the rule of compatibility that it breaks.
        message: what changed, from what to what.
    """

    path: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}: {self.message}"


def compare_schemas(old: Node, new: Node) -> list[Incompatibility]:
    """Everything that forbids `new` to follow `old`; none where it may."""
    return list(_compare(old, new, "$"))


def compare_contracts(old: Contract, new: Contract) -> list[Incompatibility]:
    """Compare two contract folders: released versions are unchanged, each version may follow the one before.

    Args:
        old: what is released.
        new: what shall be.
    """
    found = []
    for version, schema in old.versions.items():
        if version not in new.versions:
            found.append(Incompatibility("$", "version_removed", f"version {version} is gone; its producers run on for weeks."))
        elif schema != new.versions[version]:
            found.append(
                Incompatibility(
                    "$", "released_version_changed", f"version {version} is released and differs; write version {max(old.versions) + 1}."
                )
            )
    versions = sorted(new.versions)
    for earlier, later in pairwise(versions):
        found += compare_schemas(new.versions[earlier], new.versions[later])
    return found


def _compare(old: Node, new: Node, path: str) -> Iterator[Incompatibility]:
    if path == f"$.{VERSION_FIELD}":
        return
    yield from _types(old, new, path)
    yield from _values(old, new, path)
    yield from _numbers(old, new, path)
    unit = ("x-unit", "x-pii")
    for name in unit:
        if old.annotations.get(name) != new.annotations.get(name):
            rule = "unit_changed" if name == "x-unit" else "privacy_changed"
            yield Incompatibility(path, rule, f"{name} was {old.annotations.get(name)!r}, is {new.annotations.get(name)!r}.")
    yield from _members(old, new, path)
    if old.items is not None and new.items is not None:
        yield from _compare(old.items, new.items, f"{path}[*]")
    elif (old.items is None) != (new.items is None):
        yield Incompatibility(path, "type_changed", "one version says what an item is, the other does not.")


def _types(old: Node, new: Node, path: str) -> Iterator[Incompatibility]:
    if old.types == new.types:
        return
    was, now = (" or ".join(sorted(types)) if types else "anything" for types in (old.types, new.types))
    yield Incompatibility(path, "type_changed", f"the type was {was}, is {now}.")


def _values(old: Node, new: Node, path: str) -> Iterator[Incompatibility]:
    if new.enum is not None:
        gone = [value for value in old.enum or () if value not in new.enum]
        if old.enum is None:
            yield Incompatibility(path, "narrowed", "any value was allowed, now an enum is.")
        elif gone:
            yield Incompatibility(path, "narrowed", f"the enum lost {', '.join(map(repr, gone))}.")
    if new.pattern_source not in (None, old.pattern_source):
        yield Incompatibility(
            path,
            "narrowed",
            f"the pattern was {old.pattern_source!r}, is {new.pattern_source!r}; that one admits all of the other cannot be shown.",
        )
    if new.format not in (None, old.format):
        yield Incompatibility(path, "narrowed", f"the format was {old.format!r}, is {new.format!r}.")
    elif old.format is not None and new.format is None:
        yield Incompatibility(path, "type_changed", f"the format {old.format!r} is gone, so the column would change its type.")
    if new.closed and not old.closed:
        yield Incompatibility(path, "narrowed", "unknown fields were allowed, now they are refused.")


def _numbers(old: Node, new: Node, path: str) -> Iterator[Incompatibility]:
    bounds = {
        "minLength": (old.lengths[0] or 0, new.lengths[0] or 0),
        "maxLength": (old.lengths[1], new.lengths[1]),
        "minItems": (old.item_counts[0] or 0, new.item_counts[0] or 0),
        "maxItems": (old.item_counts[1], new.item_counts[1]),
        **{keyword: (old.limits.get(keyword), new.limits.get(keyword)) for keyword in {**old.limits, **new.limits}},
    }
    for keyword, (was, now) in bounds.items():
        is_lower_bound = "min" in keyword.lower()
        if now is not None and (was is None or (now > was if is_lower_bound else now < was)):
            yield Incompatibility(path, "narrowed", f"{keyword} was {was if was is not None else 'not set'}, is {now}.")


def _members(old: Node, new: Node, path: str) -> Iterator[Incompatibility]:
    added = [name for name in new.properties if name not in old.properties]
    for name, child in old.properties.items():
        place = f"{path}.{name}"
        if name in new.properties:
            yield from _compare(child, new.properties[name], place)
            continue
        same = [other for other in added if new.properties[other].types == child.types]
        hint = f"; it looks renamed to {same[0]}" if same else ""
        yield Incompatibility(place, "field_removed", f"the field is gone{hint}.")
    for name in new.required:
        if name not in old.required:
            yield Incompatibility(f"{path}.{name}", "made_required", "the field was optional or absent, now it is required.")
    for name in old.required:
        if name not in new.required and name in new.properties:
            yield Incompatibility(f"{path}.{name}", "made_optional", "readers of the old version rely on the field being there.")
