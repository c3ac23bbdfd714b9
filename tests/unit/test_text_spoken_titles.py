"""Titles that stand nowhere in the text are said all the same, and the receipt does not count their words."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_text_epub_classes import epub
from text_pages import parse, prose

from foundry_tui.errors import UsageError
from foundry_tui.text.parse import ParsedBook, ParseOptions, parse_novel
from foundry_tui.text.rules.names import require_rules


def _openings(parsed: ParsedBook) -> list[tuple[str, str]]:
    return [(chapter.chunks[0].kind, chapter.chunks[0].speech) for chapter in parsed.chapters]


def test_a_book_without_chapters_begins_with_its_title(tmp_path: Path) -> None:
    title = "The Clockmaker's Daughter"
    parsed = parse(tmp_path, f"<h1>{title}</h1><h2>by Ann Author</h2>{prose(6)}", title=title)
    (chapter,) = parsed.chapters
    first = chapter.chunks[0]
    assert (first.kind, first.text, first.pause_after_ms) == ("heading", title, 1200)
    assert sum(title in chunk.text for chunk in chapter.chunks) == 1
    assert parsed.coverage.balances
    assert parsed.coverage.skipped["title page"] == 6
    assert chapter.words == parsed.coverage.spoken + sum(parsed.coverage.replaced.values())


def test_titles_that_only_the_navigation_knows_are_said(tmp_path: Path) -> None:
    pages = {f"c{n}.xhtml": f'<img src="head{n}.png" alt=""/>{prose(3)}' for n in (1, 2, 3)}
    nav = [("Chapter IV", "c1.xhtml"), ("5", "c2.xhtml"), ("The Old Mill", "c3.xhtml")]
    parsed = parse_novel(epub(tmp_path / "b.epub", pages, nav=nav), book_id="b", language="eng")
    assert _openings(parsed) == [("heading", "Chapter four"), ("heading", "Five."), ("heading", "The Old Mill")]
    assert parsed.coverage.balances
    # The rule that says IV acts on a word the source has not: it replaced nothing of it.
    assert "heading" not in parsed.coverage.replaced


def test_a_title_the_text_begins_with_is_said_once(tmp_path: Path) -> None:
    pages = {f"c{n}.xhtml": f"<p>The Tale of the Mill Number {n}</p>{prose(3)}" for n in (1, 2, 3)}
    nav = [(f"The tale of the mill, number {n}", f"c{n}.xhtml") for n in (1, 2, 3)]
    parsed = parse_novel(epub(tmp_path / "b.epub", pages, nav=nav), book_id="b", language="eng")
    for number, chapter in enumerate(parsed.chapters, 1):
        said = [chunk.text for chunk in chapter.chunks if f"Mill Number {number}" in chunk.text.title()]
        assert len(said) == 1


def test_a_section_the_operator_made_has_its_title_said(tmp_path: Path) -> None:
    body = "".join(f'<h2 id="c{n}">CHAPTER {n}</h2>{prose(2)}' for n in (1, 2))
    long = f"This is where it turns, and {' and '.join(['so on'] * 30)}."
    parsed = parse(
        tmp_path,
        f'{body}<p id="turn">{long}</p>{prose(2)}',
        options=ParseOptions(overrides=({"action": "split", "anchor": "#turn", "title": "The Turn"},)),
    )
    assert [chapter.chunks[0].text for chapter in parsed.chapters] == ["CHAPTER 1", "CHAPTER 2", "The Turn"]
    assert parsed.chapters[2].chunks[1].text.startswith("This is where it turns")
    assert parsed.coverage.balances


@pytest.mark.parametrize(
    ("typed", "language", "near"),
    [("ordnal", None, "ordinal"), ("eng:regnal", None, "regnal_number"), ("+currensy", "eng", "currency")],
)
def test_a_misspelt_rule_is_refused_with_those_near_it(typed: str, language: str | None, near: str) -> None:
    with pytest.raises(UsageError) as refused:
        require_rules([typed], language)
    assert near in refused.value.action


def test_rules_are_known_by_name_and_language() -> None:
    require_rules(["ordinal", "eng:ordinal", "+currency"])
    with pytest.raises(UsageError, match="of 'xyz'"):
        require_rules(["xyz:ordinal"])
