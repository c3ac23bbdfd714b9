"""What an order can say of the sound: the same options for ``produce`` and ``requeue``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from foundry_tui.domain.editions import EDITIONS, edition_names

_Command = TypeVar("_Command", bound=Callable[..., Any])


def wanted_options(command: _Command) -> _Command:
    """Add ``editions``, ``spoken_credits`` and ``one_file`` to a verb's arguments."""
    for option in (
        click.option("--one-file/--volumes", default=None, help="A book above 49 hours in one M4B, or in volumes."),
        click.option("--credits/--no-credits", "spoken_credits", default=None, help="Spoken credits, or none."),
        click.option(
            "--edition",
            "editions",
            multiple=True,
            metavar="NAME[,NAME...]",
            help=f"What is made beside the M4B, instead of config.toml's: {', '.join(EDITIONS)}, or none.",
        ),
    ):
        command = option(command)
    return command


def wanted(editions: Sequence[str], spoken_credits: bool | None, one_file: bool | None) -> dict[str, Any]:
    """The production's options these say; raises UsageError for an edition that is none."""
    told: dict[str, Any] = {"credits": spoken_credits, "one_file": one_file}
    if editions:
        told["editions"] = list(edition_names(",".join(editions)))
    return {name: value for name, value in told.items() if value is not None}
