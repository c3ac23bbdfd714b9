"""STEP5: coded chapters become one M4B with marks, cover and tags, and an MP3 a chapter where ordered."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_tui.audio.assemble import write_m4b
from foundry_tui.audio.chapter_packets import ChapterJob, CodedChapter, open_chapter
from foundry_tui.audio.mp3 import BIT_RATE_KBPS as MP3_KBPS
from foundry_tui.audio.mp3 import write_mp3_chapter
from foundry_tui.audio.profiles import profile_named
from foundry_tui.audio.tags import BookTags
from foundry_tui.audio.verify import Expected
from foundry_tui.domain.timing import TimingTable
from foundry_tui.errors import ArtifactBroken
from foundry_tui.pipeline.contract import Progress, StepContext, StepOutcome
from foundry_tui.steps.audio_processing import all_there, file_facts
from foundry_tui.steps.chapter_press import ChapterPress
from foundry_tui.steps.metadata import own_cover
from foundry_tui.steps.parsed import narrated_chapters
from foundry_tui.steps.places import Places
from foundry_tui.steps.space import coded_bytes, require_space
from foundry_tui.steps.timing_file import load_timing
from foundry_tui.steps.toolbox import Toolbox


class FinalCompilation:
    """Muxes; nothing is coded again but the MP3s, where they are ordered."""

    def __init__(self, tools: Toolbox, press: ChapterPress) -> None:
        self._tools = tools
        self._press = press

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """The coded chapters, the timing table, the tags and the cover."""
        processed = context.results["audio_processing"]
        return {
            "coded": [chapter["sha256"] for chapter in processed["coded"]],
            "timing": processed["timing"]["sha256"],
            "tags": dataclasses.asdict(_tags(context)),
            "cover": context.results["metadata"]["cover_sha256"],
            "mp3": self._mp3(context),
        }

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether the finished files are there with their sizes."""
        del context
        files = [result.get("m4b") or {}, *result.get("mp3", [])]
        return await asyncio.to_thread(all_there, self._tools.home, files)

    async def run(self, context: StepContext) -> StepOutcome:
        """Check the space, write the files whole."""
        places = Places.of(self._tools.home, context.production)
        timing = await self._timing(context, places)
        duration_s = timing.seconds(timing.samples)
        self._require_space(places, duration_s, mp3=self._mp3(context))
        cover = await own_cover(self._tools.home, context)
        coded = [self._tools.home / str(c["file"]) for c in context.results["audio_processing"]["coded"]]
        tags, mp3 = _tags(context), self._mp3(context)
        context.progress(Progress(0, 1, "files", message="muxing"))
        try:
            await self._tools.cpu.run(_compile, places.m4b, coded, timing, tags, cover)
            parts = await self._mp3s(context, places, tags, cover) if mp3 else []
        except ArtifactBroken as error:
            await self._send_back(context, error)
            raise
        context.checkpoint()
        m4b = await asyncio.to_thread(file_facts, self._tools.home, places.m4b)
        beside = f", {len(parts)} MP3s" if parts else ""
        return StepOutcome(
            result={"m4b": m4b, "mp3": parts},
            message=f"{places.m4b.name}: {len(coded)} chapters, {duration_s / 3600:.2f} h, "
            f"{m4b['size_bytes'] / 1e6:.1f} MB{beside}.",
            totals={"m4b": m4b["file"], "size_bytes": m4b["size_bytes"], "mp3": len(parts)},
        )

    async def _mp3s(self, context: StepContext, places: Places, tags: BookTags, cover: bytes) -> list[dict[str, Any]]:
        """An MP3 a chapter, mastered from the takes like the M4B."""
        chapters = await narrated_chapters(context, places, self._tools.settings)
        jobs = await asyncio.to_thread(self._press.prepare, places, chapters, await context.takes())
        gate, done = asyncio.Semaphore(self._tools.cpu.processes), 0

        async def one(track: int, job: ChapterJob) -> dict[str, Any]:
            nonlocal done
            path = places.mp3(job.plan.number)
            async with gate:
                context.checkpoint()
                await self._tools.cpu.run(_mp3, job, tags, cover, path, track, len(jobs))
            done += 1
            context.progress(Progress(done, len(jobs), "files", message="MP3"))
            return await asyncio.to_thread(file_facts, self._tools.home, path)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(track, job.job)) for track, job in enumerate(jobs, start=1)]
        return [task.result() for task in tasks]

    async def _timing(self, context: StepContext, places: Places) -> TimingTable:
        try:
            return await asyncio.to_thread(load_timing, places.timing)
        except ArtifactBroken as error:
            await context.send_back("audio_processing", error.message)
            raise

    async def _send_back(self, context: StepContext, error: ArtifactBroken) -> None:
        """A coded chapter that changed on disk is thrown away and coded again."""
        path = Path(str(error.details.get("path", "")))
        if path.parent == Places.of(self._tools.home, context.production).combined:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            await context.send_back("audio_processing", error.message)

    def _mp3(self, context: StepContext) -> bool:
        return bool(context.production.options.get("mp3", self._tools.settings.mp3))

    def _require_space(self, places: Places, duration_s: float, *, mp3: bool) -> None:
        needed = coded_bytes(duration_s, self._tools.settings.bitrate_kbps + (MP3_KBPS if mp3 else 0))
        require_space(places.combined, 2 * needed, "Compiling this book", self._tools.free_bytes)


def _compile(path: Path, coded: Sequence[Path], timing: TimingTable, tags: BookTags, cover: bytes) -> None:
    chapters: list[CodedChapter] = [open_chapter(file) for file in coded]
    write_m4b(path, chapters, timing, tags, cover)


def _mp3(job: ChapterJob, tags: BookTags, cover: bytes, path: Path, track: int, tracks: int) -> None:
    write_mp3_chapter(job, tags, cover, path, track=track, tracks=tracks)


def _tags(context: StepContext) -> BookTags:
    facts = context.results["metadata"]["facts"]
    return BookTags(
        title=facts["title"],
        author=facts["author"],
        narrator=context.narrator.narrator_name,
        year=str(facts["year_published"]) if facts["year_published"] else None,
        genre=facts["genre"] or "Audiobook",
        description=facts["summary"],
        language=facts["language"],
    )


async def expected_file(tools: Toolbox, context: StepContext) -> Expected:
    """What the finished M4B has to prove."""
    places = Places.of(tools.home, context.production)
    return Expected(
        timing=await asyncio.to_thread(load_timing, places.timing),
        tags=_tags(context),
        cover=await own_cover(tools.home, context),
        profile=profile_named(tools.settings.mastering_profile),
    )
