"""Takes that stand already are found again: by row, by key wherever the chunk moved, by the file's own tags."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from foundry_tui.audio.check import VoiceNorm, check
from foundry_tui.audio.measure import Measures, measure
from foundry_tui.audio.take_file import KEY_TAG, inspect_take, read_take
from foundry_tui.domain.status import Level, Status
from foundry_tui.domain.takes import Take
from foundry_tui.errors import ArtifactBroken
from foundry_tui.files import replacing, sha256_of
from foundry_tui.pipeline.contract import StepContext
from foundry_tui.steps.chunk_jobs import ChunkJob, TakeRows

_LISTED = 20


class Adoption:
    """Finds the finished takes of a production's chunks, so that nothing intact is spoken twice."""

    def __init__(self, home: Path, context: StepContext, rows: TakeRows, norm: VoiceNorm) -> None:
        self._home = home
        self._context = context
        self._rows = rows
        self._norm = norm

    async def adopt(self, jobs: Sequence[ChunkJob]) -> dict[tuple[int, int], Take]:
        """The takes that stand, by place; rows of those found elsewhere are written, and the voice's norm learns."""
        rows = await self._context.takes()
        kept = await asyncio.to_thread(self._standing, jobs, rows)
        wanting = [job for job in jobs if job.place not in kept]
        found = await self._context.find_takes([job.key for job in wanting])
        adopted = await asyncio.to_thread(self._brought_over, wanting, found)
        if adopted:
            await self._context.record(adopted)
        await self._tell([take for take in adopted if found.get(take.input_key) is None])
        kept.update({take.place: take for take in adopted})
        await asyncio.to_thread(self._learn, jobs, kept)
        return kept

    async def _tell(self, from_files: Sequence[Take]) -> None:
        if not from_files:
            return
        await self._context.event(
            "taken_up",
            f"Chunks that lay on the disk without a row, as after a power cut: {len(from_files):,}. Their files name "
            "key and text, so they are taken up and not spoken again.",
            level=Level.WARNING,
            details={"chunks": [[take.chapter_number, take.chunk_index] for take in from_files[:_LISTED]]},
        )

    async def missing(self, jobs: Sequence[ChunkJob]) -> list[ChunkJob]:
        """The chunks that ``adopt`` would find no take for; nothing is written or brought over."""
        rows = await self._context.takes()
        kept = await asyncio.to_thread(self._standing, jobs, rows)
        wanting = [job for job in jobs if job.place not in kept]
        found = await self._context.find_takes([job.key for job in wanting])
        return await asyncio.to_thread(self._nowhere, wanting, found)

    def _nowhere(self, jobs: Iterable[ChunkJob], found: Mapping[str, Take]) -> list[ChunkJob]:
        def there(job: ChunkJob) -> bool:
            row = found.get(job.key)
            stands = row is not None and is_there(self._home, row) and _holds(self._home / str(row.artifact), row)
            return stands or self._from_file(job) is not None

        return [job for job in jobs if not there(job)]

    async def known(self, jobs: Sequence[ChunkJob]) -> list[Take]:
        """The takes of chunks that somebody else sees to, from their rows alone; the voice's norm learns."""
        rows = await self._context.takes()
        good = {job.place: row for job in jobs if (row := rows.get(job.place)) is not None and row.is_of(job.key)}
        await asyncio.to_thread(self._learn, jobs, good)
        return list(good.values())

    def _learn(self, jobs: Sequence[ChunkJob], kept: Mapping[tuple[int, int], Take]) -> None:
        for job in jobs:
            if job.place in kept:
                self._norm.learn(Measures.from_json(kept[job.place].metrics), job.text)

    def _standing(self, jobs: Iterable[ChunkJob], rows: Mapping[tuple[int, int], Take]) -> dict[tuple[int, int], Take]:
        kept = {}
        for job in jobs:
            row = rows.get(job.place)
            if row is not None and row.input_key == job.key and is_there(self._home, row):
                kept[job.place] = row
        return kept

    def _brought_over(self, jobs: Iterable[ChunkJob], found: Mapping[str, Take]) -> list[Take]:
        adopted = []
        for job in jobs:
            take = self._from_row(job, found.get(job.key)) or self._from_file(job)
            if take is not None:
                adopted.append(take)
        return adopted

    def _from_row(self, job: ChunkJob, row: Take | None) -> Take | None:
        if row is None or not is_there(self._home, row):
            return None
        there, wanted = self._home / str(row.artifact), self._rows.places.chunk(job.key)
        if not _holds(there, row):
            return None
        if there != wanted:
            with replacing(wanted) as temp:
                _link_or_copy(there, temp)
        return dataclasses.replace(
            row,
            audiobook_id=self._rows.audiobook_id,
            chapter_number=job.chapter_number,
            chunk_index=job.chunk_index,
            artifact=self._rows.places.relative(wanted),
        )

    def _from_file(self, job: ChunkJob) -> Take | None:
        """A file whose row was lost (a power cut): believed if its own tags name this very key and it decodes."""
        path = self._rows.places.chunk(job.key)
        if not path.is_file():
            return None
        try:
            kept = inspect_take(path)
            if kept.tags.get(KEY_TAG) != job.key:
                return None
            measures = measure(read_take(path, kept.sha256), kept.sample_rate)
        except ArtifactBroken:
            return None
        flags = tuple(flag.name for flag in check(measures, job.text, self._norm))
        return self._rows.good(job, kept, measures, flags, attempts=1)


def is_there(home: Path, take: Take) -> bool:
    """Whether a good take's file is there with its size."""
    if take.status is not Status.SUCCESS or take.artifact is None:
        return False
    try:
        return (home / take.artifact).stat().st_size == take.size_bytes
    except OSError:
        return False


def _holds(path: Path, take: Take) -> bool:
    """Whether the file is still what the row says: damage must not come back through another production's row."""
    try:
        return sha256_of(path) == take.sha256
    except OSError:
        return False


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
