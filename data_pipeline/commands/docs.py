"""`data-pipeline docs`: the documents that are made from code, written or checked for being current."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from data_pipeline.common.errors import PermanentError
from data_pipeline.settings import PROJECT_ROOT

RENDERERS: dict[str, tuple[str, str]] = {
    "docs/configuration.md": ("data_pipeline.commands.docs", "render_configuration"),
    "docs/rules.md": ("data_pipeline.contracts.documents", "render_rules"),
    "deploy/prometheus-rules.yaml": ("data_pipeline.operations.metrics.rules", "render_rules"),
    "deploy/grafana-dashboard.json": ("data_pipeline.operations.metrics.rules", "render_dashboard"),
    "docs/findings.md": ("data_pipeline.validation.history.document", "render_findings"),
    "docs/transforms.md": ("data_pipeline.transforms.rules_document", "render"),
}
"""Document to the function that renders it (no arguments, returns the text)."""


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail naming the documents that are not current.")
@click.option("--out", type=click.Path(path_type=Path), default=PROJECT_ROOT, help="Folder to write below.")
def command(check: bool, out: Path) -> None:
    """Render the documents that are made from code."""
    stale = []
    for name, (module, function) in RENDERERS.items():
        text: str = getattr(importlib.import_module(module), function)()
        path = out / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            click.echo(f"wrote {name}")
    if check and stale:
        raise PermanentError(f"Not current: {', '.join(stale)}. Run `data-pipeline docs` and commit the result.")


def render_configuration() -> str:
    """`docs/configuration.md`, from the settings."""
    from data_pipeline.settings import PREFIX, Settings

    lines = [
        "# Configuration",
        "",
        "Rendered from `data_pipeline/settings.py` by `data-pipeline docs`; do not edit.",
        "",
        "Every setting is an environment variable. What is set there wins over the addresses of the local stack (`make up` leaves",
        "them in `.state/stack.json`), and those win over the defaults. A secret may also be named by a file: `<VARIABLE>_FILE`.",
        "A wrong value is an error that names the variable, the value and what is allowed; an unknown environment never falls back.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias or f"{PREFIX}{name.upper()}"
        lines.append(f"| `{variable}` | {_default(field.default)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, Path):
        return f"`{value.relative_to(PROJECT_ROOT)}`"
    return f"`{value}`"
