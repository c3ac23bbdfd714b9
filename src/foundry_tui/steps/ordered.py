"""What a production was ordered as: the editions beside its M4B, and how the M4B is cut."""

from __future__ import annotations

from collections.abc import Iterable

from foundry_tui.domain.editions import EDITIONS, edition_names
from foundry_tui.domain.productions import Production
from foundry_tui.steps.toolbox import StepSettings


def editions_of(production: Production, settings: StepSettings) -> tuple[str, ...]:
    """The editions made beside the M4B, in the order of EDITIONS: as ordered, else as configured.

    The older ``mp3`` option adds its edition to either. Raises UsageError for a name that is none.
    """
    ordered = production.options.get("editions")
    wanted = set(settings.editions if ordered is None else _known(ordered))
    if production.options.get("mp3", settings.mp3 if ordered is None else False):
        wanted.add("mp3")
    return tuple(name for name in EDITIONS if name in wanted)


def one_file(production: Production, settings: StepSettings) -> bool:
    """Whether a book of any length stays in one M4B."""
    return bool(production.options.get("one_file", settings.one_file))


def _known(ordered: object) -> Iterable[str]:
    if isinstance(ordered, str):
        return edition_names(ordered)
    return edition_names(" ".join(map(str, ordered))) if isinstance(ordered, list | tuple) else ()
