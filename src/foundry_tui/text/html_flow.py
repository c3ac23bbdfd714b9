"""Text nodes gathered to blocks: what stands between two borders of a page's flow is one heading, paragraph or row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from foundry_tui.text.decode import clean_line, has_odd
from foundry_tui.text.document import CUT_OPEN, LINE, Block, cut, split_cuts

HEADINGS = {f"h{level}": level for level in range(1, 7)}


class Flow:
    """The blocks of one file as they come, and what is known about the text being gathered."""

    def __init__(self, first: int, prefix: str, file: int) -> None:
        self.blocks: list[Block] = []
        self.anchors: dict[str, int] = {}
        self._first, self._prefix, self._file = first, prefix, file
        self._parts: list[str] = []
        self._links: list[tuple[str, str]] = []
        self._ids: list[tuple[str, int]] = []
        self._reasons: list[tuple[Any, str]] = []
        self._contexts: list[tuple[Any, str]] = []  # open elements that say what the text in them is
        self._bold = self._centre = self._pre = self._poem = self._quote = 0
        self._group = self._groups = 0
        self._tags: list[tuple[str, str]] = []  # (tag, class names) of open blocks
        self._bold_signs = 0
        self._link: tuple[str, int] | None = None
        self._note = ""

    def _add(self, text: str) -> None:
        if self._pre:
            text = text.replace("\r\n", "\n").replace("\n", LINE)
        if not self._reasons:
            self._parts.append(text)
            if self._bold:
                self._bold_signs += len(text)
        elif text.isspace():
            self._parts.append(text)
        elif LINE in text:
            reason = self._reasons[-1][1]
            self._parts.append(LINE.join(cut(line, reason) if line.strip() else line for line in text.split(LINE)))
        else:
            self._parts.append(cut(text, self._reasons[-1][1]))

    def _rule(self) -> None:
        self._place_ids(len(self.blocks))
        self.blocks.append(Block("rule", "", "", self._first + len(self.blocks), file=self._file))

    def _place_ids(self, position: int) -> None:
        for name, _ in self._ids:
            self.anchors.setdefault(f"{self._prefix}#{name}", self._first + position)
        self._ids.clear()

    def _flush(self) -> None:
        if not self._parts:
            return
        marked = "".join(self._parts)
        if marked.isspace():
            self._parts.clear()
            self._ids = [(name, 0) for name, _ in self._ids]
            return
        kept_ids = self._late_ids()
        for piece in self._pieces(marked):
            self._emit(piece)
        self._parts.clear()
        self._links.clear()
        self._bold_signs = 0
        self._ids = kept_ids

    def _late_ids(self) -> list[tuple[str, int]]:
        """Ids after the block's last words belong to what follows; the others are placed here."""
        late: list[tuple[str, int]] = []
        for name, start in self._ids:
            rest = "".join(self._parts[start:])
            if start and (not rest.strip() or (CUT_OPEN in rest and not split_cuts(rest)[1].strip())):
                late.append((name, 0))
            else:
                self.anchors.setdefault(f"{self._prefix}#{name}", self._first + len(self.blocks))
        return late

    def _pieces(self, marked: str) -> Iterator[str]:
        """The lines of a block, joined by line feeds; preformatted text is cut at its blank lines."""
        if not self._pre:
            if LINE not in marked:
                yield " ".join(marked.split())
                return
            lines = [" ".join(line.split()) for line in marked.split(LINE)]
            yield "\n".join(line for line in lines if line)
            return
        gathered: list[str] = []
        for line in marked.split(LINE):
            words = " ".join(line.split())
            if words:
                gathered.append(words)
            elif gathered:
                yield "\n".join(gathered)
                gathered = []
        if gathered:
            yield "\n".join(gathered)

    def _emit(self, line: str) -> None:
        if not line:
            return
        if has_odd(line):
            line = clean_line(line)
        raw, text, cuts = split_cuts(line) if CUT_OPEN in line else (line, line, ())
        if not raw.strip():
            return
        kind, level, style = self._kind()
        self.blocks.append(
            Block(
                kind,
                raw,
                text,
                self._first + len(self.blocks),
                level=level,
                style=style,
                cuts=cuts,
                links=tuple(self._links),
                skip="" if text else cuts[0][0] if cuts else "",
                group=self._group,
                centred=self._centre > 0,
                bold=self._bold_signs * 10 >= len(text) * 9 > 0,
                note=self._note,
                file=self._file,
            )
        )

    def _kind(self) -> tuple[str, int, str]:
        style = " ".join(names for _, names in self._tags[-2:] if names)
        for tag, _ in reversed(self._tags[-4:]):
            if tag in HEADINGS:
                return "heading", HEADINGS[tag], style
            if tag == "li":
                return "item", 0, style
            if tag in {"dt", "dd"}:
                return "item", 0, style
            if tag == "tr":
                return "row", 0, style
            if tag == "pre":
                return "pre", 0, style
            if tag in {"table", "blockquote"}:
                break
        if self._poem:
            return "verse", 0, style
        return ("quote" if self._quote else "para"), 0, style
