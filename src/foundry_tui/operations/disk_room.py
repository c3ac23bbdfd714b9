"""How much disk the queue will still need, against what is free: asked by ``queue`` and the console's header."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundry_tui.domain.editions import ordered_editions
from foundry_tui.domain.languages import understood
from foundry_tui.domain.productions import Production
from foundry_tui.domain.queue import QueueRow
from foundry_tui.domain.space import (
    chunk_bytes,
    coded_bytes,
    editions_kbps,
    speech_seconds,
    speech_seconds_of_words,
)
from foundry_tui.domain.status import Status
from foundry_tui.errors import UsageError
from foundry_tui.settings import AudioSettings
from foundry_tui.store.database import Database
from foundry_tui.store.queue import queue

_RATE = 24_000  # what most engines speak at
_SHARE_OF_SOURCE = {".epub": 2.0, ".docx": 2.5, ".html": 0.9, ".htm": 0.9, ".xhtml": 0.9}  # characters a byte
_DONE_AFTER = {"audio_generation": 3, "audio_processing": 4, "final_compilation": 5}


@dataclass(frozen=True, slots=True)
class RoomNeeded:
    """Bytes still to be written, by production and in all, and what is free for them; None: not known."""

    by_id: Mapping[str, int | None] = field(default_factory=dict)
    free_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """All productions whose need is known."""
        return sum(needed for needed in self.by_id.values() if needed)

    @property
    def enough(self) -> bool:
        """Whether all of it fits."""
        return self.total_bytes <= self.free_bytes

    def sentence(self) -> str:
        """For an operator."""
        needed, free = _gb(self.total_bytes), _gb(self.free_bytes)
        ending = "" if self.enough else " That will not do: free some with `foundry-tui clean`."
        return f"What is queued needs about {needed} more; {free} are free.{ending}"


class DiskRoom:
    """Reckons from what is known of each production: its sound, else its words, else the size of its source."""

    def __init__(self, database: Database, home: Path, library: Path, audio: AudioSettings) -> None:
        self._database = database
        self._home = home
        self._library = library
        self._audio = audio

    async def needed(self, rows: Sequence[QueueRow] | None = None) -> RoomNeeded:
        """Of these rows of the queue, or of all that is pending or being made."""
        if rows is None:
            async with self._database.read() as connection:
                rows = await queue(connection, statuses=(Status.PENDING, Status.PROCESSING))
        return await asyncio.to_thread(self._reckoned, rows)

    def _reckoned(self, rows: Sequence[QueueRow]) -> RoomNeeded:
        copies = not _same_disk(self._home, self._library)
        by_id = {row.audiobook_id: self._of(row, copies=copies) for row in rows}
        return RoomNeeded(by_id, shutil.disk_usage(_existing(self._home)).free)

    def _of(self, row: QueueRow, *, copies: bool) -> int | None:
        made = row.production
        audio_s = self._seconds(made)
        if audio_s is None:
            return None
        done = row.steps_done
        kbps = self._audio.bitrate_bps // 1000
        spoken = 1.0 if done >= _DONE_AFTER["audio_generation"] else _part(row)
        finished = coded_bytes(audio_s, kbps + editions_kbps(_editions(made, self._audio), kbps))
        needed = int(chunk_bytes(audio_s, _RATE) * (1.0 - spoken))
        if done < _DONE_AFTER["audio_processing"]:
            needed += int(coded_bytes(audio_s, kbps) * (1.0 - spoken if done == 2 else 1.0))
        if done < _DONE_AFTER["final_compilation"]:
            needed += finished
        return needed + (finished if copies else 0)

    def _seconds(self, made: Production) -> float | None:
        totals = made.totals
        for name in ("duration_s", "audio_s"):
            if totals.get(name):
                return float(totals[name])
        if totals.get("words"):
            return speech_seconds_of_words(int(totals["words"]))
        folder = self._home / "foundry" / made.book_id
        sources = [path for path in folder.glob(f"{made.book_id}.*") if path.is_file()]
        if not sources:
            return None
        characters = sources[0].stat().st_size * _SHARE_OF_SOURCE.get(sources[0].suffix.lower(), 1.0)
        try:
            return speech_seconds(int(characters), understood(made.language))
        except UsageError:  # raw SQL may hold any word
            return None


def _part(row: QueueRow) -> float:
    """How much of the speaking is done, from the progress of the step that does it."""
    progress: Mapping[str, Any] = row.progress
    if row.step_name != "audio_generation" or not progress.get("total"):
        return 0.0
    return min(1.0, float(progress.get("done") or 0) / float(progress["total"]))


def _editions(made: Production, audio: AudioSettings) -> Sequence[str]:
    try:
        return ordered_editions(made.options, audio.editions, mp3=audio.mp3)
    except UsageError:  # raw SQL may hold any word; the step that makes them will say so
        return ()


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _same_disk(home: Path, library: Path) -> bool:
    return _existing(home).stat().st_dev == _existing(library).stat().st_dev


def _gb(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
