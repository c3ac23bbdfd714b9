"""What stands in the lines but is not said: page numbers, note marks, picture placeholders, notes at a page's foot.

Readers mark what the markup names; here the same is found by its form, for every format alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from foundry_tui.text.document import Block, BookDocument, cut, split_cuts

_PICTURE_WORDS = (
    "Illustrations?|Illus\\.|Ilustraci[óo]n|Illustrazione|Abbildung|Bild|Gravure|Image|Ilustra[çc][ãa]o|Figura|Figure|"
    "Иллюстрация|Afbeelding|Decoration|Frontispiece|Map|Colophon|Music|Musical notation|挿絵|插圖"
)
_PICTURE = re.compile(rf"\[\s*\**\s*(?:{_PICTURE_WORDS})\b[^\]\[]*(?:\[[^\]]*\][^\]\[]*)*\]", re.IGNORECASE)
_TRANSCRIBER = re.compile(
    r"\[\s*(?:transcriber|note du trans|anmerkung des? (?:bearb|trans)|nota del? trans|tn:|e-?text editor)"
    r"[^\]\[]*(?:\[[^\]]*\][^\]\[]*)*\]",
    re.IGNORECASE,
)
_FOOTNOTE = re.compile(
    r"\s*\[\s*\**\s*(?:foot-?note|note|fußnote|fussnote|anmerkung|nota|voetnoot|примечание|сноска"
    r"|remarque)\b[^:\]]{0,12}:",
    re.IGNORECASE,
)
_OPENED = re.compile(
    rf"\s*\[\s*\**\s*(?:(?P<note>foot-?note|fußnote|nota)|{_PICTURE_WORDS}|transcriber)\b", re.IGNORECASE
)
_PAGE = re.compile(
    r"[\[{(<]\s*(?:pg|page|p\.|pag\.?|pág\.?|seite|s\.|blz\.?|bladzijde|стр\.?)\s*[\divxlc]+\s*[\]})>]"
    r"|\[\s*\d+\s*(?:頁|页)\s*\]",
    re.IGNORECASE,
)
_BRACED = re.compile(r"\{\s*(\d{1,4}|[ivxl]{1,7})\s*\}")
_SQUARE = re.compile(r"\[\s*(\d{1,4}[a-z]?|[*†‡§]{1,3}|[A-Z])\s*\]")
_RAISED = re.compile(r"(?<=[^\W\d_])([.,;:!?\"”’»)]{0,3})([⁰¹²³⁴-⁹]{1,3})|(?<=[.,;:!?\"”’»)])([⁰¹²³⁴-⁹]{1,3})")
_STARS = re.compile(r"(?<=[^\s*])(\*{1,3}|[†‡])(?=[\s,.;:!?\"”’»)]|$)")
_STARRED = re.compile(r"\s*(\*{1,3}|[†‡])\s*[^\W\d_\s*]|\s*(\*{1,3}|[†‡])\)\s")
_LABELLED = re.compile(r"\s*\[\s*(\d{1,4}[a-z]?|[*†‡§]{1,3}|[A-Z])\s*\]\s*\S")
_GLUED = re.compile(r"(?<=[a-zà-ÿ,.;:!?’”\"])(\d{1,3})(?=[\s,.;:!?)—-]|$)")
_DIGIT = re.compile(r"[0-9]")
_RULE_LINE = re.compile(r"^[|+=_~─━-](?:[|+=_~─━-]|[ ](?=[|+=_~─━ -])){2,}$", re.MULTILINE)
_AOZORA_NOTE = re.compile(r"［＃[^］]{1,200}］")
_AOZORA_READING = re.compile(r"《[\u3041-\u30ff]{1,30}》|[|｜](?=[^《》\n]{1,20}《[\u3041-\u30ff]{1,30}》)")
_UNITS = frozenset(["m", "km", "cm", "mm", "dm", "ft", "in", "yd", "mi", "r"])
_MANY = 12  # numbers glued to words before they are taken for notes
_REACH = 40  # blocks a bracket may stay open


def strip_marks(document: BookDocument) -> None:
    """Cut every such mark out of the blocks' text; whole blocks that are footnotes or placeholders are skipped."""
    blocks = [block for block in document.blocks if block.spoken]
    whole = "\n".join([block.text for block in blocks])
    if "[" in whole:
        _close_brackets(blocks)
    if any(sign in whole for sign in "[{("):
        bracketed = [
            block for block in blocks if block.spoken and ("[" in block.text or "{" in block.text or "(" in block.text)
        ]
        labels = _note_labels([block for block in blocks if block.cuts or "[" in block.text])
        braces = _counted([found[1] for block in bracketed for found in _BRACED.finditer(block.text)])
        for block in bracketed:
            _strip_brackets(block, labels, braces=braces)
    raised = [sign for sign in "¹²³⁴⁵⁶⁷⁸⁹⁰" if sign in whole]
    for block in blocks if raised else ():
        if block.spoken and any(sign in block.text for sign in raised):
            _apply(block, _RAISED, "footnote mark", group=(2, 3))
    if "《" in whole or "［＃" in whole:
        _strip_aozora(blocks)
    for block in blocks if _RULE_LINE.search(whole) else ():
        if block.spoken and "\n" in block.text and any(sign.isalnum() for sign in block.text):
            _apply(block, _RULE_LINE, "table rule")
    _strip_stars(blocks)
    _strip_glued(blocks)


