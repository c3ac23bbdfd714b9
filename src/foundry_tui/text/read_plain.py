"""Plain text, above all Project Gutenberg's: paragraphs between blank lines, headings by how they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from foundry_tui.errors import SourceUnreadable
from foundry_tui.text.coverage import prove_complete
from foundry_tui.text.decode import clean_source
from foundry_tui.text.document import CUT_OPEN, Block, BookDocument, cut, split_cuts

_UNDERLINE = re.compile(r"\s*([=~*#_-])\1{2,}\s*")
_HYPHEN_END = re.compile(r"[^\W\d_]{2}-\n[^\W\d_]")
_ENDS_CUT = re.compile(r"([^\W\d_]{2,})-$")
_STARTS = re.compile(r"\s*([^\W\d_]+)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LINE_NUMBER = re.compile(r"(?<=\S)\s{3,}(\d{1,4})\s*$")
_EMPHASIS = re.compile(r"(?<![\w_])_(?=[^\s_])([^_]{1,400}?)(?<=[^\s_])_(?![\w_])", re.DOTALL)
_STRONG = re.compile(r"(?<![\w=])=(?=[^\s=])([^=\n]{1,200}?)(?<=[^\s=])=(?![\w=])")


def read_plain(text: str) -> BookDocument:
    """The document of a plain text file; raises SourceUnreadable where there is no line of text."""
    text = clean_source(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks: list[Block] = []
    wrapped = _is_wrapped(lines)
    numbered = _has_line_numbers(lines)
    words = _words(text) if _HYPHEN_END.search(text) else frozenset()
    for gathered, gap in _paragraphs(lines, one_line_each=not wrapped):
        block = _block(gathered, gap, len(blocks), numbered=numbered)
        if words and block.kind == "para" and len(gathered) > 1:
            _join_hyphens(block, gathered, words)
        blocks.append(block)
    if not blocks:
        raise SourceUnreadable("The file holds nothing to read.")
    prove_complete("\n".join(lines), blocks)
    return BookDocument(blocks=blocks, format="text")


def _words(text: str) -> frozenset[str]:
    """Every word of a text as it stands within a line."""
    return frozenset(_WORD.findall(text.casefold()))


def _join_hyphens(block: Block, lines: list[str], words: frozenset[str]) -> None:
    """won-|derful is one word where the book has that word elsewhere; well-|known keeps its hyphen, without a gap."""
    for line, following in pairwise(lines):
        first, second = _ENDS_CUT.search(line.rstrip()), _STARTS.match(following)
        if first is None or second is None:
            continue
        one, other = first[1], second[1]
        whole = f"{one}{other}" if f"{one}{other}".casefold() in words else f"{one}-{_gap(other)}{other}"
        for gap in ("\n", " "):
            if f"{one}-{gap}{other}" in block.text:
                block.text = block.text.replace(f"{one}-{gap}{other}", whole, 1)
                block.cuts = (*block.cuts, ("line-end hyphen", "-"))
                break


def _gap(word: str) -> str:
    """Nothing before a word that may go on; a space before a name, for a dash may have been meant."""
    return "" if word[:1].islower() else " "


def _has_line_numbers(lines: list[str]) -> bool:
    """Whether every fifth or tenth line of verse bears its number at the right."""
    numbers = [int(found[1]) for line in lines if (found := _LINE_NUMBER.search(line))]
    fives = sum(1 for number in numbers if number % 5 == 0 and number)
    rising = sum(1 for one, other in pairwise(numbers) if other - one in {5, 10} or other in {5, 10})
    return len(numbers) >= 4 and fives * 10 >= len(numbers) * 9 and rising * 10 >= (len(numbers) - 1) * 8


def _is_wrapped(lines: list[str]) -> bool:
    """Whether paragraphs are cut into short lines with blank lines between them (else every line is a paragraph)."""
    full = [line for line in lines if line.strip()]
    if not full:
        return True
    long = sum(1 for line in full if len(line) > 120)
    blank = len(lines) - len(full)
    if long * 5 > len(full):
        return False
    indented = sum(1 for line in full if line.startswith(("\u3000", "    ")))
    return not (blank * 8 < len(full) and indented * 4 > len(full))


def _paragraphs(lines: list[str], *, one_line_each: bool) -> Iterator[tuple[list[str], int]]:
    gathered: list[str] = []
    gap = pending = 0
    for line in lines:
        if not line.strip():
            if gathered:
                yield gathered, gap
                gathered, pending = [], 0
            pending += 1
            continue
        if not gathered:
            gap = pending
        if one_line_each and gathered:
            yield gathered, gap
            gathered, gap = [], 0
        gathered.append(line)
        pending = 0
    if gathered:
        yield gathered, gap


def _block(lines: list[str], gap: int, position: int, *, numbered: bool = False) -> Block:
    indents = [len(line) - len(line.lstrip()) for line in lines]
    kept = [" ".join(line.split()) for line in lines]
    underlined = len(kept) > 1 and _UNDERLINE.fullmatch(lines[-1]) is not None
    verse = not underlined and _is_verse(lines, indents)
    if numbered:
        kept = [_without_number(line, words) for line, words in zip(lines, kept, strict=True)]
    marked = _marked("\n".join(kept))
    raw, text, cuts = split_cuts(marked) if CUT_OPEN in marked else (marked, marked, ())
    if underlined:
        text = "\n".join(text.split("\n")[:-1])
        cuts = (*cuts, ("emphasis mark", kept[-1]))
    if not verse and not underlined:
        text = text.replace("\n", " ") if len(kept) > 3 or len(kept[0]) > 55 else text
    return Block(
        "heading" if underlined else "verse" if verse else "para",
        raw,
        text,
        position,
        level=2 if underlined else 0,
        cuts=cuts,
        skip="" if text else cuts[0][0] if cuts else "",
        centred=min(indents) >= 8 and len(lines) <= 6,
        gap=gap,
        indent=min(indents),
        group=position if verse else 0,
    )


def _without_number(line: str, words: str) -> str:
    """A line whose number at the right is marked as cut."""
    found = _LINE_NUMBER.search(line)
    return f"{words[: -len(found[1])]}{cut(found[1], 'line number')}" if found else words


def _marked(text: str) -> str:
    """The text with the signs of emphasis marked as cut."""
    if "_" in text:
        text = _EMPHASIS.sub(lambda found: cut("_", "emphasis mark") + found[1] + cut("_", "emphasis mark"), text)
    if "=" in text:
        text = _STRONG.sub(lambda found: cut("=", "emphasis mark") + found[1] + cut("=", "emphasis mark"), text)
    return text


def _is_verse(lines: list[str], indents: list[int]) -> bool:
    """Lines that are set one by one: indented, short, each starting with a capital."""
    if len(lines) < 2 or min(indents) < 2:
        return False
    longest = max(len(line) for line in lines)
    starts = sum(1 for line in lines if line.lstrip()[:1].isupper() or line.lstrip()[:1] in "\"'“‘«„—-")
    return longest <= 72 and starts * 10 >= len(lines) * 6
