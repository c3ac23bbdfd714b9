"""The frame around the book: distributor's header, licence, credits. Cut at its markers, else by its own sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from foundry_tui.text.document import Block

_START = re.compile(
    r"\*\*\*\s*START\s*OF\s*(THE|THIS)\s*PROJECT\s*GUTENBERG\s*E-?(BOOK|TEXT)"
    r"|\*END\*?\s*THE SMALL PRINT|START OF TH(E|IS) PROJECT GUTENBERG E-?BOOK",
    re.IGNORECASE,
)
_END = re.compile(
    r"\*\*\*\s*END\s*OF\s*(THE|THIS)\s*PROJECT\s*GUTENBERG\s*E-?(BOOK|TEXT)"
    r"|^\W*End of (the )?Project Gutenberg|^\W*Ende dieses Projekt Gutenberg|^\W*(Fin de"
    r"|Fine di questo|Fim do) Project Gutenberg|START: FULL LICENSE|END OF TH(E"
    r"|IS) PROJECT GUTENBERG E-?BOOK",
    re.IGNORECASE,
)
_LICENCE = re.compile(
    r"Project Gutenberg(-tm|™)? License|THE FULL PROJECT GUTENBERG LICENSE|Project Gutenberg Literary Archive"
    r"|This e-?(book|text) is for the use of anyone|PLEASE READ THIS BEFORE YOU DISTRIBUTE|www\.gutenberg\.(org|net)"
    r"|pglaf\.org|Project Gutenberg-tm|trademark of Project Gutenberg|^The Project Gutenberg E-?(book|text)",
    re.IGNORECASE,
)
_CREDITS = re.compile(
    r"^\W*(Produced by|E-?text prepared by|This e-?(text|book) was (produced|prepared|transcribed)"
    r"|Transcribed (by|from)"
    r"|Scanned by|HTML version by|Credits?:|Digitized by|Updated editions|Character set encoding"
    r"|Release date|Posting date"
    r"|Produit par|Produzido por|Project Gutenberg.{0,40}volunteers|This file was (first posted"
    r"|produced)|Original publication"
    r"|\[?This file should be named|Edition:|Title:|Author:|Translator:|Language:|Illustrator:|Editor:"
    r"|Commentator:)|Distributed Proofread|pgdp\.net",
    re.IGNORECASE,
)
_TRANSCRIBER = re.compile(
    r"^\W*(Transcriber['’]?s?['’]?\s*(Note|endnote|comment)|Transcription note|Notes? (du|de la"
    r"|sur la) transcri|Nota del? transcri|Nota di trascriz"
    r"|Anmerkungen? (zur|des) (Transkri|Transcri|Bearbeit)|Nota de transcrição|Notas? do transcri|Nota de transcripción"
    r"|Opmerkingen? van de bewerker|Note del trascrittore|Примечани[ея] (переписчика|составителя)"
    r"|Bemerkungen zur Text(gestalt|version)|Colophon\b.*Gutenberg)"
    r"|etext transcriber|(typographical|typographic|printer.s|spelling) errors? (have been|were"
    r"|has been)? ?(silently )?corrected|have been (silently )?corrected|cover (image )?was (created"
    r"|produced) by the transcriber",
    re.IGNORECASE,
)


_COLOPHON = re.compile(
    r"^\W*(?:底本|入力|校正|初出|青空文庫|奥付|奧付|不許複製|定價|定価)|翻訳底本"
    r"|(?:印刷|發行|発行|發兌|発兌|印行)(?:所|者|人)?\s*[:：　]|年.{1,8}月.{1,8}日(?:印刷|發行|発行)"
)
# Every sentence about the file, its makers or its licence holds one of these; most paragraphs hold none.
_HINTS = (
    "gutenberg",
    "e-text",
    "etext",
    "ebook",
    "e-book",
    "pglaf",
    "pgdp",
    "roofread",
    "transcri",
    "trascri",
    "corrected",
    "bearbeit",
    "bewerker",
    "textgestalt",
    "textversion",
    "tipografi",
    "переписчик",
    "составител",
    "small print",
)


def cut_frame(blocks: Sequence[Block]) -> tuple[int, int]:
    """Mark header, licence, credits and transcriber's notes as skipped; the book's own (first, last + 1) positions."""
    edge = len(blocks) - 150
    hinted = [place for place, block in enumerate(blocks) if _hinted(block, near=place < 150 or place > edge)]
    first, last = _edges(blocks, hinted)
    for block in (*blocks[:first], *blocks[last:]):
        if not block.skip and block.kind != "rule":
            block.skip = "boilerplate"
    for block in blocks[first : min(first + 60, last)]:
        if (
            not block.skip
            and block.kind not in {"rule", "heading"}
            and len(block.text) < 700
            and _CREDITS.search(block.text)
        ):
            block.skip = "credits"
    for place in hinted:
        block = blocks[place]
        if block.skip or block.kind == "rule" or not first <= place < last:
            continue
        if _LICENCE.search(block.text):
            block.skip = "boilerplate"
        elif "roduced by" in block.text and "roofread" in block.text:
            block.skip = "credits"
        elif block.kind != "heading" and _TRANSCRIBER.search(block.text):
            _note_about_the_file(blocks, place, last)
    _cut_colophon(blocks, first, last)
    return first, last


def _cut_colophon(blocks: Sequence[Block], first: int, last: int) -> None:
    """The printer's and typist's lines at the end of a Japanese or Chinese book."""
    begin = max(first, last - 40, first + (last - first) // 2)
    for place in range(begin, last):
        rest = [block for block in blocks[place:last] if block.spoken]
        if (
            rest
            and blocks[place].spoken
            and _COLOPHON.search(blocks[place].text)
            and all(len(block.text) < 160 for block in rest)
        ):
            for block in rest:
                block.skip = "credits"
            return


def _hinted(block: Block, *, near: bool) -> bool:
    """Whether a block may be about the file; deep inside the book only the plainest signs count."""
    if not near:
        text = block.raw
        return "utenberg" in text or "UTENBERG" in text or "ranscri" in text or "RANSCRI" in text or "roofread" in text
    text = block.raw.lower()
    return any(hint in text for hint in _HINTS)


def _edges(blocks: Sequence[Block], hinted: Sequence[int]) -> tuple[int, int]:
    first, last = 0, len(blocks)
    for place in hinted:
        text = blocks[place].raw
        if len(text) > 4000:
            continue
        if _START.search(text) and place < len(blocks) // 2 + 40:
            first = place + 1
        elif place > first and _END.search(text):
            last = place
            break
    return first, last


def _note_about_the_file(blocks: Sequence[Block], place: int, last: int) -> None:
    """A transcriber's note reaches over the list and short paragraphs after its first line, at the book's edges."""
    note = blocks[place]
    note.skip = "transcriber's note"
    alone = len(note.text) < 80
    if not alone:
        return
    near_end = place > len(blocks) * 0.9
    for block in blocks[place + 1 : last]:
        if block.kind == "heading" or (block.kind == "rule" and not near_end):
            break
        if not near_end and block.kind not in {"item", "row"} and block.position - note.position > 3:
            break
        if not block.skip and block.kind != "rule":
            block.skip = "transcriber's note"
