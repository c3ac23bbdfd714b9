"""The chapters a production was parsed into. A book's narrators share them, so each asks whether they are its own."""

from __future__ import annotations

import asyncio
from typing import Any

from foundry_tui.domain.chapters import Chapter
from foundry_tui.errors import ArtifactBroken, Interrupted
from foundry_tui.pipeline.contract import StepContext
from foundry_tui.steps.credits import with_credits
from foundry_tui.steps.places import Places
from foundry_tui.steps.toolbox import StepSettings
from foundry_tui.text.chapter_json import load_chapters, made_from


async def parsed_chapters(context: StepContext, places: Places) -> tuple[dict[str, Any], tuple[Chapter, ...]]:
    """(metadata, chapters) as this production's own parsing left them.

    Goes back to parsing (Interrupted) where another production has parsed the book differently since, or the files are
    missing or damaged: takes laid against other chapters would leave words out.
    """
    key = context.results["parsing"]["key"]
    reason = "the book was parsed anew since, from another source or with other settings."
    if await asyncio.to_thread(made_from, places.chapters) == key:
        try:
            found = await asyncio.to_thread(load_chapters, places.chapters)
        except ArtifactBroken as error:
            reason = error.message
        else:
            # Asked again: the folder may have been swapped while it was read.
            if await asyncio.to_thread(made_from, places.chapters) == key:
                return found
    await context.send_back("parsing", reason)
    raise Interrupted(reason)  # send_back has raised already


async def narrated_chapters(context: StepContext, places: Places, settings: StepSettings) -> tuple[Chapter, ...]:
    """What the narrator speaks: the parsed chapters, with the credits where they are wanted. From STEP3 on."""
    _, chapters = await parsed_chapters(context, places)
    return with_credits(context, settings, chapters)
