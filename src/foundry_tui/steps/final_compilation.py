"""STEP5: coded chapters become the M4B, in volumes where it is too long for one, and the editions beside it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_tui.audio.assemble import write_m4b
from foundry_tui.audio.chapter_packets import open_chapter
from foundry_tui.audio.plan_cuts import Volume, volumes
from foundry_tui.audio.profiles import profile_named
from foundry_tui.audio.tags import BookTags
from foundry_tui.audio.verify import Expected
from foundry_tui.domain.editions import EDITIONS
from foundry_tui.domain.keys import key_of
from foundry_tui.domain.space import coded_bytes, editions_kbps
from foundry_tui.domain.timing import TimingTable
from foundry_tui.errors import ArtifactBroken
from foundry_tui.files import sha256_of
from foundry_tui.pipeline.contract import Progress, StepContext, StepOutcome
from foundry_tui.steps.audio_processing import all_there, damaged_takes, file_facts
from foundry_tui.steps.chapter_press import ChapterPress
from foundry_tui.steps.credits import credits_key
from foundry_tui.steps.edition_press import VERSIONS, EditionOrder, EditionPress
from foundry_tui.steps.metadata import own_cover
from foundry_tui.steps.ordered import editions_of, one_file
from foundry_tui.steps.parsed import narrated_chapters
from foundry_tui.steps.places import Places
from foundry_tui.steps.space import require_space
from foundry_tui.steps.timing_file import load_timing
from foundry_tui.steps.toolbox import Toolbox


class FinalCompilation:
    """Muxes the M4B, of which nothing is coded again, and has the editions made."""

    def __init__(self, tools: Toolbox, press: ChapterPress) -> None:
        self._tools = tools
        self._press = press
        self._editions = EditionPress(tools, press)

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """The coded chapters, the timing table, the tags, the cover, and which editions are ordered."""
        processed, settings = context.results["audio_processing"], self._tools.settings
        editions = editions_of(context.production, settings)
        parts: dict[str, Any] = {
            "coded": [chapter["sha256"] for chapter in processed["coded"]],
            "timing": processed["timing"]["sha256"],
            "tags": dataclasses.asdict(book_tags(context)),
            "cover": context.results["metadata"]["cover_sha256"],
            "editions": {name: VERSIONS[name] for name in editions},
            "one_file": one_file(context.production, settings),
        }
        if editions:
            parts |= {"chapters": context.results["parsing"]["key"], **credits_key(context, settings)}
        return parts

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether the finished files are there with their sizes."""
        del context
        return await asyncio.to_thread(all_there, self._tools.home, finished_files(result) or [{}])

    async def run(self, context: StepContext) -> StepOutcome:
        """Check the space, write the files whole."""
        places = Places.of(self._tools.home, context.production)
        timing = await self._timing(context, places)
        editions = editions_of(context.production, self._tools.settings)
        self._require_space(places, timing.seconds(timing.samples), editions)
        cover = await own_cover(self._tools.home, context)
        cut = volumes_of(self._tools, context, timing)
        context.progress(Progress(0, len(cut), "files", message="muxing"))
        try:
            m4bs = [await self._volume(context, places, volume, len(cut), cover) for volume in cut]
            made = await self._made(context, places, editions, cut, cover)
        except ArtifactBroken as error:
            await self._send_back(context, error)
            raise
        context.checkpoint()
        result = {"m4b": m4bs[0], "m4bs": m4bs, "editions": made}
        await asyncio.to_thread(_sweep, self._tools.home, places, finished_files(result))
        return StepOutcome(result=result, message=_told(timing, m4bs, made), totals=_totals(m4bs, made))

    async def _volume(
        self, context: StepContext, places: Places, volume: Volume, of: int, cover: bytes
    ) -> dict[str, Any]:
        """One M4B: as it stands where a former run wrote it from the same parts, else muxed."""
        coded = context.results["audio_processing"]["coded"][volume.first : volume.last + 1]
        tags, path = volume_tags(context, volume, of), places.m4b(volume.number if of > 1 else 0)
        key = key_of(
            {
                "coded": [chapter["sha256"] for chapter in coded],
                "marks": [[c.title, c.start, c.end] for c in volume.timing.chapters],
                "tags": dataclasses.asdict(tags),
                "cover": context.results["metadata"]["cover_sha256"],
            }
        )
        # Asked for by name the step runs anew: muxing is quick, and proves every coded chapter.
        formers = context.step.result.get("m4bs") or () if context.step.input_key is not None else ()
        for former in formers:
            if former.get("key") == key and await asyncio.to_thread(_still, self._tools.home, former):
                return dict(former)
        files = [self._tools.home / str(chapter["file"]) for chapter in coded]
        await self._tools.cpu.run(_compile, path, files, volume.timing, tags, cover)
        return {**await asyncio.to_thread(file_facts, self._tools.home, path), "key": key}

    async def _made(
        self, context: StepContext, places: Places, editions: Sequence[str], cut: Sequence[Volume], cover: bytes
    ) -> dict[str, list[dict[str, Any]]]:
        if not editions:
            return {}
        coded = context.results["audio_processing"]["coded"]
        order = EditionOrder(
            places=places,
            chapters=await narrated_chapters(context, places, self._tools.settings),
            takes=await context.takes(),
            volumes=cut,
            coded=[self._tools.home / str(chapter["file"]) for chapter in coded],
            coded_sha256=[str(chapter["sha256"]) for chapter in coded],
            tags=book_tags(context),
            cover=cover,
            cover_sha256=str(context.results["metadata"]["cover_sha256"]),
        )
        return await self._editions.make(context, editions, order)

    async def _timing(self, context: StepContext, places: Places) -> TimingTable:
        try:
            return await asyncio.to_thread(load_timing, places.timing)
        except ArtifactBroken as error:
            await context.send_back("audio_processing", error.message)
            raise

    async def _send_back(self, context: StepContext, error: ArtifactBroken) -> None:
        """A coded chapter that changed on disk is coded again, a take that did is spoken again."""
        places, path = Places.of(self._tools.home, context.production), Path(str(error.details.get("path", "")))
        if path.parent == places.combined:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            await context.send_back("audio_processing", error.message)
        takes = list((await context.takes()).values())
        damaged = await asyncio.to_thread(damaged_takes, self._tools.home, takes)
        if damaged:
            await context.send_back("audio_generation", error.message, damaged)

    def _require_space(self, places: Places, duration_s: float, editions: Sequence[str]) -> None:
        bitrate_kbps = self._tools.settings.bitrate_kbps
        # The M4B lies there twice for a moment: as it is muxed, and with its index moved to the front.
        needed = coded_bytes(duration_s, 2 * bitrate_kbps + editions_kbps(editions, 2 * bitrate_kbps))
        require_space(places.combined, needed, "Compiling this book", self._tools.free_bytes)


