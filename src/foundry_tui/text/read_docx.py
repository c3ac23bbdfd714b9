"""Word documents, by zipfile and lxml alone: paragraphs with their styles, tables row by row, notes kept apart."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from foundry_tui.errors import SourceUnreadable
from foundry_tui.text.archive import Archive
from foundry_tui.text.coverage import prove_complete
from foundry_tui.text.decode import clean_line, one_line
from foundry_tui.text.document import Block, BookDocument, single_spaced
from foundry_tui.text.metadata import SourceMetadata

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_HEADING = re.compile(r"(?:heading|überschrift|titre|título|titolo|заголовок|kop|見出し|标题)\s*(\d)", re.IGNORECASE)


def read_docx(data: bytes) -> BookDocument:
    """The document of a .docx; raises SourceUnreadable where it is none."""
    archive = Archive(data)
    if not archive.holds("word/document.xml"):
        raise SourceUnreadable("The file is no Word document: it has no word/document.xml.")
    levels = _levels(archive)
    blocks: list[Block] = []
    body = _xml(archive, "word/document.xml")
    for element in body.iter(f"{_W}p"):
        _paragraph(element, levels, blocks, "")
    prove_complete("".join(text.text or "" for text in body.iter(f"{_W}t")), blocks)
    for note in _notes(archive):
        _paragraph(note, levels, blocks, "footnote")
    if not blocks:
        raise SourceUnreadable("The Word document holds no text.")
    return BookDocument(blocks=blocks, format="docx")


def docx_metadata(data: bytes) -> SourceMetadata:
    """Title and author of the document's properties."""
    archive = Archive(data)
    if not archive.holds("docProps/core.xml"):
        return SourceMetadata()
    root = _xml(archive, "docProps/core.xml")
    return SourceMetadata(
        title=one_line(root.findtext(f"{_DC}title") or "") or None,
        author=one_line(root.findtext(f"{_DC}creator") or "") or None,
        summary=one_line(root.findtext(f"{_DC}description") or "", 4000) or None,
    )


def _xml(archive: Archive, name: str) -> Any:
    data = archive.read(name)
    if b"<!ENTITY" in data or b"<!DOCTYPE" in data:
        raise SourceUnreadable("The document declares XML entities, which Foundry does not expand.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as broken:
        raise SourceUnreadable(f"The document's XML cannot be read: {broken}.") from broken


def _levels(archive: Archive) -> dict[str, int]:
    """Heading levels by style id."""
    if not archive.holds("word/styles.xml"):
        return {}
    levels: dict[str, int] = {}
    for style in _xml(archive, "word/styles.xml").iter(f"{_W}style"):
        name = style.find(f"{_W}name")
        words = name.get(f"{_W}val", "") if name is not None else ""
        found = _HEADING.match(words)
        if found:
            levels[style.get(f"{_W}styleId", "")] = int(found[1])
        elif words.lower() == "title":
            levels[style.get(f"{_W}styleId", "")] = 1
    return levels


def _notes(archive: Archive) -> list[Any]:
    return [
        paragraph
        for name in ("word/footnotes.xml", "word/endnotes.xml")
        if archive.holds(name)
        for paragraph in _xml(archive, name).iter(f"{_W}p")
    ]


def _paragraph(element: Any, levels: dict[str, int], blocks: list[Block], skip: str) -> None:
    parts: list[str] = []
    for inner in element.iter():
        if inner.tag == f"{_W}t" and inner.text:
            parts.append(inner.text)
        elif inner.tag in {f"{_W}br", f"{_W}cr"}:
            parts.append("\n")
        elif inner.tag == f"{_W}tab":
            parts.append(" ")
    text = single_spaced(clean_line("".join(parts)))
    if not text:
        return
    style = element.find(f"{_W}pPr/{_W}pStyle")
    name = style.get(f"{_W}val", "") if style is not None else ""
    level = levels.get(name, int(found[1]) if (found := _HEADING.match(name)) else 0)
    centred = element.find(f"{_W}pPr/{_W}jc[@{_W}val='center']") is not None
    in_row = next(element.iterancestors(f"{_W}tr"), None) is not None
    kind = "heading" if level else "row" if in_row else "para"
    blocks.append(
        Block(
            kind,
            text,
            "" if skip else text,
            len(blocks),
            level=min(level, 6),
            style=name,
            centred=centred,
            skip=skip,
            note=f"note-{len(blocks)}" if skip else "",
        )
    )
