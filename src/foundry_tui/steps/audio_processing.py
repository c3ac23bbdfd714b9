"""STEP4: pauses laid out, loudness levelled, every chapter mastered and coded, the one timing table written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_tui.audio.chapter_packets import CodedChapter, coding_version
from foundry_tui.audio.layout import stack
from foundry_tui.audio.profiles import profile_named
from foundry_tui.domain.chapters import Chapter
from foundry_tui.domain.keys import key_of
from foundry_tui.domain.status import Level, Status
from foundry_tui.domain.takes import Take
from foundry_tui.errors import ArtifactBroken
from foundry_tui.files import sha256_of
from foundry_tui.pipeline.contract import Progress, StepContext, StepOutcome
from foundry_tui.steps.chapter_press import ChapterPress, PressJob
from foundry_tui.steps.parsed import narrated_chapters
from foundry_tui.steps.places import Places
from foundry_tui.steps.timing_file import save_timing
from foundry_tui.steps.toolbox import Toolbox


class AudioProcessing:
    """Takes the press's chapters, and lays them on one timeline."""

    def __init__(self, tools: Toolbox, press: ChapterPress) -> None:
        self._tools = tools
        self._press = press

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """The takes as they are on disk, the pauses (in the chapters) and the mastering profile."""
        takes = await context.takes()
        settings = self._tools.settings
        return {
            "chapters": context.results["parsing"]["key"],
            "takes": key_of({f"{c}.{i}": take.sha256 for (c, i), take in sorted(takes.items())}),
            "profile": profile_named(settings.mastering_profile).key_parts(),
            "bitrate_kbps": settings.bitrate_kbps,
            "coding": coding_version(),
        }

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether the timing table and every coded chapter are there with their sizes."""
        del context
        files = [result.get("timing") or {}, *result.get("coded", [])]
        return await asyncio.to_thread(all_there, self._tools.home, files)

    async def run(self, context: StepContext) -> StepOutcome:
        """Prepare, code what is not coded yet, write the timing table."""
        places = Places.of(self._tools.home, context.production)
        chapters = await narrated_chapters(context, places, self._tools.settings)
        takes = await context.takes()
        await self._require_all(context, chapters, takes)
        jobs = await asyncio.to_thread(self._press.prepare, places, chapters, takes)
        await self._warn(context, jobs)
        coded = await self._coded(context, jobs, takes)
        timing = stack([job.plan for job in jobs])
        await asyncio.to_thread(save_timing, places.timing, timing)
        await asyncio.to_thread(_sweep, places.combined, {chapter.path for chapter in coded})
        audio_s = timing.seconds(timing.samples)
        return StepOutcome(
            result={
                "timing": file_facts(self._tools.home, places.timing),
                "coded": [_coded_facts(self._tools.home, chapter) for chapter in coded],
                "sample_rate": timing.sample_rate,
                "samples": timing.samples,
            },
            message=f"{len(coded)} chapters mastered, {audio_s / 3600:.2f} h.",
            totals={"duration_s": round(audio_s, 3)},
        )

    async def _require_all(
        self, context: StepContext, chapters: Sequence[Chapter], takes: Mapping[tuple[int, int], Take]
    ) -> None:
        """Only the gaps that the speaking step has told of are left out; anything else unspoken goes back to it."""
        good = {place for place, take in takes.items() if take.status is Status.SUCCESS}
        unspoken = sum((chapter.number, chunk.index) not in good for chapter in chapters for chunk in chapter.chunks)
        if unspoken != context.results["audio_generation"].get("gaps", 0):
            await context.send_back("audio_generation", f"{unspoken} chunks have no sound.")

    async def _warn(self, context: StepContext, jobs: Sequence[PressJob]) -> None:
        for job in jobs:
            if job.over_limited_db > 0:
                await context.event(
                    "over_limited",
                    f"Chapter {job.plan.number} is so uneven that its peaks are pressed {job.over_limited_db:.1f} dB "
                    "further than is good.",
                    level=Level.WARNING,
                )

    async def _coded(
        self, context: StepContext, jobs: Sequence[PressJob], takes: Mapping[tuple[int, int], Take]
    ) -> list[CodedChapter]:
        done = 0

        async def one(job: PressJob) -> CodedChapter:
            nonlocal done
            context.checkpoint()
            # What was found is no progress: a chapter that fails every time must use its attempts up.
            found = await asyncio.to_thread(job.job.out_path.is_file)
            coded = await self._press.coded(job.job)
            done += 1
            context.progress(Progress(done, len(jobs), "chapters", coded.samples / coded.sample_rate))
            if not found:
                await context.durable()
            return coded

        # Longest first, so that no long chapter is left for the end; as many at once as the pool takes, so that a
        # drain never waits for more than those.
        gate = asyncio.Semaphore(self._tools.cpu.processes)

        async def gated(job: PressJob) -> CodedChapter:
            async with gate:
                return await one(job)

        order = sorted(jobs, key=lambda job: -job.plan.samples)
        results = await asyncio.gather(*(gated(job) for job in order), return_exceptions=True)
        errors = [error for error in results if isinstance(error, BaseException)]
        broken = [error for error in errors if isinstance(error, ArtifactBroken)]
        if broken:
            await self._send_back(context, broken, takes)
        if errors:
            raise errors[0]
        coded = [chapter for chapter in results if isinstance(chapter, CodedChapter)]
        return sorted(coded, key=lambda chapter: chapter.number)

    async def _send_back(
        self, context: StepContext, broken: Sequence[ArtifactBroken], takes: Mapping[tuple[int, int], Take]
    ) -> None:
        """Chunks that no longer hold what was written are spoken again; the first of a chapter found names them all."""
        damaged = await asyncio.to_thread(damaged_takes, self._tools.home, list(takes.values()))
        if damaged:
            await context.send_back("audio_generation", broken[0].message, damaged)


def damaged_takes(home: Path, takes: Sequence[Take]) -> list[tuple[int, int]]:
    """Places of the takes whose files are gone or no longer hold what was written."""
    places = []
    for take in takes:
        if take.status is not Status.SUCCESS:
            continue
        try:
            if sha256_of(home / str(take.artifact)) == take.sha256:
                continue
        except OSError:
            pass  # gone is as bad as changed
        places.append(take.place)
    return places


def _sweep(folder: Path, keep: set[Path]) -> None:
    """Coded chapters of earlier takes, and parts of them, are not needed any more; the chunks make them again."""
    for path in (*folder.glob("*.packets"), *folder.glob("*.packets.part*")):
        if path not in keep:
            path.unlink(missing_ok=True)


def _coded_facts(home: Path, chapter: CodedChapter) -> dict[str, Any]:
    return {
        "number": chapter.number,
        "file": chapter.path.relative_to(home).as_posix(),
        "sha256": chapter.sha256,
        "size_bytes": chapter.size_bytes,
        "gain_db": chapter.gain_db,
        "levels": chapter.levels,
    }


def file_facts(home: Path, path: Path) -> dict[str, Any]:
    """A file as results keep it: relative to the home, with hash and size."""
    return {
        "file": path.relative_to(home).as_posix(),
        "sha256": sha256_of(path),
        "size_bytes": path.stat().st_size,
    }


def all_there(home: Path, files: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every file of ``files`` (as file_facts gives them) is there with its size."""
    try:
        return all((home / str(file["file"])).stat().st_size == file["size_bytes"] for file in files)
    except (OSError, KeyError):
        return False