def finished_files(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every file of a compilation's result, the M4B first."""
    editions = result.get("editions") or {}
    return [*m4bs_of(result), *(file for files in editions.values() for file in files)]


async def require_unchanged(home: Path, context: StepContext) -> None:
    """Have a file that is not the one this step wrote written again: it is neither to be judged nor published."""
    for written in finished_files(context.results["final_compilation"]):
        path = home / str(written["file"])
        try:
            now = await asyncio.to_thread(sha256_of, path)
        except OSError:
            now = ""
        if now != written["sha256"]:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            await context.send_back("final_compilation", f"{path.name} is not what was written.")


def m4bs_of(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The M4B, or its volumes; a result of an earlier Foundry names only one."""
    return list(result.get("m4bs") or filter(None, [result.get("m4b")]))


def volumes_of(tools: Toolbox, context: StepContext, timing: TimingTable) -> tuple[Volume, ...]:
    """How the M4B is cut: one volume, or several of whole chapters above what one file should hold."""
    if one_file(context.production, tools.settings):
        return (Volume(1, 0, len(timing.chapters) - 1, timing),)
    return volumes(timing)


def book_tags(context: StepContext) -> BookTags:
    """What the finished files say of themselves."""
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


def volume_tags(context: StepContext, volume: Volume, of: int) -> BookTags:
    """The tags of one volume; the book's own where there is only one."""
    tags = book_tags(context)
    if of == 1:
        return tags
    title = f"{tags.title} ({volume.number}/{of})"
    return dataclasses.replace(tags, title=title, album=tags.title, volume=(volume.number, of))


def expected_m4b(tools: Toolbox, context: StepContext, volume: Volume, of: int, cover: bytes) -> Expected:
    """What a finished M4B has to prove."""
    return Expected(
        timing=volume.timing,
        tags=volume_tags(context, volume, of),
        cover=cover,
        profile=profile_named(tools.settings.mastering_profile),
    )


def _compile(path: Path, coded: Sequence[Path], timing: TimingTable, tags: BookTags, cover: bytes) -> None:
    write_m4b(path, [open_chapter(file) for file in coded], timing, tags, cover)


def _still(home: Path, facts: Mapping[str, Any]) -> bool:
    try:
        return sha256_of(home / str(facts["file"])) == str(facts["sha256"])
    except OSError:
        return False


def _sweep(home: Path, places: Places, files: Sequence[Mapping[str, Any]]) -> None:
    """What earlier compilations left is not needed any more: it can be made again, and what is published is linked."""
    keep = {home / str(file["file"]) for file in files}
    folders = [places.edition(name) for name in EDITIONS]
    for path in [
        *places.combined.glob(f"{places.book_id}*.m4b"),
        *(path for folder in folders if folder.is_dir() for path in folder.iterdir()),
    ]:
        if path not in keep and path.is_file():
            path.unlink(missing_ok=True)
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _told(timing: TimingTable, m4bs: Sequence[Mapping[str, Any]], made: Mapping[str, Sequence[Any]]) -> str:
    size = sum(int(file["size_bytes"]) for file in m4bs)
    name = Path(str(m4bs[0]["file"])).name if len(m4bs) == 1 else f"{len(m4bs)} volumes"
    beside = "".join(f", {len(files)} MP3s" if name == "mp3" else f", {name}" for name, files in made.items())
    hours = timing.seconds(timing.samples) / 3600
    return f"{name}: {len(timing.chapters)} chapters, {hours:.2f} h, {size / 1e6:.1f} MB{beside}."


def _totals(m4bs: Sequence[Mapping[str, Any]], made: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    return {
        "m4b": m4bs[0]["file"],
        "volumes": len(m4bs),
        "size_bytes": sum(int(file["size_bytes"]) for file in m4bs),
        "mp3": len(made.get("mp3", ())),
        "editions": {name: sum(int(file["size_bytes"]) for file in files) for name, files in made.items()},
    }
