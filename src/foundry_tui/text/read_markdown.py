"""Markdown to a BookDocument: headings, paragraphs, lists, quotes, fences; its signs are cut, its words kept."""

from __future__ import annotations

import re

from foundry_tui.errors import SourceUnreadable
from foundry_tui.text.coverage import prove_complete
from foundry_tui.text.decode import clean_source
from foundry_tui.text.document import CUT_OPEN, Block, BookDocument, cut, single_spaced, split_cuts

_HEADING = re.compile(r"(\s{0,3}(#{1,6})\s+)(.*?)(\s+#+\s*)?")
_SETEXT = re.compile(r"\s{0,3}(=+|-{2,})\s*")
_RULE = re.compile(r"\s{0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})")
_ITEM = re.compile(r"(\s*(?:[-+*]|\d{1,3}[.)])\s+)(.*)")
_QUOTE = re.compile(r"(\s{0,3}>\s?)+")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_NOTE = re.compile(r"\s{0,3}\[\^[^\]]+\]:")
_INLINE = re.compile(
    r"(?P<image>!\[[^\]]*\]\([^)]*\))|(?P<mark>\[\^[^\]]+\])"
    r"|(?P<link>\[(?P<words>[^\]]+)\]\((?P<target>[^)\s]*)[^)]*\))"
    r"|(?P<strong>\*{1,3}|(?<!\w)_{1,3}|_{1,3}(?!\w)|~~|`+)|(?P<tag></?[A-Za-z][^>]*>)"
    r"|(?P<escape>\\(?=[\\`*_{}\[\]()#+.!-]))"
)
_FRONT = re.compile(r"---\s*\n(.*?)\n(?:---|\.\.\.)\s*\n", re.DOTALL)


def read_markdown(text: str) -> BookDocument:
    """The document of a Markdown file; raises SourceUnreadable where there is nothing in it."""
    text = clean_source(text).replace("\r\n", "\n").replace("\r", "\n")
    maker = _Maker()
    front = _FRONT.match(text)
    if front:
        maker.add("para", cut(front[0].replace("\n", " "), "boilerplate"))
        text_left = text[front.end() :]
    else:
        text_left = text
    maker.read(text_left.split("\n"))
    if not maker.blocks:
        raise SourceUnreadable("The file holds nothing to read.")
    prove_complete(text, maker.blocks)
    return BookDocument(blocks=maker.blocks, format="markdown")


class _Maker:
    """Gathers lines to blocks."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._lines: list[str] = []
        self._kind = "para"
        self._gap = 0
        self._fenced = False

    def read(self, lines: list[str]) -> None:
        """Read every line; the last block is closed at the end."""
        for line in lines:
            self._line(line)
        self._close()

    def add(self, kind: str, marked: str, level: int = 0) -> None:
        """A block of a marked-up string."""
        raw, text, cuts = (
            split_cuts(marked) if CUT_OPEN in marked else (single_spaced(marked), single_spaced(marked), ())
        )
        if raw.strip():
            skip = "" if text else cuts[0][0] if cuts else ""
            self.blocks.append(
                Block(kind, raw, text, len(self.blocks), level=level, cuts=cuts, skip=skip, gap=self._gap)
            )
        self._gap = 0

    def _line(self, line: str) -> None:
        if _FENCE.match(line):
            self._close()
            self._fenced = not self._fenced
            self.add("rule", cut(line.strip(), "emphasis mark"))
        elif self._fenced:
            self._kind = "pre"
            self._lines.append(line.strip())
        elif not line.strip():
            self._close()
            self._gap += 1
        elif self._lines and self._kind == "para" and _SETEXT.fullmatch(line):
            level = 1 if line.strip()[0] == "=" else 2
            self.add("heading", "\n".join(self._lines) + "\n" + cut(line.strip(), "emphasis mark"), level)
            self._lines = []
        elif found := _HEADING.fullmatch(line):
            self._close()
            tail = cut(found[4].strip(), "emphasis mark") if found[4] else ""
            self.add("heading", f"{cut(found[1].strip(), 'emphasis mark')} {_inline(found[3])} {tail}", len(found[2]))
        elif _RULE.fullmatch(line):
            self._close()
            self.add("rule", cut(line.strip(), "emphasis mark"))
        elif _NOTE.match(line):
            self._close()
            self.add("para", cut(line.strip(), "footnote"))
        elif found := _ITEM.fullmatch(line):
            self._close()
            self._kind = "item"
            self._lines = [f"{cut(found[1].strip(), 'emphasis mark')} {_inline(found[2])}"]
        elif found := _QUOTE.match(line):
            if self._kind != "quote":
                self._close()
            self._kind = "quote"
            self._lines.append(f"{cut(found[0].strip(), 'emphasis mark')} {_inline(line[found.end() :].strip())}")
        else:
            self._lines.append(_inline(line.strip()) + ("\0" if line.endswith("  ") else ""))

    def _close(self) -> None:
        if self._lines:
            broken = any(line.endswith("\0") for line in self._lines)
            joint = "\n" if broken or self._kind == "pre" else " "
            self.add(self._kind, joint.join(line.rstrip("\0") for line in self._lines))
        self._lines, self._kind = [], "para"


def _inline(text: str) -> str:
    """Signs of emphasis, links, pictures and notes marked as cut."""

    def mark(found: re.Match[str]) -> str:
        if found["image"]:
            return cut(found[0], "illustration")
        if found["mark"]:
            return cut(found[0], "footnote mark")
        if found["link"]:
            end = found.end("words")
            return cut("[", "emphasis mark") + found["words"] + cut(found[0][end - found.start() :], "link to a file")
        return cut(found[0], "emphasis mark")

    return _INLINE.sub(mark, text)
