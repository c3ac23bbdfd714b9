"""A book looked into: what it is, its file, its chapters, what of it is not spoken, and its productions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundry_tui.console.glyphs import STATUS
from foundry_tui.console.screens.production_rows import published_files
from foundry_tui.console.screens.reading import Line, ReadingScreen
from foundry_tui.domain.plain import plain, plain_lines
from foundry_tui.domain.status import Status

_FACTS = (
    ("author", "Author"), ("language", "Language"), ("year_published", "Year"), ("genre", "Genre"), ("isbn", "ISBN"),
    ("narrator_id", "Narrator"), ("source_url", "From"), ("book_id", "Book id"),
)  # fmt: skip


def book_screen(shown: Mapping[str, Any]) -> ReadingScreen:
    """From what ``Catalog.show`` answers."""
    book = shown["book"]
    lines: list[Line] = [[(plain(book["book_name"]), "bold")], []]
    lines += [[(f"{label:<10}", "dim"), (plain(book[name]), "")] for name, label in _FACTS if book.get(name)]
    lines.append([("File      ", "dim"), (plain(shown["source"] or "is not there"), "" if shown["source"] else "bad")])
    if book.get("summary"):
        lines += [[], *([(text, "")] for text in plain_lines(book["summary"]).splitlines())]
    for language, chapters in (shown.get("chapters") or {}).items():
        words = sum(int(chapter.get("words") or 0) for chapter in chapters)
        lines += [[], [(f"Chapters in {plain(language)}: {len(chapters)}, {words:,} words", "bold")]]
        coverage = (shown.get("coverage") or {}).get(language)
        if coverage:
            lines += coverage_lines(coverage)
        lines += [
            [
                (f"  {chapter.get('number', ''):>3}  ", "dim"),
                (plain(chapter.get("title", ""), 70), ""),
                (f"  {int(chapter.get('words') or 0):,} words, {chapter.get('chunks', '')} chunks", "dim"),
            ]
            for chapter in chapters
        ]
    if not shown.get("chapters"):
        lines += [[], [("Not parsed yet: its chapters are found when it is produced.", "dim")]]
    made = shown.get("productions") or []
    lines += [[], [(f"Productions: {len(made)}", "bold")]]
    for production in made:
        sign = STATUS[Status(production["status"])]
        lines.append(
            [
                (f"  {sign.drawn()} {sign.word:<10}", sign.style),
                (f"{production['audiobook_id']}  {plain(production['narrator_id'])}", ""),
                (f"  published {production['publish_date']}" if production.get("publish_date") else "", "dim"),
            ]
        )
        lines += [[(f"      {file}", "dim")] for file in published_files(production.get("totals") or {})]
    return ReadingScreen(f"Book: {plain(book['book_name'], 60)}", lines)


def coverage_lines(coverage: Mapping[str, Any]) -> list[Line]:
    """The receipt: every word of the source ends as spoken, replaced or skipped."""
    source = int(coverage.get("source_words") or 0)
    lines: list[Line] = [
        [("  Of ", "dim"), (f"{source:,}", ""), (" words of the source ", "dim"),
         (f"{int(coverage.get('spoken') or 0):,} are spoken", "ok")]
    ]  # fmt: skip
    for name, style in (("replaced", ""), ("skipped", "dim")):
        rows = coverage.get(name) or {}
        if isinstance(rows, Mapping):
            lines += [[(f"    {int(words):>9,} {name}: ", style), (plain(why), style)] for why, words in rows.items()]
    if coverage.get("balances") is False:
        lines.append([("    The words do not add up: this is a fault in Foundry.", "bad")])
    for part in coverage.get("left_out") or ():
        words = f"    left out, {plain(part.get('reason', ''))}, {int(part.get('words') or 0):,} words: "
        lines.append([(words, "dim"), (plain(part.get("title", ""), 60), "dim")])
    return lines
