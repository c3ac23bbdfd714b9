"""The reference pages say what the program says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from foundry_tui.cli.door import foundry
from foundry_tui.cli.globals import Noun


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(foundry, info_name="foundry-tui")
    for name in foundry.list_commands(context):
        command = foundry.get_command(context, name)
        assert command is not None
        if isinstance(command, Noun):
            yield from ((f"{name} {inner}", below) for inner, below in command.commands.items())
        else:
            yield name, command


EVERY = dict(commands())


def test_the_reference_is_up_to_date(repository: Path) -> None:
    checked = subprocess.run(
        [sys.executable, str(repository / "docs" / "update_reference.py"), "--check"], capture_output=True, text=True
    )
    assert checked.returncode == 0, f"stale: {checked.stdout} Run: python docs/update_reference.py\n{checked.stderr}"


@pytest.mark.parametrize("name", EVERY)
def test_the_help_of_every_verb_is_worth_reading(name: str) -> None:
    command = EVERY[name]
    text = command.get_help(click.Context(command, info_name=name))
    assert len((command.help or "").split()) >= 8, "a paragraph"
    assert "Examples:" in text
    assert f"foundry-tui {name}" in text
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"{parameter.opts} says nothing of itself"


@pytest.mark.parametrize("name", ["book list", "narrator list", "voices list", "queue", "events", "doctor"])
def test_every_listing_speaks_json(name: str) -> None:
    assert any("--json" in parameter.opts for parameter in EVERY[name].params)
