"""What a production was ordered as: the editions beside its M4B, and how the M4B is cut."""

from __future__ import annotations

from foundry_tui.domain.editions import ordered_editions
from foundry_tui.domain.productions import Production
from foundry_tui.steps.toolbox import StepSettings


def editions_of(production: Production, settings: StepSettings) -> tuple[str, ...]:
    """The editions made beside the M4B. Raises UsageError for a name that is none."""
    return ordered_editions(production.options, settings.editions, mp3=settings.mp3)


def one_file(production: Production, settings: StepSettings) -> bool:
    """Whether a book of any length stays in one M4B."""
    return bool(production.options.get("one_file", settings.one_file))
