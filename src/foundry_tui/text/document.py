"""The one document every reader gives: an ordered list of blocks, format-blind from here on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

# Noncharacters mark what is cut out of a line while it is still one string; clean_source() keeps them out of books.
CUT_OPEN, CUT_CLOSE, LINE = "\ufdd0", "\ufdd1", "\u2028"
_CUT = re.compile(f"{CUT_OPEN}(.)([^{CUT_CLOSE}]*){CUT_CLOSE}")
_FIRST_REASON = 0xFDD2

# Why a piece of the source is not narrated. The order is the code used inside marked-up lines: append only.
REASONS = (
    "page number",
    "footnote mark",
    "footnote",
    "sidenote",
    "caption",
    "transcriber's note",
    "line number",
    "ruby",
    "hidden",
    "boilerplate",
    "contents list",
    "index",
    "advertisement",
    "illustration",
    "line-end hyphen",
    "link to a file",
    "credits",
    "heading of a printed page",
    "emphasis mark",
    "table rule",
)
_CODE = {reason: chr(_FIRST_REASON + number) for number, reason in enumerate(REASONS)}

_CJK = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
_CJK_WORD = re.compile(f"[{_CJK}\U00020000-\U0003ffff]|[^\\s{_CJK}\U00020000-\U0003ffff]+")
_HAS_CJK = re.compile(f"[{_CJK}]")


def cut(text: str, reason: str) -> str:
    """``text`` marked as not narrated because of ``reason`` (one of REASONS)."""
    return f"{CUT_OPEN}{_CODE[reason]}{text}{CUT_CLOSE}"


def split_cuts(marked: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """(whole text, text without the cuts, the cuts as (reason, text)) of a marked-up string."""
    cuts: list[tuple[str, str]] = []

    def drop(match: re.Match[str]) -> str:
        cuts.append((REASONS[ord(match[1]) - _FIRST_REASON], " ".join(match[2].split())))
        before, after = marked[match.start() - 1 : match.start()], marked[match.end() : match.end() + 1]
        inner = match[2]
        apart = any(sign.isspace() for sign in inner) and before and after
        return " " if apart and not before.isspace() and not after.isspace() else ""

    text = _CUT.sub(drop, marked)
    whole = _CUT.sub(lambda match: match[2], marked)
    return single_spaced(whole), single_spaced(text), tuple(cuts)


def single_spaced(text: str) -> str:
    """``text`` without blank lines and with one space between words."""
    return "\n".join(line for line in (" ".join(piece.split()) for piece in text.split("\n")) if line)


def count_spaced(text: str) -> int:
    """Words of a block's text, which has single spaces and line feeds only: runs of anything but white space."""
    return text.count(" ") + text.count("\n") + 1 if text else 0


def count_unspaced(text: str) -> int:
    """Words of Chinese and Japanese: each ideograph or kana is one, everything else counts by spaces."""
    if _HAS_CJK.search(text) is None:
        return len(text.split())
    return len(_CJK_WORD.findall(text))


def word_counter(sample: str) -> Callable[[str], int]:
    """How words are counted in a document that reads like ``sample``."""
    signs = sum(1 for _ in _HAS_CJK.finditer(sample))
    return count_unspaced if signs * 4 > len(sample) else count_spaced


_SILENT = frozenset({"rule", "image"})


@dataclass(slots=True, eq=False)
class Block:
    r"""A piece of the source as a reader sees it: a heading, a paragraph, a stanza's line, a table row, a rule.

    ``raw`` holds every word of the source, ``text`` only what is read aloud; both keep line breaks as ``\\n``.
    ``skip`` is empty, or says why nothing of the block is narrated. ``gap`` counts the blank lines before it (plain
    text only), ``level`` is 1-6 for headings, ``group`` numbers the stanza, list or table it belongs to.
    """

    kind: str  # heading, para, verse, item, row, pre, quote, rule, image
    raw: str
    text: str
    position: int
    level: int = 0
    style: str = ""
    cuts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    ids: tuple[str, ...] = ()
    skip: str = ""
    group: int = 0
    centred: bool = False
    bold: bool = False
    gap: int = 0
    indent: int = 0
    note: str = ""  # id of the footnote this block is part of
    file: int = 0

    @property
    def spoken(self) -> bool:
        """Whether anything of it is read aloud."""
        return bool(self.text) and not self.skip and self.kind not in _SILENT


@dataclass(frozen=True, slots=True)
class NavPoint:
    """An entry of a book's own navigation: its title, where it points and how deep it lies (0 at the top)."""

    title: str
    target: str
    depth: int = 0


@dataclass(slots=True)
class BookDocument:
    """Everything a reader found: the blocks in reading order, anchors to block positions, the book's navigation."""

    blocks: list[Block]
    anchors: Mapping[str, int] = field(default_factory=dict)
    nav: Sequence[NavPoint] = ()
    title: str = ""
    author: str = ""
    language: str = ""
    format: str = ""
    encoding: str = ""
    warnings: list[str] = field(default_factory=list)

    def sample(self, size: int = 6000) -> str:
        """Text from the middle of the book, for guessing its language."""
        prose = [block.text for block in self.blocks if block.spoken and block.kind != "heading"]
        middle, taken, length = len(prose) // 2, [], 0
        for text in prose[middle:] + prose[:middle]:
            taken.append(text)
            length += len(text)
            if length > size:
                break
        return "\n".join(taken)
