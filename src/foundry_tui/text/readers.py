"""Which reader takes a source file: by its name, checked against its first bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from foundry_tui.errors import SourceNotFound, SourceUnreadable, SourceUnsupported
from foundry_tui.text.decode import decode, refuse_other_kinds
from foundry_tui.text.document import BookDocument

FORMATS = {
    ".html": "html",
    ".xhtml": "html",
    ".htm": "html",
    ".epub": "epub",
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".docx": "docx",
}
ENDINGS = (".html", ".xhtml", ".htm", ".epub", ".txt", ".md", ".docx")
SIZE_LIMIT_BYTES = 200 * 1024 * 1024
_ZIPPED = {"epub", "docx"}
_CONVERT = {
    ".pdf": "a PDF",
    ".mobi": "a Kindle book",
    ".azw": "a Kindle book",
    ".azw3": "a Kindle book",
    ".fb2": "a FictionBook",
    ".doc": "an old Word document",
    ".rtf": "a rich text file",
    ".odt": "an OpenDocument text",
    ".djvu": "a DjVu scan",
    ".lit": "a Microsoft Reader book",
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The file a book was read from; ``file`` is its name without folders."""

    file: str
    format: str
    sha256: str
    size_bytes: int


def read_source(source: Path, *, language: str | None = None) -> tuple[SourceFile, BookDocument]:
    """The file's identity and its document; raises SourceNotFound, SourceUnreadable or SourceUnsupported."""
    kind = format_of(source)
    data = load(source)
    refuse_other_kinds(data, source.name)
    zipped = data.startswith(b"PK\x03\x04")
    if zipped and kind not in _ZIPPED:
        kind = "docx" if b"word/" in data[:4000] else "epub"
    elif not zipped and kind in _ZIPPED:
        raise SourceUnreadable(f"{source.name} is no {kind.upper()}: it is not a ZIP archive at all.")
    identity = SourceFile(source.name, kind, hashlib.sha256(data).hexdigest(), len(data))
    if not data.strip():
        raise SourceUnreadable(f"{source.name} is empty.")
    return identity, _reader(kind)(data, language)


def format_of(source: Path) -> str:
    """The format a file's name promises; raises SourceUnsupported with what to convert it to."""
    ending = source.suffix.lower()
    if ending in FORMATS:
        return FORMATS[ending]
    what = _CONVERT.get(ending, f"a {ending} file" if ending else "a file without an ending")
    raise SourceUnsupported(f"{source.name} is {what}, which Foundry does not read.")


def load(source: Path) -> bytes:
    """The file's bytes; raises SourceNotFound or SourceUnreadable."""
    try:
        size = source.stat().st_size
        if size > SIZE_LIMIT_BYTES:
            raise SourceUnreadable(
                f"{source.name} is {size / 1e6:.0f} MB: more than the {SIZE_LIMIT_BYTES // 1024**2} MB a book may have."
            )
        return source.read_bytes()
    except FileNotFoundError as missing:
        raise SourceNotFound(f"There is no file {source}.") from missing
    except OSError as broken:
        raise SourceUnreadable(f"{source} cannot be read: {broken.strerror or broken}.") from broken


def _reader(kind: str) -> Callable[[bytes, str | None], BookDocument]:
    if kind == "epub":
        from foundry_tui.text.read_epub import read_epub

        return lambda data, _: read_epub(data)
    if kind == "docx":
        from foundry_tui.text.read_docx import read_docx

        return lambda data, _: read_docx(data)
    return lambda data, language: _read_text(kind, data, language)


def _read_text(kind: str, data: bytes, language: str | None) -> BookDocument:
    text, encoding = decode(data, language=language)
    document: BookDocument
    if kind == "html":
        from foundry_tui.text.read_html import read_html

        document = read_html(text)
    elif kind == "markdown":
        from foundry_tui.text.read_markdown import read_markdown

        document = read_markdown(text)
    else:
        from foundry_tui.text.read_plain import read_plain

        document = read_plain(text)
    document.encoding = encoding
    return document
