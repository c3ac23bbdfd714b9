"""Credits: what they say, when they are wanted, and what they leave alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from foundry_tui.domain.chapters import Chapter, Chunk
from foundry_tui.domain.credit_texts import TEXTS, checked_template
from foundry_tui.domain.editions import EDITIONS, edition_names, ordered_editions
from foundry_tui.domain.reasons import reasons
from foundry_tui.errors import UsageError
from foundry_tui.steps.credits import credits_key, credits_wanted, with_credits
from foundry_tui.steps.toolbox import StepSettings
from foundry_tui.text.rules.table import languages

BOOK = (Chapter(1, "One", "chapter", 2, (Chunk(1, "Some words.", "prose", 400, (0, 0)),)),)


def context(language: str = "eng", title: str = "The Tale", author: str | None = "A. Writer", **options: Any) -> Any:
    facts = {"title": title, "author": author, "year_published": 1900}
    return SimpleNamespace(
        production=SimpleNamespace(options=options, language=language),
        narrator=SimpleNamespace(narrator_name="Anna"),
        results={"metadata": {"facts": facts}},
    )


def said(chapters: tuple[Chapter, ...], place: int) -> list[str]:
    return [chunk.text for chunk in chapters[place].chunks]


def test_they_stand_before_and_after_and_the_book_keeps_its_numbers() -> None:
    made = with_credits(context(), StepSettings(credits="on"), BOOK)
    assert [chapter.number for chapter in made] == [0, 1, 2]
    assert made[1] is BOOK[0]
    assert said(made, 0) == ["The Tale.", "Written by A. Writer.", "Narrated by Anna."]
    assert said(made, 2) == ["This has been The Tale.", "Written by A. Writer.", "Narrated by Anna.", "The end."]
    assert all(chapter.words == 0 for chapter in (made[0], made[2]))


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_language_with_rules_has_words_of_its_own(language: str) -> None:
    assert language in TEXTS
    made = with_credits(context(language), StepSettings(credits="on"), BOOK)
    assert len({chunk.text for chapter in made for chunk in chapter.chunks}) >= 6
    assert all("{" not in chunk.speech for chapter in made for chunk in chapter.chunks)
    assert any("Anna" in line for line in said(made, 0))


def test_a_line_whose_field_is_unknown_is_left_out_and_rules_act() -> None:
    made = with_credits(context(author=None, title="Dr. Moreau!"), StepSettings(credits="on"), BOOK)
    assert said(made, 0) == ["Dr. Moreau!", "Narrated by Anna."]
    assert made[0].chunks[0].speech == "Doctor Moreau!"


def test_the_operators_words_and_a_field_that_is_none() -> None:
    settings = StepSettings(credits="on", opening_credits="{title}, of {year}\n\nRead on", closing_credits="...")
    made = with_credits(context(title="{author} {0.x}"), settings, BOOK)
    assert said(made, 0) == ["{author} {0.x}, of 1900", "Read on"]  # what a title holds is no field
    assert [chapter.number for chapter in made] == [0, 1]  # nothing can be said at the end
    with pytest.raises(UsageError, match="publisher"):
        checked_template("{title} {publisher}", "audio.opening_credits")


def test_they_are_wanted_as_ordered_else_as_configured_else_by_a_shop() -> None:
    assert not credits_wanted(context(), StepSettings())
    assert credits_wanted(context(), StepSettings(mastering_profile="acx"))
    assert credits_wanted(context(editions=["acx"]), StepSettings())
    assert not credits_wanted(context(editions=["acx"], credits=False), StepSettings(credits="on"))
    assert credits_wanted(context(credits=True), StepSettings(credits="off"))
    assert credits_key(context(), StepSettings()) == {}
    one, other = (credits_key(context(title=title, credits=True), StepSettings()) for title in ("A", "B"))
    assert one != other


def test_editions_are_named_ordered_and_configured() -> None:
    assert edition_names(" MP3, opus epub,none") == ("mp3", "opus", "epub")
    with pytest.raises(UsageError, match="wma"):
        edition_names("mp3,wma")
    assert ordered_editions({}, ("vtt", "srt"), mp3=True) == ("mp3", "srt", "vtt")
    assert ordered_editions({"editions": []}, ("srt",), mp3=True) == ()
    assert ordered_editions({"editions": "lrc", "mp3": True}, ("srt",), mp3=False) == ("mp3", "lrc")
    assert ordered_editions({"editions": list(EDITIONS)}, (), mp3=False) == tuple(EDITIONS)


def test_a_changed_list_is_said_in_words() -> None:
    told = reasons({"editions": {"mp3": "1", "srt": "1"}}, {"editions": {"epub": "1", "srt": "1"}})
    assert told == ["epub was ordered, mp3 is no longer ordered"]
    assert reasons({"editions": {"srt": "1"}}, {"editions": {"srt": "2"}}) == ["an edition changed"]
