"""The press: a chapter whose takes are all there is mastered and coded, while later ones are still spoken.

STEP3 feeds it, STEP4 asks it for every chapter and finds most of them made. A coded chapter is named by the hash of
everything it depends on, so one retake re-codes one chapter, and a zombie's file can do no harm.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from foundry_tui.audio.chapter_packets import (
    ChapterJob,
    CodedChapter,
    code_chapter,
    code_part,
    join_parts,
    open_chapter,
    parts_of,
)
from foundry_tui.audio.layout import ChapterPlan, ChapterSound, TakeSound, book_rate, plan_chapter
from foundry_tui.audio.loudness import chapter_loudness, gain_for
from foundry_tui.audio.measure import Measures
from foundry_tui.audio.profiles import MasteringProfile, profile_named
from foundry_tui.domain.chapters import Chapter
from foundry_tui.domain.keys import key_of
from foundry_tui.domain.status import Status
from foundry_tui.domain.takes import Take
from foundry_tui.errors import ArtifactBroken, FoundryError
from foundry_tui.pipeline.contract import StepContext
from foundry_tui.steps.places import Places
from foundry_tui.steps.toolbox import Toolbox

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PressJob:
    """A chapter ready to be coded, and how much the limiter would have to bite beyond reason."""

    job: ChapterJob
    over_limited_db: float

    @property
    def plan(self) -> ChapterPlan:
        """Where the chapter's takes lie."""
        return self.job.plan


@dataclass(slots=True)
class _Open:
    """A production whose chapters are filling up."""

    places: Places
    chapters: Mapping[int, Chapter]
    takes: dict[tuple[int, int], Take]
    wanting: dict[int, int] = field(default_factory=dict)


class ChapterPress:
    """Codes chapters in the process pool; asking twice for the same one waits for the one run."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools
        self._profile = profile_named(tools.settings.mastering_profile)
        self._running: dict[Path, asyncio.Task[CodedChapter]] = {}
        self._open: dict[str, _Open] = {}

    def begin(
        self, context: StepContext, places: Places, chapters: Sequence[Chapter], done: Mapping[tuple[int, int], Take]
    ) -> None:
        """Open a production with the takes it has already; whole chapters go to the press at once."""
        order = _Open(places, {chapter.number: chapter for chapter in chapters}, dict(done))
        for chapter in chapters:
            missing = sum((chapter.number, chunk.index) not in done for chunk in chapter.chunks)
            order.wanting[chapter.number] = missing
            if not missing:
                self._ahead(order, chapter)
        self._open[context.production.audiobook_id] = order

    def add(self, take: Take) -> None:
        """A new take of an open production; the last one of a chapter sends it to the press."""
        order = self._open[take.audiobook_id]
        order.takes[take.place] = take
        order.wanting[take.chapter_number] -= 1
        if order.wanting[take.chapter_number] == 0:
            self._ahead(order, order.chapters[take.chapter_number])

    def close(self, audiobook_id: str) -> None:
        """Forget an open production; what is in the press goes on."""
        self._open.pop(audiobook_id, None)

    def prepare(
        self,
        places: Places,
        chapters: Iterable[Chapter],
        takes: Mapping[tuple[int, int], Take],
        profile: MasteringProfile | None = None,
    ) -> list[PressJob]:
        """Plan and level chapters from what was measured of their takes; no sound is read. Blocking.

        By the house's mastering profile, or another one for an edition that asks for it.
        """
        profile = profile or self._profile
        sounds = [(chapter, *self._sound(chapter, takes)) for chapter in chapters]
        rate = book_rate(take for _, sound, _ in sounds for take in sound.takes)
        jobs = []
        for _, sound, measures in sounds:
            if not sound.takes:
                continue
            plan = plan_chapter(sound, rate, profile)
            gain = gain_for(chapter_loudness(plan, measures, profile), profile)
            job = ChapterJob(
                book_id=places.book_id,
                plan=plan,
                gain_db=gain.gain_db,
                profile=profile,
                out_path=places.combined,
                bit_rate=self._tools.settings.bitrate_kbps * 1000,
            )
            out_path = places.coded_chapter(plan.number, key_of(job.key_parts()))
            jobs.append(PressJob(dataclasses.replace(job, out_path=out_path), gain.over_limited_db))
        return jobs

    async def coded(self, job: ChapterJob) -> CodedChapter:
        """The coded chapter: found, waited for, or made now. Raises what coding raises (ArtifactBroken, DiskFull)."""
        running = self._running.get(job.out_path)
        if running is None:
            running = asyncio.create_task(self._code(job))
            self._running[job.out_path] = running
            running.add_done_callback(lambda _: self._running.pop(job.out_path, None))
        return await asyncio.shield(running)

    async def _code(self, job: ChapterJob) -> CodedChapter:
        try:
            return await asyncio.to_thread(open_chapter, job.out_path)
        except ArtifactBroken:
            parts = parts_of(job)
        if len(parts) == 1:
            return await self._tools.cpu.run(code_chapter, job)
        # A long chapter is not left to one core; the parts' borders lie on the timeline, so the bytes are the same.
        await asyncio.gather(*(self._tools.cpu.run(code_part, part) for part in parts))
        return await self._tools.cpu.run(join_parts, job)

    def _ahead(self, order: _Open, chapter: Chapter) -> None:
        """Code a chapter before anyone asks; a failure is told when STEP4 asks and meets it again."""

        async def code() -> None:
            try:
                for ready in await asyncio.to_thread(self.prepare, order.places, [chapter], order.takes):
                    await self.coded(ready.job)
            except FoundryError as error:
                _log.info("chapter %s could not be coded ahead: %s", chapter.number, error.code)

        task = asyncio.create_task(code())
        _KEPT.add(task)
        task.add_done_callback(_KEPT.discard)

    def _sound(self, chapter: Chapter, takes: Mapping[tuple[int, int], Take]) -> tuple[ChapterSound, list[Measures]]:
        sounds, measures = [], []
        for chunk in chapter.chunks:
            take = takes.get((chapter.number, chunk.index))
            if take is None or take.status is not Status.SUCCESS:
                continue  # a gap, as ordered; STEP3 has listed it
            measured = Measures.from_json(take.metrics)
            sounds.append(_take_sound(self._tools.home, take, measured, chunk.pause_after_ms))
            measures.append(measured)
        return ChapterSound(chapter.number, chapter.title, tuple(sounds)), measures


_KEPT: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly


def _take_sound(home: Path, take: Take, measures: Measures, pause_after_ms: int) -> TakeSound:
    return TakeSound(
        chunk_index=take.chunk_index,
        path=home / str(take.artifact),
        sha256=str(take.sha256),
        samples=int(take.samples or 0),
        sample_rate=int(take.sample_rate or 0),
        lead_ms=measures.lead_ms,
        tail_ms=measures.tail_ms,
        pause_after_ms=pause_after_ms,
    )
