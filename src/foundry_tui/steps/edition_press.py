"""The editions beside the M4B: each file under its own key, made in the process pool, found again where it stands.

A file's name carries its key, so what is there is what was asked for: a changed list of editions makes only the new
one, a retake only the files it is heard in, and a crash loses none that is finished.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from foundry_tui.audio import mp3
from foundry_tui.audio.chapter_packets import ChapterJob
from foundry_tui.audio.plan_cuts import SHORTEST_SAMPLE_S, Volume, sample_of, split_for_files
from foundry_tui.audio.profiles import PROFILES, profile_named
from foundry_tui.audio.tags import BookTags
from foundry_tui.audio.voice_norm import letters
from foundry_tui.domain.chapters import Chapter
from foundry_tui.domain.keys import key_of, short
from foundry_tui.domain.takes import Take
from foundry_tui.errors import FoundryError
from foundry_tui.files import sha256_of
from foundry_tui.pipeline.contract import Progress, StepContext
from foundry_tui.steps import edition_files
from foundry_tui.steps.chapter_press import ChapterPress
from foundry_tui.steps.places import Places
from foundry_tui.steps.toolbox import Toolbox

ACX = PROFILES["acx"]
SAMPLE_FADE_MS = 1000
SUBTITLES = ("srt", "vtt", "lrc")
_STREAM = f"av-{av.__version__}/1"
VERSIONS: Mapping[str, str] = {
    "mp3": mp3.CODING,
    "opus": _STREAM,
    "flac": _STREAM,
    **dict.fromkeys(SUBTITLES, "words/1"),
    "epub": "words/1",
    "acx": mp3.CODING,
    "sample": mp3.CODING,
}
_LONG = frozenset({"opus", "flac"})
# What stands before a story begins: no sample of it.
_BEFORE = frozenset(
    {"credits", "preface", "introduction", "foreword", "note", "dedication letter", "cast", "appendix", "afterword"}
)


@dataclass(frozen=True, slots=True)
class EditionOrder:
    """What editions are made of. ``coded`` are the coded chapters' files, in the order of the timing table."""

    places: Places
    chapters: Sequence[Chapter]
    takes: Mapping[tuple[int, int], Take]
    volumes: Sequence[Volume]
    coded: Sequence[Path]
    coded_sha256: Sequence[str]
    tags: BookTags
    cover: bytes
    cover_sha256: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """One file: ``name`` is what it is published as, ``facts`` what its check has to know."""

    edition: str
    name: str
    key: str
    make: Callable[..., None]
    args: tuple[Any, ...]
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def path(self, places: Places) -> Path:
        """Where it is made."""
        stem, _, ending = self.name.rpartition(".")
        return places.edition(self.edition) / f"{stem}_{short(self.key)}.{ending}"


