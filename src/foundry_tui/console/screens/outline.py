"""A book's sections: what is narrated, what is left out and why; decided by key, and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from foundry_tui.console.doing import outline as doing
from foundry_tui.console.glyphs import STATUS
from foundry_tui.console.screens.listing import Line, ListingScreen
from foundry_tui.console.screens.reading import ReadingScreen
from foundry_tui.console.widgets.columns import Column, Row, cell
from foundry_tui.domain.plain import plain, plain_lines
from foundry_tui.domain.status import Status

if TYPE_CHECKING:
    from foundry_tui.operations.sections import BookOutline, OutlineSection

_SHOWN = 3


class OutlineScreen(ListingScreen):
    """The outline is read once and after each decision: reading it means parsing the source."""

    scope = "sections"
    costly = True
    columns = (
        Column("CH", 4, right=True),
        Column("STATE", 11),
        Column("SECTION", 16, share=3),
        Column("KIND", 10, rank=4),
        Column("WORDS", 8, right=True, rank=1),
        Column("WHY", 12, share=2, rank=2),
        Column("BEGINS", 12, share=2, rank=5),
    )

    def __init__(self, book_id: str, title: str) -> None:
        super().__init__()
        self.book_id = book_id
        self.title_of_book = title
        self.outline: BookOutline | None = None
        self.page: Mapping[str, Any] = {}

    async def read(self) -> Sequence[Row] | None:
        """Parse the source as it would be parsed now."""
        page = await self.console.ask(lambda inner: inner.book_page(self.book_id))
        found = await self.console.ask(lambda inner: inner.foundry.sections.outline(self.book_id))
        self.page = page or self.page
        if found is None:
            return () if not self.loaded else None
        self.outline = found
        return section_rows(found)

    @property
    def productions(self) -> list[tuple[str, str]]:
        """(audiobook_id, book's name) of every production that follows these decisions."""
        made = self.page.get("productions") or ()
        language = self.outline.language if self.outline is not None else None
        same = [each for each in made if language is None or each.get("language") in {None, language} or len(made) == 1]
        return [
            (str(each["audiobook_id"]), self.title_of_book)
            for each in same or made
            if each.get("status") != Status.CANCELLED.value
        ]

    def decisions_of(self, section: OutlineSection) -> list[int]:
        """What was decided about a section: the ids, oldest first."""
        decided = self.outline.decided if self.outline is not None else ()
        return [each.override_id for each in decided if _is_of(each, section)]

    def chosen(self) -> list[OutlineSection]:
        """The marked sections, else the one under the cursor."""
        from foundry_tui.operations.sections import OutlineSection

        return [row.data for row in self.list.chosen() if isinstance(row.data, OutlineSection)]

    def facts(self) -> Sequence[Line]:
        """Title, counts, the last parse's receipt, the productions."""
        lines: list[Line] = [[(plain(self.title_of_book, 200), "bold"), (f"  {plain(self.book_id, 20)}", "dim")]]
        outline = self.outline
        if outline is None:
            return [*lines, [("Its source is being read …" if not self.loaded else "", "dim")]]
        kept = [each for each in outline.sections if each.kept]
        left = [each for each in outline.sections if not each.kept]
        lines.append(
            [
                (f"{len(kept):,} narrated, {sum(each.words for each in kept):,} words", "ok"),
                (f"  {len(left):,} left out, {sum(each.words for each in left):,} words", "warn" if left else "dim"),
                (f"  {len(outline.decided):,} decided by you" if outline.decided else "", "accent"),
                (f"  {self.counted()} shown", "dim"),
            ]
        )
        lines.append(self._receipt())
        lines += [[(f"! {plain(words, 300)}", "warn")] for words in outline.unfit[:_SHOWN]]
        lines.append([(made_words(self.productions), "dim")])
        return lines

    def _receipt(self) -> Line:
        coverage = self._coverage()
        if not coverage:
            return [("Not parsed yet: the receipt of every word is there once it is.", "dim")]
        parts = [f"of {int(coverage.get('source_words') or 0):,} words {int(coverage.get('spoken') or 0):,} are spoken"]
        for name in ("replaced", "skipped"):
            rows = coverage.get(name) or {}
            parts.append(f"{sum(int(each) for each in rows.values()):,} {name}" if isinstance(rows, Mapping) else "")
        return [(f"At the last parse {', '.join(part for part in parts if part)} (v: all of it).", "dim")]

    def _coverage(self) -> Mapping[str, Any]:
        receipts = self.page.get("coverage") or {}
        language = self.outline.language if self.outline is not None else ""
        found: Mapping[str, Any] = receipts.get(language) or next(iter(receipts.values()), {})
        return found

    def receipt_lines(self) -> list[Line]:
        """The coverage receipt in full."""
        from foundry_tui.console.screens.book import coverage_lines

        coverage = self._coverage()
        return list(coverage_lines(coverage)) if coverage else [[("Not parsed yet.", "dim")]]

    def empty_words(self) -> str:
        """There is no outline."""
        return "No section was found: look at the book (enter in the Catalog), and at its source file."

    async def do(self, name: str) -> None:
        """See doing/outline.py."""
        await doing.perform(self, name)

    async def open_row(self) -> None:
        """A section in full."""
        sections = self.chosen()
        if sections:
            self.app.push_screen(section_screen(sections[0]))


def section_rows(outline: BookOutline) -> list[Row]:
    """Each section on a line."""
    seen: dict[str, int] = {}
    rows = []
    for section in outline.sections:
        seen[section.text_hash] = nth = seen.get(section.text_hash, 0) + 1
        sign = STATUS[Status.SUCCESS if section.kept else Status.CANCELLED]
        decided = [each.action.replace("_", " ") for each in outline.decided if _is_of(each, section)]
        why = f"you: {', '.join(decided)}" if decided else section.reason
        rows.append(
            Row(
                f"{section.text_hash}.{nth}",
                (
                    cell(section.chapter_number if section.chapter_number is not None else "–", "dim"),
                    cell(
                        f"{sign.drawn()} {'narrated' if section.kept else 'left out'}", "ok" if section.kept else "off"
                    ),
                    cell(plain(section.title, 200) or "(no title)", "" if section.kept else "dim"),
                    cell(plain(section.kind, 40), "dim"),
                    cell(f"{section.words:,}", "" if section.kept else "dim"),
                    cell(plain(why, 200), "accent" if decided else "warn"),
                    cell(plain(section.opening, 200), "dim"),
                ),
                data=section,
            )
        )
    return rows


def _is_of(decision: Any, section: OutlineSection) -> bool:
    if decision.text_hash:
        return bool(decision.text_hash == section.text_hash)
    return bool(decision.anchor and decision.anchor == section.anchor)


def section_screen(section: OutlineSection) -> ReadingScreen:
    """What is known of a section."""
    facts = (
        ("Chapter", section.chapter_number), ("Kind", section.kind), ("Words", f"{section.words:,}"),
        ("Anchor", section.anchor), ("Left out", section.reason if not section.kept else ""),
    )  # fmt: skip
    lines: list[Line] = [[(plain(section.title, 300) or "(no title)", "bold")], []]
    lines += [[(f"{name:<10}", "dim"), (plain(value), "")] for name, value in facts if value not in {None, ""}]
    lines += [[], [("It begins", "dim")], *([(text, "")] for text in plain_lines(section.opening).splitlines())]
    return ReadingScreen(f"Section: {plain(section.title, 60)}", lines)


def made_words(made: Sequence[tuple[str, str]]) -> str:
    """Which productions follow a decision, in a sentence."""
    if not made:
        return "No production follows yet: it acts when one is made."
    ids = ", ".join(plain(audiobook_id, 20) for audiobook_id, _ in made[:_SHOWN])
    more = f" and {len(made) - _SHOWN} more" if len(made) > _SHOWN else ""
    return f"{len(made)} production{'s follow' if len(made) > 1 else ' follows'} it when rebuilt: {ids}{more}."
