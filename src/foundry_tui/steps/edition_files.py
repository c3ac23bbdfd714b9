"""One edition's file made: plain functions that any process of the pool can run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from foundry_tui.audio.assemble import write_m4a
from foundry_tui.audio.book_stream import write_stream
from foundry_tui.audio.chapter_packets import ChapterJob, open_chapter
from foundry_tui.audio.layout import ChapterPlan, stack
from foundry_tui.audio.mp3 import write_mp3_chapter
from foundry_tui.audio.overlay_epub import SpokenChapter, write_overlay_epub
from foundry_tui.audio.subtitles import cues, to_lrc, to_srt, to_vtt
from foundry_tui.audio.tags import BookTags
from foundry_tui.audio.word_times import book_words
from foundry_tui.domain.chapters import Chapter
from foundry_tui.domain.timing import TimingTable
from foundry_tui.files import temp_beside, write_bytes


def make_mp3(path: Path, job: ChapterJob, tags: BookTags, cover: bytes, track: int, tracks: int, fade_ms: int) -> None:
    """A chapter as MP3."""
    write_mp3_chapter(job, tags, cover, path, track=track, tracks=tracks, fade_ms=fade_ms)


def make_stream(path: Path, kind: str, jobs: Sequence[ChapterJob], tags: BookTags, cover: bytes) -> None:
    """The book as Opus or FLAC."""
    write_stream(path, kind, jobs, stack([job.plan for job in jobs]), tags, cover)


def make_subtitles(
    path: Path,
    kind: str,
    timing: TimingTable,
    plans: Sequence[ChapterPlan],
    texts: Mapping[tuple[int, int], str],
    tags: BookTags,
) -> None:
    """A volume's subtitles, by the engine's words where it gave them."""
    entries = cues(timing, texts, words=book_words(plans, timing))
    if kind == "srt":
        text = to_srt(entries, timing.sample_rate)
    elif kind == "vtt":
        text = to_vtt(entries, timing)
    else:
        text = to_lrc(entries, timing.sample_rate, title=tags.title, author=tags.author)
    write_bytes(path, text.encode("utf-8"))


def make_epub(
    path: Path,
    coded: Sequence[Path],
    plans: Sequence[ChapterPlan],
    chapters: Sequence[Chapter],
    tags: BookTags,
    cover: bytes,
) -> None:
    """The read-along EPUB: the M4B's own packets, a file a chapter, so nothing is coded again."""
    timing = stack(plans)
    texts = {chapter.number: chapter for chapter in chapters}
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = temp_beside(path)
    scratch.mkdir()
    try:
        spoken = []
        for placed, packets in zip(timing.chapters, coded, strict=True):
            audio = scratch / f"{placed.number:03d}.m4a"
            write_m4a(audio, open_chapter(packets), tags)
            spoken.append(SpokenChapter(placed, texts[placed.number].chunks, audio))
        write_overlay_epub(path, spoken, timing.sample_rate, tags, cover, words=book_words(plans, timing))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