class EditionPress:
    """Makes what is not there yet, as many files at once as the pool takes."""

    def __init__(self, tools: Toolbox, press: ChapterPress) -> None:
        self._tools = tools
        self._press = press

    async def make(
        self, context: StepContext, editions: Sequence[str], order: EditionOrder
    ) -> dict[str, list[dict[str, Any]]]:
        """The files of every edition, as results keep them. Raises what making raises: ArtifactBroken, DiskFull."""
        if not editions:
            return {}
        pieces = await asyncio.to_thread(lambda: [*self._pieces(editions, order)])
        pieces.sort(key=lambda piece: piece.edition not in _LONG)  # a whole book in one piece is not left for the end
        gate, done = asyncio.Semaphore(self._tools.cpu.processes), 0
        former = {
            str(file.get("file")): str(file.get("sha256"))
            for files in (context.step.result.get("editions") or {}).values()
            for file in files
        }

        def told(names: Iterable[str]) -> None:
            context.progress(Progress(done, len(pieces), "files", message=", ".join(dict.fromkeys(names))))

        at_work: list[str] = []

        async def one(piece: _Piece) -> dict[str, Any]:
            nonlocal done
            path = piece.path(order.places)
            async with gate:
                context.checkpoint()
                facts = await asyncio.to_thread(self._standing, path, former)
                if facts is None:
                    at_work.append(piece.edition)
                    told(at_work)  # a whole book in one piece takes minutes: what is being made is said at once
                    try:
                        await self._tools.cpu.run(piece.make, path, *piece.args)
                    finally:
                        at_work.remove(piece.edition)
                    facts = await asyncio.to_thread(self._facts, path)
                    await context.durable()
            done += 1
            told(at_work or [piece.edition])
            return {**facts, "name": piece.name, "key": piece.key, **piece.facts}

        results = await asyncio.gather(*(one(piece) for piece in pieces), return_exceptions=True)
        errors = [error for error in results if isinstance(error, BaseException)]
        if errors:
            raise next((error for error in errors if isinstance(error, FoundryError)), errors[0])
        made: dict[str, list[dict[str, Any]]] = {edition: [] for edition in editions}
        for piece, facts in zip(pieces, results, strict=True):
            assert isinstance(facts, dict)
            made[piece.edition].append(facts)
        return made

    def _facts(self, path: Path) -> dict[str, Any]:
        return {
            "file": path.relative_to(self._tools.home).as_posix(),
            "sha256": sha256_of(path),
            "size_bytes": path.stat().st_size,
        }

    def _standing(self, path: Path, former: Mapping[str, str]) -> dict[str, Any] | None:
        """A file found under its key; one that is not what a former run wrote is made again."""
        if not path.is_file():
            return None
        facts = self._facts(path)
        known = former.get(str(facts["file"]))
        return facts if known in {None, facts["sha256"]} else None

    def _pieces(self, editions: Sequence[str], order: EditionOrder) -> Iterator[_Piece]:
        jobs = [job.job for job in self._press.prepare(order.places, order.chapters, order.takes)]
        acx: list[ChapterJob] = []
        if "acx" in editions:
            prepared = self._press.prepare(order.places, order.chapters, order.takes, ACX)
            acx = [job.job for job in prepared]
        for edition in editions:
            if edition == "mp3":
                named = [(f"{order.places.book_id}_chapter_{job.plan.number:03d}.mp3", job) for job in jobs]
                yield from _mp3s(edition, named, order)
            elif edition == "acx":
                parts = [dataclasses.replace(job, plan=plan) for job in acx for plan in split_for_files(job.plan, ACX)]
                named = [(f"{order.places.book_id}_{track:03d}.mp3", job) for track, job in enumerate(parts, start=1)]
                yield from _mp3s(edition, named, order)
                yield _sample(edition, acx, order)
            elif edition == "sample":
                yield _sample(edition, jobs, order)
            elif edition in SUBTITLES:
                yield from _subtitles(edition, jobs, order)
            elif edition == "epub":
                yield _epub(jobs, order)
            else:
                yield _stream(edition, jobs, order)


def _mp3s(edition: str, named: Sequence[tuple[str, ChapterJob]], order: EditionOrder) -> Iterator[_Piece]:
    for track, (name, job) in enumerate(named, start=1):
        yield _mp3(edition, name, job, order, track, len(named), fade_ms=0)


def _mp3(
    edition: str, name: str, job: ChapterJob, order: EditionOrder, track: int, tracks: int, *, fade_ms: int
) -> _Piece:
    parts = {
        "sound": job.key_parts(),
        "title": job.plan.title,
        "tags": dataclasses.asdict(order.tags),
        "cover": order.cover_sha256,
        "track": [track, tracks],
        "fade_ms": fade_ms,
        "version": VERSIONS[edition],
    }
    facts = {
        "title": job.plan.title,
        "number": job.plan.number,
        "track": track,
        "seconds": round(job.plan.samples / job.plan.sample_rate, 3),
        "sample": fade_ms > 0,
    }
    args = (job, order.tags, order.cover, track, tracks, fade_ms)
    return _Piece(edition, name, key_of(parts), edition_files.make_mp3, args, facts)


