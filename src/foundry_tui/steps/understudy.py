"""Who speaks: the narrator, or the declared fallback where engine or voice is missing or down. Never anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from foundry_tui.domain.books import Narrator, as_begun
from foundry_tui.domain.languages import understood
from foundry_tui.domain.status import Level
from foundry_tui.domain.takes import Take
from foundry_tui.errors import (
    EngineBusy,
    EngineDown,
    EngineMissing,
    EngineUnreachable,
    FoundryError,
    NotFound,
    VoiceMissing,
)
from foundry_tui.pipeline.contract import StepContext
from foundry_tui.steps.adoption import is_there
from foundry_tui.steps.casting import Cast, cast, engine_name, standing_in
from foundry_tui.steps.chunk_jobs import ChunkJob
from foundry_tui.steps.toolbox import Toolbox
from foundry_tui.voices.protocol import VoiceSettings

# Missing for good, or gone longer than the guard's patience. A refusal (a key, no credit, a cap) is the operator's.
GONE = (EngineMissing, VoiceMissing, EngineDown, EngineUnreachable, EngineBusy)


class Understudy:
    """Casts a production; tells of a substitution in the event log, in so many words, each time there is one."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    async def cast(self, context: StepContext) -> Cast:
        """The narrator's voice; where it cannot be had, that of the fallback. Raises what kept the narrator away."""
        narrator = as_begun(context.narrator, context.production.options)
        try:
            return await self._cast(context, narrator)
        except GONE as error:
            instead = await self.instead(context, error)
            if instead is None:
                raise
            return instead

    async def instead(self, context: StepContext, error: FoundryError) -> Cast | None:
        """The voice of the narrator's declared fallback; None where there is none, or it is no better off."""
        named = context.narrator.fallback_narrator_id
        if named is None or self._tools.narrator is None or named == context.narrator.narrator_id:
            return None
        try:
            fallback = await self._tools.narrator(named)
            voice = await self._cast(context, fallback)
        except (*GONE, NotFound):
            return None
        return standing_in(voice, fallback, context.narrator.narrator_name, error.message)

    async def stays(self, context: StepContext, voice: Cast, jobs: Sequence[ChunkJob]) -> dict[tuple[int, int], Take]:
        """What the first voice has spoken of ``jobs``, by place, where ``voice`` stands in for it.

        The keys cannot tell, for an engine that is not there does not say its version: engine, voice, settings and
        words do.
        """
        if not voice.stands_in_for:
            return {}
        narrator = as_begun(context.narrator, context.production.options)
        engine = engine_name(narrator, self._tools.settings.default_engine)
        settings = VoiceSettings.from_mapping(narrator.settings).to_mapping()
        named = narrator.voice if narrator.engine else None

        def first_voices(take: Take) -> bool:
            if take.engine != engine or (take.engine, take.voice) == (voice.engine_name, voice.voice):
                return False
            return named in {None, "", take.voice} and take.key_parts.get("settings") == settings

        def standing(takes: Mapping[tuple[int, int], Take]) -> dict[tuple[int, int], Take]:
            found = ((job, takes[job.place]) for job in jobs if job.place in takes)
            return {
                job.place: take
                for job, take in found
                if (take.key_parts.get("text"), take.take) == (job.text, job.take)
                and first_voices(take)
                and is_there(self._tools.home, take)
            }

        return await asyncio.to_thread(standing, await context.takes())

    async def tell(self, context: StepContext, voice: Cast) -> None:
        """The substitution as an event."""
        await context.event(
            "substitution",
            f"{voice.narrator_name} speaks in place of {voice.stands_in_for}: {voice.reason} "
            "Requeue this step when the first voice is back, and it speaks what the other has spoken.",
            level=Level.WARNING,
            details={"engine": voice.engine_name, "voice": voice.voice, "narrator_id": voice.narrator_id},
        )

    async def _cast(self, context: StepContext, narrator: Narrator) -> Cast:
        engine = await self._tools.engines.get(engine_name(narrator, self._tools.settings.default_engine))
        return await cast(narrator, understood(context.production.language), engine)