def _strip_aozora(blocks: Sequence[Block]) -> None:
    """Readings and typists' notes as Aozora Bunko writes them: 漢字《かんじ》, ｜, ［＃...］."""
    for block in blocks:
        if block.spoken:
            _apply(block, _AOZORA_NOTE, "transcriber's note")
            _apply(block, _AOZORA_READING, "ruby")


def _close_brackets(blocks: Sequence[Block]) -> None:
    """A bracket such as [Illustration: ... may close some paragraphs later; all between is one placeholder or note."""
    place = 0
    while place < len(blocks):
        block = blocks[place]
        opened = _OPENED.match(block.text) if block.text.lstrip()[:1] == "[" else None
        depth = block.text.count("[") - block.text.count("]")
        if opened and depth > 0:
            end = place
            while depth > 0 and end + 1 < len(blocks) and end - place < _REACH:
                end += 1
                depth += blocks[end].text.count("[") - blocks[end].text.count("]")
            if depth <= 0:
                for member in blocks[place : end + 1]:
                    member.skip = "footnote" if opened["note"] else "illustration"
                place = end
        place += 1


def _note_labels(blocks: Sequence[Block]) -> frozenset[str]:
    """Labels that stand both inside a line and at the start of a later paragraph: those paragraphs are notes."""
    inside: set[str] = set()
    notes: set[str] = set()
    for block in blocks:
        start = _LABELLED.match(block.text)
        if start and start[1] in inside:
            notes.add(start[1])
        inside.update(text.strip("[]() ") for reason, text in block.cuts if reason == "footnote mark")
        inside.update(found[1] for found in _SQUARE.finditer(block.text, start.end(1) if start else 0))
    return frozenset(notes)


def _counted(numbers: Sequence[str]) -> bool:
    """Whether the numbers rise like those of pages."""
    values = [int(number) for number in numbers if number.isdigit()]
    if len(numbers) < 3:
        return False
    rising = sum(1 for one, other in pairwise(values) if one <= other <= one + 12)
    return rising * 10 >= (len(values) - 1) * 8


def _strip_brackets(block: Block, labels: frozenset[str], *, braces: bool) -> None:
    start = _LABELLED.match(block.text)
    if _FOOTNOTE.match(block.text) or (start and start[1] in labels and block.kind != "heading"):
        block.skip = "footnote"
        block.note = block.note or f"note-{block.position}"
        return
    if "[" in block.text:
        _apply(block, _PICTURE, "illustration")
        _apply(block, _TRANSCRIBER, "transcriber's note")
    _apply(block, _PAGE, "page number")
    if braces:
        _apply(block, _BRACED, "page number")
    if "[" in block.text and not (block.kind == "heading" and _SQUARE.fullmatch(block.text.strip())):
        _apply(block, _SQUARE, "footnote mark")


def _apply(block: Block, pattern: re.Pattern[str], reason: str, *, group: tuple[int, ...] = (0,)) -> None:
    """Cut every match of ``pattern`` (or one of its groups) out of a block."""
    text, at, parts = block.text, 0, []
    for found in pattern.finditer(text):
        which = next((number for number in group if found[number]), None)
        if which is None or _is_power(text, found.start(which)):
            continue
        parts += [text[at : found.start(which)], cut(found[which].replace("\n", " "), reason)]
        at = found.end(which)
    if not parts:
        return
    _, block.text, cuts = split_cuts("".join(parts) + text[at:])
    block.cuts = (*block.cuts, *cuts)
    if not block.text:
        block.skip = reason


def _is_power(text: str, at: int) -> bool:
    """m², km³: a raised number after a unit is read, not dropped."""
    before = re.search(r"(\w+)$", text[max(0, at - 4) : at])
    return text[at : at + 1] in "⁰¹²³⁴⁵⁶⁷⁸⁹" and before is not None and before[1].lower() in _UNITS


def _strip_stars(blocks: Sequence[Block]) -> None:
    """word* in a line, and soon after a paragraph that begins with the same star: a mark and its note."""
    for place, block in enumerate(blocks):
        if not block.spoken or block.text[:1] not in "*†‡":
            continue
        start = _STARRED.match(block.text)
        if not start:
            continue
        star = start[1] or start[2]
        for before in reversed(blocks[max(0, place - 8) : place]):
            if before.spoken and any(found[1] == star for found in _STARS.finditer(before.text)):
                _apply(before, _STARS, "footnote mark", group=(1,))
                block.skip = "footnote"
                block.note = f"note-{block.position}"
                break


def _strip_glued(blocks: Sequence[Block]) -> None:
    """heart12: numbers glued to words, where there are many of them and they count."""
    glued = [
        (block, int(found[1])) for block in blocks if _DIGIT.search(block.text) for found in _GLUED.finditer(block.text)
    ]
    if len(glued) < _MANY:
        return
    steps = sum(1 for (_, one), (_, other) in pairwise(glued) if other in {one + 1, 1})
    if steps * 10 >= (len(glued) - 1) * 7:
        for block in dict.fromkeys(block for block, _ in glued if block.spoken):
            _apply(block, _GLUED, "footnote mark", group=(1,))