def _sample(edition: str, jobs: Sequence[ChapterJob], order: EditionOrder) -> _Piece:
    """The beginning of the first real chapter, ended at a sentence, faded in and out."""
    kinds = {chapter.number: chapter for chapter in order.chapters}
    story = [job for job in jobs if kinds[job.plan.number].kind not in _BEFORE] or list(jobs)
    long_enough = [job for job in story if job.plan.samples >= SHORTEST_SAMPLE_S * job.plan.sample_rate]
    job = long_enough[0] if long_enough else max(story, key=lambda job: job.plan.samples)
    closing = {chunk.index for chunk in kinds[job.plan.number].chunks if _closes(chunk.text)}
    plan = sample_of(job.plan, job.profile, closing=closing)
    plan = dataclasses.replace(plan, title=f"{order.tags.title} (sample)")
    name = f"{order.places.book_id}_sample.mp3"
    return _mp3(edition, name, dataclasses.replace(job, plan=plan), order, 1, 1, fade_ms=SAMPLE_FADE_MS)


def _closes(text: str) -> bool:
    """Whether a chunk ends where a sentence does."""
    return text.rstrip(" \"'”’»)]」』）").endswith((".", "!", "?", "…", "。", "！", "？"))


def _stream(edition: str, jobs: Sequence[ChapterJob], order: EditionOrder) -> _Piece:
    parts = {
        "sound": [job.key_parts() for job in jobs],
        "titles": [job.plan.title for job in jobs],
        "tags": dataclasses.asdict(order.tags),
        "cover": order.cover_sha256,
        "version": VERSIONS[edition],
    }
    args = (edition, jobs, order.tags, order.cover)
    return _Piece(edition, f"{order.places.book_id}.{edition}", key_of(parts), edition_files.make_stream, args)


def _subtitles(edition: str, jobs: Sequence[ChapterJob], order: EditionOrder) -> Iterator[_Piece]:
    texts = texts_of(order.chapters)
    for volume in order.volumes:
        first = volume.timing.chapters[0].number
        last = volume.timing.chapters[-1].number
        plans = [job.plan for job in jobs if first <= job.plan.number <= last]
        parts = {
            "timing": [[c.number, c.title, c.start, c.end] for c in volume.timing.chapters],
            "takes": [[take.sha256, take.start] for plan in plans for take in plan.takes],
            "texts": key_of({f"{c}.{i}": text for (c, i), text in texts.items()}),
            "tags": [order.tags.title, order.tags.author],
            "version": VERSIONS[edition],
        }
        stem = order.places.m4b_name(volume.number if len(order.volumes) > 1 else 0).removesuffix(".m4b")
        args = (edition, volume.timing, plans, texts, order.tags)
        facts = {"volume": volume.number}
        yield _Piece(edition, f"{stem}.{edition}", key_of(parts), edition_files.make_subtitles, args, facts)


def _epub(jobs: Sequence[ChapterJob], order: EditionOrder) -> _Piece:
    parts = {
        "coded": list(order.coded_sha256),
        "takes": [[take.sha256, take.start] for job in jobs for take in job.plan.takes],
        "texts": [[chapter.title, [[c.text, c.kind] for c in chapter.chunks]] for chapter in order.chapters],
        "tags": dataclasses.asdict(order.tags),
        "cover": order.cover_sha256,
        "version": VERSIONS["epub"],
    }
    args = (list(order.coded), [job.plan for job in jobs], list(order.chapters), order.tags, order.cover)
    return _Piece("epub", f"{order.places.book_id}.epub", key_of(parts), edition_files.make_epub, args)


def texts_of(chapters: Sequence[Chapter]) -> dict[tuple[int, int], str]:
    """Every chunk's printed text, but of those with nothing to say."""
    return {
        (chapter.number, chunk.index): chunk.text
        for chapter in chapters
        for chunk in chapter.chunks
        if letters(chunk.text)
    }


def profile_of(edition: str, house: str) -> Any:
    """The mastering profile an edition keeps: ACX's own, or the house's."""
    return ACX if edition == "acx" else profile_named(house)
