"""STEP7: the proven files go to the library in one move, and the production has its publish date."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_tui.pipeline.contract import StepContext, StepOutcome
from foundry_tui.steps.final_compilation import finished_files, m4bs_of, require_unchanged
from foundry_tui.steps.metadata import own_cover
from foundry_tui.steps.places import Places
from foundry_tui.steps.quality_check import ACX_REPORT
from foundry_tui.steps.timing_file import load_timing
from foundry_tui.steps.toolbox import Toolbox
from foundry_tui.storage import ChapterMark, Edition

_BESIDE = ("epub", "srt", "vtt", "lrc")  # a media server shows these with the book
_APART = ("opus", "flac", "sample")  # it would take these for parts of the book


class Publishing:
    """Hands the edition to the library."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """The files, and what is said of them beside them."""
        compiled = context.results["final_compilation"]
        return {
            "files": [file["sha256"] for file in finished_files(compiled)],
            "facts": context.results["metadata"]["facts"],
            "narrator": context.narrator.narrator_name,
        }

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether every published file is still in the library as it was published."""
        del result
        return await asyncio.to_thread(self._tools.library.published, context.production.audiobook_id) is not None

    async def run(self, context: StepContext) -> StepOutcome:
        """Publish atomically what is still as it was proven."""
        await require_unchanged(self._tools.home, context)
        places = Places.of(self._tools.home, context.production)
        facts = context.results["metadata"]["facts"]
        compiled = context.results["final_compilation"]
        editions = compiled.get("editions") or {}
        timing = await asyncio.to_thread(load_timing, places.timing)
        edition = Edition(
            audiobook_id=context.production.audiobook_id,
            title=facts["title"],
            author=facts["author"],
            narrator=context.narrator.narrator_name,
            language=places.language,
            trash=self._tools.trash(),
            year=facts["year_published"],
            isbn=facts["isbn"],
            genres=tuple(filter(None, [facts["genre"]])),
            summary=facts["summary"],
            files=self._named([*m4bs_of(compiled), *(file for name in _BESIDE for file in editions.get(name, ()))]),
            chapter_files=self._named(editions.get("mp3", ())),
            sets=self._sets(places, editions),
            cover=await own_cover(self._tools.home, context),
            chapters=tuple(
                ChapterMark(chapter.title, timing.seconds(chapter.start), timing.seconds(chapter.end))
                for chapter in timing.chapters
            ),
        )
        published = await asyncio.to_thread(self._tools.library.publish, edition)
        return StepOutcome(
            result={"folder": str(published.folder), "sizes": dict(published.sizes)},
            message=f"Published to {published.folder}.",
            totals={"published": str(published.folder), "files": sorted(published.sizes)},
            published=True,
            manifest_sha=_manifest(m4bs_of(compiled)),
        )

    def _sets(self, places: Places, editions: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, dict[str, Path]]:
        """Folders a media server passes over: the shop's set with its certificate, and the book in other coders."""
        sets = {"editions": self._named([file for name in _APART for file in editions.get(name, ())])}
        if editions.get("acx"):
            page = places.reports / f"{ACX_REPORT}.md"
            sets["acx"] = {**self._named(editions["acx"]), page.name: page}
        return {folder: files for folder, files in sets.items() if files}

    def _named(self, files: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
        """Finished files by the name they are published under."""
        return {
            str(file.get("name") or Path(str(file["file"])).name): self._tools.home / str(file["file"])
            for file in files
        }


def _manifest(m4bs: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of the M4B; of all volumes' hashes where there are several."""
    hashes = [str(file["sha256"]) for file in m4bs]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode("ascii")).hexdigest()
