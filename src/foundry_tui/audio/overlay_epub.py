"""An EPUB 3 that reads aloud: text and narration side by side, sentence by sentence (EPUB Media Overlays 3.3).

One XHTML, one SMIL and one audio file a chapter. The clips of a chapter follow one another without a gap from its first
sample to its last, so pauses are heard too.
"""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from foundry_tui.audio.subtitles import placed_parts, sentences
from foundry_tui.audio.tags import BookTags, mark_title, one_line
from foundry_tui.audio.word_times import Words
from foundry_tui.domain.chapters import Chunk
from foundry_tui.domain.languages import two_letters
from foundry_tui.domain.timing import PlacedChapter
from foundry_tui.errors import AudioError
from foundry_tui.files import replacing

_AUDIO_TYPES = {".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".m4b": "audio/mp4", ".mp4": "audio/mp4"}
_XML = '<?xml version="1.0" encoding="utf-8"?>\n'
_STYLE = """body { line-height: 1.5; margin: 5%; }
p.verse { margin: 0 0 0 2em; }
.-epub-media-overlay-active { background: #ffe9a8; color: #000; }
"""
_CONTAINER = (
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>\n'
)


@dataclass(frozen=True, slots=True)
class SpokenChapter:
    """A chapter: its place on the book's timeline, its chunks, and an audio file that begins at its first sample."""

    placed: PlacedChapter
    chunks: Sequence[Chunk]
    audio: Path


@dataclass(frozen=True, slots=True)
class _Sentence:
    name: str
    text: str
    kind: str
    source_span: tuple[int, int]
    start_s: float
    end_s: float


def write_overlay_epub(
    path: Path,
    chapters: Sequence[SpokenChapter],
    sample_rate: int,
    tags: BookTags,
    cover: bytes | None = None,
    *,
    modified: datetime | None = None,
    words: Words | None = None,
) -> Path:
    """Write the book atomically. ``sample_rate`` is the timeline's; audio files are MP3 or AAC in MP4; ``words`` (see
    word_times), where an engine gave them, say when a sentence begins.

    Raises AudioError for another kind of audio file, WriteFailed or DiskFull where the disk refuses.
    """
    spoken = [list(_sentences(chapter, sample_rate, words or {})) for chapter in chapters]
    moment = (modified or datetime(2000, 1, 1, tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as book:
        _add(book, "mimetype", "application/epub+zip", stored=True)
        _add(book, "META-INF/container.xml", _XML + _CONTAINER)
        _add(book, "OEBPS/style.css", _STYLE)
        _add(book, "OEBPS/package.opf", _package(chapters, spoken, tags, cover, moment))
        _add(book, "OEBPS/nav.xhtml", _navigation(chapters, tags))
        for chapter, lines in zip(chapters, spoken, strict=True):
            name = _name(chapter)
            _add(book, f"OEBPS/{name}.xhtml", _page(chapter, lines, tags))
            if lines:
                _add(book, f"OEBPS/{name}.smil", _overlay(chapter, lines))
            entry = zipfile.ZipInfo(f"OEBPS/{_audio(chapter)}")
            entry.external_attr = 0o644 << 16
            with book.open(entry, "w") as target, chapter.audio.open("rb") as source:
                while block := source.read(1 << 20):
                    target.write(block)
        if cover is not None:
            _add(book, f"OEBPS/{_cover_name(cover)}", cover, stored=True)
    return path


def _add(book: zipfile.ZipFile, name: str, data: str | bytes, *, stored: bool = False) -> None:
    entry = zipfile.ZipInfo(name)  # dated 1980: equal books are equal files
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    book.writestr(entry, data)


def _sentences(chapter: SpokenChapter, sample_rate: int, words: Words) -> Iterator[_Sentence]:
    """Sentences with clips that fill the chapter: each lasts until the next begins."""
    placed = {chunk.chunk_index: chunk for chunk in chapter.placed.chunks}
    found: list[tuple[int, str, Chunk]] = []
    for chunk in chapter.chunks:
        place = placed.get(chunk.index)
        if place is None:
            continue
        parts = sentences(chunk.text)
        found += (
            [
                (start, part, chunk)
                for part, (start, _end) in zip(
                    parts,
                    placed_parts(place.start, place.end, parts, words.get((chapter.placed.number, chunk.index), ())),
                    strict=True,
                )
            ]
            if parts
            else []
        )
    length = chapter.placed.end - chapter.placed.start
    starts = [0, *(start - chapter.placed.start for start, _part, _chunk in found[1:]), length]
    for index, (_start, part, chunk) in enumerate(found):
        begin, end = starts[index] / sample_rate, starts[index + 1] / sample_rate
        yield _Sentence(f"s{index + 1}", part, chunk.kind, chunk.source_span, round(begin, 3), round(end, 3))


def _page(chapter: SpokenChapter, lines: Sequence[_Sentence], tags: BookTags) -> str:
    body, open_as, open_span = [], "", None
    for line in lines:
        kind = "h2" if line.kind == "heading" else 'p class="verse"' if line.kind == "verse" else "p"
        if (kind, line.source_span) != (open_as, open_span):
            if open_as:
                body.append(f"</{open_as.split(maxsplit=1)[0]}>\n")
            body.append(f"<{kind}>")
            open_as, open_span = kind, line.source_span
        body.append(f'<span id="{line.name}">{escape(line.text)}</span> ')
    if open_as:
        body.append(f"</{open_as.split(maxsplit=1)[0]}>\n")
    return _document(_title(chapter), f'<section id="text">\n{"".join(body)}</section>', tags)


def _overlay(chapter: SpokenChapter, lines: Sequence[_Sentence]) -> str:
    name = _name(chapter)
    pairs = "".join(
        f'<par id="p{line.name}"><text src="{name}.xhtml#{line.name}"/>'
        f'<audio src="{_audio(chapter)}" clipBegin="{line.start_s:.3f}s" clipEnd="{line.end_s:.3f}s"/></par>\n'
        for line in lines
    )
    return (
        f'{_XML}<smil xmlns="http://www.w3.org/ns/SMIL" xmlns:epub="http://www.idpf.org/2007/ops" version="3.0">\n'
        f'<body><seq id="all" epub:textref="{name}.xhtml#text">\n{pairs}</seq></body></smil>\n'
    )


def _navigation(chapters: Sequence[SpokenChapter], tags: BookTags) -> str:
    items = "".join(f'<li><a href="{_name(one)}.xhtml">{escape(_title(one))}</a></li>\n' for one in chapters)
    return _document(
        one_line(tags.title),
        f'<nav epub:type="toc" id="toc"><h1>{escape(one_line(tags.title))}</h1>\n<ol>\n{items}</ol></nav>',
        tags,
    )


def _package(
    chapters: Sequence[SpokenChapter],
    spoken: Sequence[Sequence[_Sentence]],
    tags: BookTags,
    cover: bytes | None,
    modified: str,
) -> str:
    durations = [sum(line.end_s - line.start_s for line in lines) for lines in spoken]
    identity = uuid.uuid5(
        uuid.NAMESPACE_URL, "\n".join((tags.title, tags.author or "", tags.narrator or "", tags.language))
    )
    meta = [
        f'<dc:identifier id="id">urn:uuid:{identity}</dc:identifier>',
        f"<dc:title>{escape(one_line(tags.title))}</dc:title>",
        f"<dc:language>{_language(tags)}</dc:language>",
        f'<meta property="dcterms:modified">{modified}</meta>',
        f'<meta property="media:duration">{sum(durations):.3f}s</meta>',
        '<meta property="media:active-class">-epub-media-overlay-active</meta>',
    ]
    if tags.author:
        meta.append(f"<dc:creator>{escape(one_line(tags.author))}</dc:creator>")
    if tags.narrator:
        meta.append(f'<meta property="media:narrator">{escape(one_line(tags.narrator))}</meta>')
    items = [
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        '<item id="style" href="style.css" media-type="text/css"/>',
    ]
    if cover is not None:
        kind = "image/png" if cover.startswith(b"\x89PNG") else "image/jpeg"
        items.append(f'<item id="cover" href="{_cover_name(cover)}" media-type="{kind}" properties="cover-image"/>')
    for chapter, duration in zip(chapters, durations, strict=True):
        name = _name(chapter)
        overlay = f' media-overlay="{name}_o"' if duration else ""
        items.append(f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"{overlay}/>')
        items.append(f'<item id="{name}_a" href="{_audio(chapter)}" media-type="{_AUDIO_TYPES[_suffix(chapter)]}"/>')
        if duration:
            items.append(f'<item id="{name}_o" href="{name}.smil" media-type="application/smil+xml"/>')
            meta.append(f'<meta property="media:duration" refines="#{name}_o">{duration:.3f}s</meta>')
    spine = "".join(f'<itemref idref="{_name(chapter)}"/>\n' for chapter in chapters)
    return (
        f'{_XML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" '
        f'xml:lang="{_language(tags)}">\n<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        + "\n".join(meta)
        + "\n</metadata>\n<manifest>\n"
        + "\n".join(items)
        + f"\n</manifest>\n<spine>\n{spine}</spine>\n</package>\n"
    )


def _document(title: str, body: str, tags: BookTags) -> str:
    language = quoteattr(_language(tags))
    return (
        f'{_XML}<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" '
        f"lang={language} xml:lang={language}>\n<head><title>{escape(title)}</title>"
        f'<link rel="stylesheet" type="text/css" href="style.css"/></head>\n<body>\n{body}\n</body></html>\n'
    )


def _language(tags: BookTags) -> str:
    return two_letters(tags.language) or "und"


def _title(chapter: SpokenChapter) -> str:
    return mark_title(chapter.placed.title, chapter.placed.number)


def _name(chapter: SpokenChapter) -> str:
    return f"chapter_{chapter.placed.number:03d}"


def _audio(chapter: SpokenChapter) -> str:
    return f"audio/{_name(chapter)}{_suffix(chapter)}"


def _suffix(chapter: SpokenChapter) -> str:
    suffix = chapter.audio.suffix.lower()
    if suffix not in _AUDIO_TYPES:
        raise AudioError(f"{chapter.audio.name} is no MP3 and no MP4: an EPUB cannot carry it.")
    return suffix


def _cover_name(cover: bytes) -> str:
    return "cover.png" if cover.startswith(b"\x89PNG") else "cover.jpg"
