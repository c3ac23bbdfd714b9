"""Write what the program says of itself into docs/reference: run it after changing a verb or an option.

usage: python docs/update_reference.py [--check]
"""  # noqa: INP001 - a program of the docs, not a package

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from foundry_tui.cli.door import foundry
from foundry_tui.settings import engine_variable
from foundry_tui.settings_options import ENGINE_OPTIONS, OPTIONS, Option

REFERENCE = Path(__file__).parent / "reference"
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def verbs() -> Iterator[str]:
    """The help of every verb, as a terminal of 100 columns shows it."""
    context = click.Context(foundry, info_name="foundry-tui", max_content_width=100, terminal_width=100)
    yield from _help("foundry-tui", context)
    for name in foundry.list_commands(context):
        command = foundry.get_command(context, name)
        assert command is not None
        yield from _verb(command, name, context)


def _verb(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100, terminal_width=100)
    if not isinstance(command, click.Group):
        yield from _help(context.command_path.removeprefix("foundry-tui "), context)
        return
    for inner in command.list_commands(context):
        below = command.get_command(context, inner)
        assert below is not None
        if not below.hidden:
            yield from _verb(below, inner, context)


def _help(title: str, context: click.Context) -> Iterator[str]:
    yield from ("", f"### {title}", "", "```text", *context.get_help().splitlines(), "```")


def options() -> Iterator[str]:
    """The table of options."""
    yield from ("", "| key | variable | default | |", "| --- | --- | --- | --- |")
    yield from (_row(option, option.variable) for option in OPTIONS)


def engines() -> Iterator[str]:
    """A table for each engine."""
    for engine, table in ENGINE_OPTIONS.items():
        yield from ("", f"### {engine}", "", "| key | variable | default | |", "| --- | --- | --- | --- |")
        yield from (_row(option, engine_variable(engine, option)) for option in table)


def _row(option: Option, variable: str) -> str:
    shown = str(option.default).lower() if isinstance(option.default, bool) else option.default
    default = "none" if shown == "" else f"`{shown}`"
    return f"| `{option.key}` | `{variable}` | {default} | {option.help} |"


GENERATORS: dict[str, Callable[[], Iterator[str]]] = {"verbs": verbs, "options": options, "engines": engines}


def updated(page: str) -> str:
    """``page`` with every generated block as it should be now."""

    def block(found: re.Match[str]) -> str:
        lines = "\n".join(GENERATORS[found[2]]())
        return f"{found[1]}{lines}\n\n{found[3]}"

    return BLOCK.sub(block, page)


def main() -> int:
    """Write the pages, or with --check only say which are stale."""
    stale = [
        path for path in sorted(REFERENCE.glob("*.md")) if updated(path.read_text("utf-8")) != path.read_text("utf-8")
    ]
    for path in stale:
        sys.stdout.write(f"{path.name}\n")
        if "--check" not in sys.argv:
            path.write_text(updated(path.read_text("utf-8")), "utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    raise SystemExit(main())
