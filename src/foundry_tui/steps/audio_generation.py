"""STEP3: every chunk is spoken, checked and kept; a chapter that is whole goes to the press at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundry_tui.audio.check import VoiceNorm
from foundry_tui.domain.chapters import Chapter
from foundry_tui.domain.corrections import Corrections, speech_hash
from foundry_tui.domain.keys import key_of, short
from foundry_tui.domain.money import dollars
from foundry_tui.domain.status import Level, Status
from foundry_tui.domain.takes import Take
from foundry_tui.errors import ChunksFailed, FoundryError
from foundry_tui.pipeline.contract import StepContext, StepOutcome
from foundry_tui.steps.adoption import Adoption
from foundry_tui.steps.booth import Booth
from foundry_tui.steps.cashier import Cashier
from foundry_tui.steps.casting import Cast
from foundry_tui.steps.chapter_press import ChapterPress
from foundry_tui.steps.chunk_jobs import ChunkJob, TakeRows
from foundry_tui.steps.credits import credits_key
from foundry_tui.steps.fan_out import FanOut, require_same_voice
from foundry_tui.steps.hearing import Hearing
from foundry_tui.steps.parsed import narrated_chapters
from foundry_tui.steps.places import Places
from foundry_tui.steps.space import chunk_bytes, coded_bytes, require_space, speech_seconds
from foundry_tui.steps.toolbox import Toolbox
from foundry_tui.steps.understudy import GONE, Understudy
from foundry_tui.text.corrected import SpokenTexts

_NATURAL_HINT = (
    "The voices of {engine} are plain. For a natural one give the narrator an engine and a voice: "
    "`foundry-tui voices --engine edge`, then `foundry-tui narrator edit`."
)
_LISTED = 20


@dataclass(frozen=True, slots=True)
class _Done:
    """The takes of one voice that stand already, by place."""

    takes: Mapping[tuple[int, int], Take]
    rows: TakeRows
    norm: VoiceNorm
    elsewhere: Sequence[Take] = ()  # of chunks that are another worker's, told for what they say of the voice

    @property
    def kept(self) -> tuple[Take, ...]:
        """All that is known of the voice."""
        return (*self.elsewhere, *self.takes.values())


class AudioGeneration:
    """Cast the voice, speak what is not spoken yet, keep every good take."""

    def __init__(self, tools: Toolbox, press: ChapterPress) -> None:
        self._tools = tools
        self._press = press
        self._understudy = Understudy(tools)
        self._cashier = Cashier(tools)

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """The chapters, the voice, the chosen takes, and the words the operator put in the place of the book's."""
        voice = await self._cast(context)
        retakes = _chosen(context, await context.takes())
        chapters = {"chapters": context.results["parsing"]["key"], **credits_key(context, self._tools.settings)}
        return {**chapters, **voice.key_parts(), "retakes": retakes, **await self._corrected(context, voice)}

    async def _corrected(self, context: StepContext, voice: Cast) -> dict[str, Any]:
        """The corrections by what they do here: an entry that no sentence of the book has changes nothing."""
        corrections = await context.corrections()
        if not corrections.of_words:
            return {}
        places = Places.of(self._tools.home, context.production)
        chapters = await narrated_chapters(context, places, self._tools.settings)
        changed = await asyncio.to_thread(_texts(corrections, voice).changed, chapters)
        if not changed:
            return {}
        texts = {f"{chapter}.{chunk}": said for (chapter, chunk), said in sorted(changed.items())}
        return {"corrections": {"chunks": len(changed), "texts": key_of(texts)}}

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether every chunk's file is still there with its size."""
        takes = await context.takes()
        if len(takes) != result.get("chunks"):
            return False
        return await asyncio.to_thread(self._all_there, list(takes.values()))

    async def ahead(self, context: StepContext, *, closely: bool = False) -> Sequence[str]:
        """How many chunks a run would speak, and for how much."""
        del closely
        places = Places.of(self._tools.home, context.production)
        chapters = await narrated_chapters(context, places, self._tools.settings)
        voice = await self._cast(context)
        jobs = await self._jobs(context, chapters, voice)
        rows = TakeRows(context.production.audiobook_id, places, voice)
        stays = await self._understudy.stays(context, voice, jobs)
        wanting = [job for job in jobs if job.place not in stays]
        missing = await Adoption(self._tools.home, context, rows, VoiceNorm()).missing(wanting)
        price = await self._cashier.price(places, voice, missing)
        costs = f", for {dollars(price)}" if price else ""
        return [f"{len(missing):,} of {len(jobs):,} chunks are to be spoken{costs}"]

    async def run(self, context: StepContext) -> StepOutcome:
        """Speak the book."""
        places = Places.of(self._tools.home, context.production)
        chapters = await narrated_chapters(context, places, self._tools.settings)
        voice = await self._cast(context)
        await self._introduce(context, voice)
        jobs = await self._jobs(context, chapters, voice)
        stays = await self._understudy.stays(context, voice, jobs)
        mine = [job for job in jobs if job.place not in stays]
        done = await self._adopted(context, places, voice, mine)
        self._press.begin(context, places, chapters, {**stays, **done.takes})
        try:
            try:
                failed = await self._speak(context, places, voice, mine, done, more=len(stays))
            except GONE as error:
                instead = None if voice.stands_in_for else await self._understudy.instead(context, error)
                if instead is None:
                    raise
                voice, failed = instead, await self._finish(context, places, instead, chapters, jobs)
        finally:
            self._press.close(context.production.audiobook_id)
        await context.forget_takes(job.place for job in jobs)
        if failed and not context.production.options.get("allow_gaps"):
            raise _failure(failed)
        return await self._outcome(context, voice, len(jobs), failed)

    async def _adopted(
        self,
        context: StepContext,
        places: Places,
        voice: Cast,
        jobs: Sequence[ChunkJob],
        others: Sequence[ChunkJob] = (),
    ) -> _Done:
        rows, norm = TakeRows(context.production.audiobook_id, places, voice), VoiceNorm()
        adoption = Adoption(self._tools.home, context, rows, norm)
        elsewhere = await adoption.known(others) if others else ()
        return _Done(await adoption.adopt(jobs), rows, norm, elsewhere)

    async def _speak(
        self, context: StepContext, places: Places, voice: Cast, jobs: Sequence[ChunkJob], done: _Done, more: int = 0
    ) -> list[Take]:
        """Speak those of ``jobs`` that are not ``done``; ``more`` chunks of the book are another voice's."""
        missing = [job for job in jobs if job.place not in done.takes]
        self._require_space(places, missing, voice)
        kept = len(done.takes) + more
        await context.event(
            "speaking",
            f"{kept:,} of {len(jobs) + more:,} chunks are there already; {len(missing):,} to speak.",
            details={"engine": voice.engine_name, "voice": voice.voice, "chunks": len(jobs) + more, "kept": kept},
        )
        paid = await self._cashier.open(context, places, voice, missing)
        remark = f"{voice.narrator_name} speaks in place of {voice.stands_in_for}" if voice.stands_in_for else ""
        hearing = self._hearing(context, places, done.kept)
        booth = Booth(context, done.rows, voice, done.norm, paid=paid, hearing=hearing, remark=remark, kept=done.kept)
        total = len(jobs) + more
        if context.parts is None or paid is not None:  # what costs money is bought by one worker
            return await booth.speak(missing, total=total, on_take=self._press.add)
        shared = FanOut(context.parts, booth, context.checkpoint)
        return await shared.speak(missing, voice, total=total, on_take=self._press.add)

    async def run_part(self, context: StepContext, places: Sequence[tuple[int, int]], brief: Mapping[str, Any]) -> str:
        """Speak some chunks of a book whose run is another worker's.

        They are checked as the run itself would: against all that the production knows of the voice, and heard.
        """
        here = Places.of(self._tools.home, context.production)
        chapters = await narrated_chapters(context, here, self._tools.settings)
        voice = await self._cast(context)
        require_same_voice(voice, brief)
        wanted, book = set(places), await self._jobs(context, chapters, voice)
        jobs = [job for job in book if job.place in wanted]
        done = await self._adopted(context, here, voice, jobs, [job for job in book if job.place not in wanted])
        missing = [job for job in jobs if job.place not in done.takes]
        hearing = self._hearing(context, here, done.kept)
        booth = Booth(context, done.rows, voice, done.norm, hearing=hearing, kept=done.kept)
        failed = await booth.speak(missing, total=len(jobs), on_take=lambda _: None)
        return f"{len(jobs) - len(failed)} of {len(places)} chunks are spoken."

    def _hearing(self, context: StepContext, places: Places, kept: Sequence[Take]) -> Hearing | None:
        settings, recogniser = self._tools.settings.hearing, self._tools.recogniser
        if recogniser is None or settings.which == "off":
            return None

        async def on_trouble(error: FoundryError) -> None:
            said = f"The hearing check is off for the rest of this step: {error.sentence()}"
            await context.event("hearing_off", said, level=Level.WARNING, details={"code": error.code})

        return Hearing(settings, recogniser, places.language, on_trouble, kept)

    async def _finish(
        self, context: StepContext, places: Places, voice: Cast, chapters: Sequence[Chapter], jobs: Sequence[ChunkJob]
    ) -> list[Take]:
        """Have the fallback speak what the first voice has not."""
        await self._understudy.tell(context, voice)
        takes = await context.takes()
        spoken = {job.place for job in jobs if (row := takes.get(job.place)) and row.is_of(job.key)}
        rest = [job for job in await self._jobs(context, chapters, voice) if job.place not in spoken]
        done = await self._adopted(context, places, voice, rest)
        for take in done.takes.values():
            self._press.add(take)
        return await self._speak(context, places, voice, rest, done, more=len(spoken))

    async def _cast(self, context: StepContext) -> Cast:
        return await self._understudy.cast(context)

    async def _introduce(self, context: StepContext, voice: Cast) -> None:
        if voice.stands_in_for:
            await self._understudy.tell(context, voice)
        chosen = "" if voice.named else " (chosen by language, accent and gender: the narrator names none)"
        await context.event(
            "voice",
            f"Spoken by {voice.engine_name}, voice {voice.voice}{chosen}.",
            details={"engine": voice.engine_name, "voice": voice.voice, "named": voice.named, "natural": voice.natural},
        )

    async def _jobs(self, context: StepContext, chapters: Sequence[Chapter], voice: Cast) -> list[ChunkJob]:
        chosen = _chosen(context, await context.takes())
        texts = _texts(await context.corrections(), voice)
        return await asyncio.to_thread(_jobs_of, chapters, texts, voice.key_parts(), chosen)

    def _require_space(self, places: Places, missing: Sequence[ChunkJob], voice: Cast) -> None:
        audio_s = speech_seconds(sum(len(job.text) for job in missing), places.language)
        needed = chunk_bytes(audio_s, voice.engine.profile.sample_rate)
        needed += coded_bytes(audio_s, self._tools.settings.bitrate_kbps)
        if missing:
            require_space(places.narrated, needed, "Speaking this book", self._tools.free_bytes)

    def _all_there(self, takes: Sequence[Take]) -> bool:
        for take in takes:
            if take.status is Status.FAILED:
                continue
            try:
                if (self._tools.home / str(take.artifact)).stat().st_size != take.size_bytes:
                    return False
            except OSError:
                return False
        return True

    async def _outcome(self, context: StepContext, voice: Cast, chunks: int, failed: Sequence[Take]) -> StepOutcome:
        takes = await context.takes()
        audio_s = sum((take.samples or 0) / (take.sample_rate or 1) for take in takes.values())
        flagged = sum(1 for take in takes.values() if take.flags and take.status is Status.SUCCESS)
        if failed:
            await context.event(
                "gaps",
                f"{len(failed)} chunks are left out, as ordered.",
                level=Level.WARNING,
                details={"chunks": _places_of(failed)},
            )
        spoken_by = {"engine": voice.engine_name, "voice": voice.voice, "named": voice.named, "natural": voice.natural}
        if voice.stands_in_for:
            spoken_by["substitute"] = {
                "narrator": voice.narrator_name,
                "in_place_of": voice.stands_in_for,
                "reason": voice.reason,
                "chunks": sum(
                    1 for take in takes.values() if (take.engine, take.voice) == (voice.engine_name, voice.voice)
                ),
            }
        money = await self._cashier.bill(context, voice)
        return StepOutcome(
            result={
                "chunks": chunks,
                "gaps": len(failed),
                "audio_s": round(audio_s, 3),
                "spoken_by": spoken_by,
                "sample_rate": voice.engine.profile.sample_rate,
                "chosen": _chosen(context, takes),
            },
            message=f"{chunks - len(failed):,} chunks, {audio_s / 3600:.2f} h of speech, {flagged} flagged.",
            totals={
                "audio_s": round(audio_s, 3),
                "gaps": len(failed),
                "flagged": flagged,
                "spoken_by": spoken_by,
                "money": money,
                "voice_hint": None if voice.natural else _NATURAL_HINT.format(engine=voice.engine_name),
            },
        )


