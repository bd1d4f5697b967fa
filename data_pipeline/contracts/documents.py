"""Documents that are rendered from a contract: the rules, for people.

Belongs here: Markdown from catalogue and schema. Does not: writing files (`commands/docs.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from data_pipeline.contracts.contract import Contract, load_contract
from data_pipeline.contracts.schema import Node


def render_rules() -> str:
    """`docs/rules.md`: the rules and the fields of product events."""
    return render_contract_rules(load_contract("product_event"))


def render_contract_rules(contract: Contract) -> str:
    """Rules, parameters and fields of a contract as Markdown."""
    lines = [
        f"# Rules of {contract.name}",
        "",
        "Rendered from the contract's `rules.yaml` and schema by `data-pipeline docs`; do not edit.",
        "",
        f"Versions: {', '.join(str(version) for version in contract.versions)}. A row is judged by the schema of its own `schema_version`;",
        "an unknown version breaks `schema`, and the newest version judges what else it breaks. A row that breaks `size` or `json`",
        "is judged by no other rule. Any other row is quarantined with all the rules that it breaks, and its bytes as they came.",
        "",
        rules_table(contract),
    ]
    lines += ["", "## Where the sentences leave room", ""]
    lines += [f"- {sentence}" for sentence in _DECISIONS]
    for rule in contract.rules:
        parameters = list(_parameters(rule))
        if parameters:
            lines += ["", f"## {rule.name}", "", *parameters]
    lines += ["", "## Fields of the newest version", "", "| field | type | allowed | description |", "|---|---|---|---|"]
    lines += [
        f"| `{node.path}` | {_types(node)} | {_cell(_allowed(node))} | {_cell(node.description)} |" for node in _fields(contract.latest)
    ]
    return "\n".join(lines) + "\n"


def rules_table(contract: Contract) -> str:
    """Each rule with its sentence and fields as a Markdown table: in `docs/rules.md`, and on the asset `quarantine/…` in Dagster."""
    lines = ["| rule | sentence | reads |", "|---|---|---|"]
    for rule in contract.rules:
        fields = ", ".join(f"`{field}`" for field in rule.fields()) or "the whole value"
        lines.append(f"| `{rule.name}` | {_cell(rule.sentence)} | {fields} |")
    return "\n".join(lines)


_DECISIONS = (
    "`json`: an integer is a number without fraction and exponent; `1e400` is a number, judged by the schema's limits. Half of a "
    "surrogate pair (`\\ud800` alone) is no text that UTF-8 can hold, so it breaks `json`. Depth is no limit.",
    "`types` and `schema`: each keyword is judged by itself, as JSON Schema does; a wrong type does not hide a missing member elsewhere.",
    "`schema`: a leap second (`…:60`) and the year 0000 are no date-time, as no instant column could hold them.",
    "`topic` and the rules by source: an absent field is not the wanted value, so it breaks the rule.",
    "`clocks`: a comparison is judged where both instants are well-formed; where `received_at` is not known (files of lines) the two "
    "that need it are not.",
    "`money`: absent numbers are not of the right type, so the rule is not judged.",
    "`text`: names of fields are strings too.",
    "`privacy`: an e-mail address needs a domain of two labels whose last is a word; `logo@2x.png` is a file name and `/@name` a path. "
    "A card "
    "number begins and ends with a group of digits.",
)


def _parameters(rule: object) -> Iterator[str]:
    values = rule.model_dump(exclude={"name", "kind", "sentence"}, mode="json", exclude_defaults=True)  # type: ignore[attr-defined]
    for name, value in values.items():
        if isinstance(value, dict):
            yield from (f"- {name} `{key}`: {_words(item)}" for key, item in value.items())
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from (f"- {name}: " + "; ".join(f"{key} {_words(part)}" for key, part in item.items()) for item in value)
        else:
            yield f"- {name}: {_words(value)}"


def _words(value: object) -> str:
    return ", ".join(f"`{item}`" for item in value) if isinstance(value, list) else f"`{value}`"


def _fields(root: Node) -> Iterator[Node]:
    seen = set()
    for node in root.walk():
        if node.path and node.path not in seen:
            seen.add(node.path)
            yield node


def _types(node: Node) -> str:
    return " or ".join(sorted(node.types)) if node.types else "one of its values"


def _allowed(node: Node) -> str:
    parts = []
    if node.enum is not None:
        parts.append(", ".join("null" if value is None else f"`{value}`" for value in node.enum))
    if node.pattern_source:
        parts.append(f"`{node.pattern_source}`")
    for (fewest, most), what in ((node.lengths, "characters"), (node.item_counts, "items")):
        if most is not None or fewest is not None:
            parts.append(f"{fewest or 0} to {most if most is not None else 'any number of'} {what}")
    parts += [f"{keyword} {limit}" for keyword, limit in node.limits.items()]
    return "; ".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
