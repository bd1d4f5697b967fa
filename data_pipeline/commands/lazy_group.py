"""A group of commands whose modules are imported only when one of them is run or asked for help.

Belongs here: that group. Does not: which commands there are.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """Commands by name, each with the sentence of the list and a way to load it.

    Args:
        sentences: what the list says of each command.
        load: gives the command of a name that is among them.
        heading: above the list.
    """

    def __init__(
        self,
        *args: Any,
        sentences: Mapping[str, str] | None = None,
        load: Callable[[str], click.Command] | None = None,
        heading: str = "Commands",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._sentences = sentences or {}
        self._load = load
        self._heading = heading

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._sentences)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._load(cmd_name) if self._load is not None and cmd_name in self._sentences else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(self._heading):
            formatter.write_dl(list(self._sentences.items()))


def command_of(module: str) -> click.Command:
    """What a module offers under the name `command`."""
    command: click.Command = importlib.import_module(module).command
    return command