def _chosen(context: StepContext, takes: Mapping[tuple[int, int], Take]) -> dict[str, int]:
    """The number of the take chosen for each text that was ever taken again: also of those the book is without just
    now, for a section left out or a word respelt may come back.
    """
    chosen = {str(name): int(take) for name, take in (context.step.result.get("chosen") or {}).items()}
    for row in takes.values():
        if row.take:
            name = _name(str(row.key_parts.get("text")))
            chosen[name] = max(row.take, chosen.get(name, 0))
    return chosen


def _name(text: str) -> str:
    return short(speech_hash(text))


def _texts(corrections: Corrections, voice: Cast) -> SpokenTexts:
    return SpokenTexts(corrections, ipa=voice.engine.profile.ipa)


def _jobs_of(
    chapters: Sequence[Chapter], texts: SpokenTexts, voice: Mapping[str, Any], chosen: Mapping[str, int]
) -> list[ChunkJob]:
    """The chunks in order; a key hangs on the final text, so that a correction re-speaks only what it touches."""
    jobs = []
    for chapter in chapters:
        for chunk in chapter.chunks:
            said = texts.of(chunk)
            take = chosen.get(_name(said), 0) if chosen else 0
            parts = {"text": said, **voice, "take": take}
            meant = texts.meant(chunk.speech)
            jobs.append(ChunkJob(chapter.number, chunk.index, said, take, key_of(parts), parts, meant))
    return jobs


def _failure(failed: Sequence[Take]) -> ChunksFailed:
    first = failed[0]
    return ChunksFailed(
        f"{len(failed)} chunks could not be spoken; the first is chapter {first.chapter_number}, "
        f"chunk {first.chunk_index}: {first.error}",
        details={"chunks": _places_of(failed)},
    )


def _places_of(takes: Sequence[Take]) -> list[dict[str, Any]]:
    return [
        {"chapter": take.chapter_number, "chunk": take.chunk_index, "error": take.error} for take in takes[:_LISTED]
    ]
