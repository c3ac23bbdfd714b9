"""Layouts a shelf of old books shows now and then: each in a small book of our own prose."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from test_text_epub_classes import epub, read
from text_pages import parse, plain, prose, text_of, titles

P = prose
ROMAN = ["I", "II", "III", "IV", "V", "VI"]


def wrapped(paragraphs: int = 4) -> str:
    return "\n\n".join("\n".join(textwrap.wrap(text, 70)) for text in plain(paragraphs))


def text_file(*sections: str, gap: str = "\n\n\n\n") -> str:
    return gap.join(("A QUIET RIVER\n\nby Ann Author", *sections)) + "\n"


def test_numbers_in_brackets_are_titles_not_notes(tmp_path: Path):
    body = "<h1>A Quiet River</h1>" + "".join(
        f"<h2>— {part} —</h2>" + "".join(f"<h2>[ {n} ]</h2>{P()}" for n in numbers)
        for part, numbers in (("I", (1, 2, 3)), ("II", (4, 5)), ("III", (6, 7)))
    )
    assert [title[-5:] for title in titles(parse(tmp_path, body))] == [f"[ {n} ]" for n in range(1, 8)]


def test_prose_under_the_authors_name_bears_the_books_title(tmp_path: Path):
    body = f"<h1>A QUIET RIVER</h1><h2>by Ann Author</h2>{P(5)}" + "".join(f"<h2>{n}</h2>{P()}" for n in ROMAN)
    assert titles(parse(tmp_path, body)) == ["A Quiet River", *ROMAN]


@pytest.mark.parametrize(
    ("above", "below"),
    [("DAY THE {}", "THE {} STORY"), ("EPOCH THE {}.", "CHAPTER THE {}"), ("VOLUME THE {}", "LETTER THE {}")],
)
def test_ordinals_that_restart_under_what_the_printer_called_it(tmp_path: Path, above: str, below: str):
    words = ["FIRST", "SECOND", "THIRD"]
    body = "<h1>A Quiet River</h1>" + "".join(
        f"<h2>{above.format(one)}</h2>" + "".join(f"<h3>{below.format(two)}</h3>{P()}" for two in words)
        for one in words
    )
    got = titles(parse(tmp_path, body))
    assert len(got) == 9
    assert got[4] == f"{above.format('SECOND')}, {below.format('SECOND')}"


def test_prefaces_set_higher_than_the_letters(tmp_path: Path):
    body = f"<h1>Cartas</h1><h2>AVERTISSEMENT</h2>{P(3)}<h2>PRÉFACE DU RÉDACTEUR</h2>{P()}" + "".join(
        f"<h3>LETTRE {n}</h3><p>Cécile à Sophie</p>{P()}" for n in ROMAN
    )
    got = titles(parse(tmp_path, body, language="fra", title="Cartas"))
    assert got == ["AVERTISSEMENT", "PRÉFACE DU RÉDACTEUR", *(f"LETTRE {n}" for n in ROMAN)]


def test_sections_of_a_chapter_with_text_stay_inside(tmp_path: Path):
    body = "<h1>A Treatise</h1>" + "".join(
        f"<h2>CHAPTER {n}</h2>{P()}" + "".join(f"<h3>Section {piece}.</h3>{P(2)}" for piece in (1, 2, 3))
        for n in ROMAN[:4]
    )
    assert titles(parse(tmp_path, body, title="A Treatise")) == [f"CHAPTER {n}" for n in ROMAN[:4]]


def test_numbers_of_an_opera_stay_in_their_act(tmp_path: Path):
    body = "<h1>The Ship</h1>" + "".join(
        f"<h2>ACT {n}.</h2><h3>SCENE.—A bay.</h3><h4>No. 1. INTRODUCTION.</h4>{P()}<h4>No. 2. AIR.</h4>{P()}"
        for n in ROMAN[:3]
    )
    assert len(titles(parse(tmp_path, body, title="The Ship"))) == 3


@pytest.mark.parametrize("alternative", ["", "The Name of {}"])
def test_titles_drawn_as_pictures_take_the_names_of_the_contents_list(tmp_path: Path, alternative: str):
    names = ["Dawn", "Noon", "Dusk", "Night"]
    listed = "".join(f'<a href="#c{n}">{name}</a><br>' for n, name in enumerate(names))
    body = f"<h1>A Quiet River</h1><h2>CONTENTS</h2><p>{listed}</p>" + "".join(
        f'<div class="figcenter" id="c{n}"><img src="{n}.jpg" alt="{alternative.format(n)}"></div>{P()}'
        for n in range(4)
    )
    assert titles(parse(tmp_path, body)) == names


def test_a_list_of_pictures_names_no_chapters(tmp_path: Path):
    listed = "".join(f'<a href="#i{n}">A view of house {n}</a><br>' for n in range(5))
    body = f"<h1>A Quiet River</h1><h2>LIST OF ILLUSTRATIONS</h2><p>{listed}</p>" + "".join(
        f'<div class="figcenter" id="i{n}"><img src="{n}.jpg" alt=""></div>{P()}' for n in range(5)
    )
    assert len(titles(parse(tmp_path, body))) == 1


def test_ways_back_to_the_contents_are_not_narrated(tmp_path: Path):
    body = "<h1>A Quiet River</h1>" + "".join(
        f'<h2>CHAPTER {n}</h2>{P()}<p><a href="#top">[Top]</a></p><p class="linenum"><a href="#toc">ToC</a></p>'
        '<p><a href="#toc">Return to Contents</a></p><p>See <a href="#top">the beginning</a> of it all.</p>'
        for n in ROMAN[:4]
    )
    said = text_of(parse(tmp_path, body))
    assert "Top" not in said
    assert "ToC" not in said
    assert "Return" not in said
    assert said.count("See the beginning of it all.") == 4


def test_a_chapter_around_its_text_centres_nothing(tmp_path: Path):
    body = "<h1>A Quiet River</h1>" + "".join(
        f'<div class="chapter"><h3>{n}</h3><p>He came. And went.</p>{P()}</div>' for n in ROMAN
    )
    assert titles(parse(tmp_path, body)) == ROMAN


def test_titles_that_end_like_a_page_number(tmp_path: Path):
    names = ["The Old Mill", "The Oval", "Night Song", "A Call"]
    text = text_file("CONTENTS\n\n" + "\n".join(names), *(f"{name}\n\n\n{wrapped()}" for name in names))
    assert titles(parse(tmp_path, text, name="book.txt")) == names


def test_stories_with_numbers_and_pieces_in_plain_text(tmp_path: Path):
    names = ["I. A SCANDAL", "II. THE LEAGUE", "III. A CASE OF NERVES"]
    text = text_file(*(f"{name}\n\n\nI.\n\n{wrapped(2)}\n\nII.\n\n{wrapped(2)}" for name in names))
    assert titles(parse(tmp_path, text, name="book.txt")) == names


def test_short_poems_in_plain_text(tmp_path: Path):
    names = ["TO A LARK", "THE OLD MILL", "NIGHT SONG", "THE SEA"]
    poem = "\n\n".join(
        "\n".join(f"  Upon the river line the {stanza}{line} reeds are blown" for line in "abcd") for stanza in "xyz"
    )
    assert titles(parse(tmp_path, text_file(*(f"{name}\n\n\n{poem}" for name in names)), name="book.txt")) == names


def test_scenes_of_one_name_after_a_list_of_scenes(tmp_path: Path):
    speech = "\n\n".join(f"SAMPSON.\n{line}" for line in plain(6))
    acts = [
        f"ACT {act}\n\n"
        + "\n\n".join(f"SCENE {scene}. A public place.\n\n Enter Sampson.\n\n{speech}" for scene in ["I", "II"])
        for act in ROMAN[:3]
    ]
    listed = "Contents\n\n" + "\n\n".join(
        f"ACT {act}\nScene I. A public place.\nScene II. A street." for act in ROMAN[:3]
    )
    got = titles(parse(tmp_path, text_file(listed, *acts), name="book.txt"))
    assert got[:2] == ["ACT I, SCENE I. A public place.", "ACT I, SCENE II. A public place."]
    assert len(got) == 6


def test_volumes_of_a_chinese_history(tmp_path: Path):
    text = "史\n\n" + "\n\n".join(f"卷{n}\n\n" + "\n\n".join(plain(5, "zho")) for n in "一二三四")
    assert titles(parse(tmp_path, text, name="book.txt", language="zho")) == [f"卷{n}" for n in "一二三四"]


def test_prologue_and_epilogue_as_paragraphs_that_open_their_files(tmp_path: Path):
    names = ["Prologue", "1", "2", "3", "4", "Epilogue"]
    pages = {f"split_{n}.html": f'<p class="calibre1"><span>{name}</span></p>{P()}' for n, name in enumerate(names)}
    assert titles(read(epub(tmp_path / "b.epub", pages))) == names


def test_pages_about_the_edition_are_left_out(tmp_path: Path):
    rights = "You may do as you like with this edition, for nobody keeps it from you. " * 20
    pages = {
        "imprint.xhtml": "<section><h2>Imprint</h2><p>Made by many hands.</p></section>",
        **{f"c{n}.xhtml": f"<h2>{name}</h2>{P()}" for n, name in enumerate(("The Oak", "The Ash", "The Elm"))},
        "colophon.xhtml": "<section><h2>Colophon</h2><p>Set in a plain face.</p></section>",
        "uncopyright.xhtml": f"<section><h2>Uncopyright</h2><p>{rights}</p></section>",
    }
    parsed = read(epub(tmp_path / "b.epub", pages))
    assert titles(parsed) == ["The Oak", "The Ash", "The Elm"]


def test_a_year_and_a_cast_before_the_first_act_are_no_chapter(tmp_path: Path):
    speech = "".join(f"<p>{line}</p>" for line in plain(6))
    cast = (
        "<table><caption>PERSONS</caption><tr><td>Halla</td></tr></table><p><i>It happens in a quiet country.</i></p>"
    )
    body = (
        "<h3>TWO PLAYS</h3><h5>CLASSICS</h5><h5>VOLUME VI</h5><h4>CONTENTS</h4><table><tr><td><a href='#a'>THE HILLS</a></td></tr><tr><td><a href='#b'>THE FARM</a></td></tr><tr><td><a href='#c'>LAST</a></td></tr></table>"
        + "".join(
            f"<h4 id='{anchor}'>{name}</h4><h6>A DRAMA</h6><h5>1911</h5>{cast}"
            + "".join(f"<h5>ACT {n}</h5>{speech}" for n in ROMAN[:3])
            for anchor, name in (("a", "THE HILLS"), ("b", "THE FARM"))
        )
    )
    got = titles(parse(tmp_path, body, title="Two Plays"))
    assert [title[-7:].strip(", ") for title in got] == ["ACT I", "ACT II", "ACT III"] * 2


def test_a_box_of_the_transcribers_own_is_not_narrated(tmp_path: Path):
    body = '<div class="mynote"><p>This text uses utf-8. A few errors have been marked.</p></div>' + "".join(
        f"<h2>CHAPTER {n}</h2>{P()}" for n in ROMAN
    )
    assert "utf-8" not in text_of(parse(tmp_path, body))


def test_words_cut_at_line_ends_are_whole_again(tmp_path: Path):
    opening = (
        "The old won-\nderful house and the well-\nknown man with two- and three-storey\nbarns stood there, and Mary-\n"
        "Ann saw it all from her window."
    )
    chapters = [f"CHAPTER {n}\n\n\n{opening if n == 'I' else 'A wonderful day.'}\n\n{wrapped()}" for n in ROMAN[:3]]
    parsed = parse(tmp_path, text_file(*chapters), name="book.txt")
    said = text_of(parsed)
    assert "The old wonderful house and the well-known man with two- and three-storey barns" in said
    assert parsed.coverage.balances


@pytest.mark.parametrize("between", ["[Pg 12]", "[12]", "{12}"])
def test_a_paragraph_cut_by_the_foot_of_a_page_is_said_in_one(tmp_path: Path, between: str):
    page = f"The man went to the\n\n{between}\n\nriver and fell in."
    chapters = [f"CHAPTER {n}\n\n\n{page.replace('12', str(12 + at))}\n\n{wrapped()}" for at, n in enumerate(ROMAN)]
    parsed = parse(tmp_path, text_file(*chapters), name="book.txt")
    assert text_of(parsed).count("The man went to the river and fell in.") == 6
    body = "".join(
        f'<h2>CHAPTER {n}</h2><p>The man went to the</p><div class="pagenum">{at}</div><p>river and fell in.</p>{P()}'
        for at, n in enumerate(ROMAN, 12)
    )
    assert text_of(parse(tmp_path, body)).count("The man went to the river and fell in.") == 6


def test_numbers_at_the_right_of_verse_are_not_said(tmp_path: Path):
    poem = "\n".join(
        f"  Upon the river line the reeds are blown{f'      {line}' if line % 5 == 0 else ''}" for line in range(1, 21)
    )
    parsed = parse(tmp_path, text_file(*(f"CANTO {n}\n\n{poem}" for n in ROMAN[:3])), name="book.txt")
    assert "blown 5" not in text_of(parsed)
    assert parsed.coverage.skipped["line number"] == 12


def test_rules_of_drawn_tables_are_not_said(tmp_path: Path):
    drawn = "<pre>+------+-----+\n| one  | two |\n+------+-----+</pre>"
    parsed = parse(tmp_path, "".join(f"<h2>CHAPTER {n}</h2>{drawn}{P()}" for n in ROMAN[:3]))
    assert "+--" not in text_of(parsed)
    assert "one" in text_of(parsed)


def test_readings_and_typists_notes_of_aozora_texts_are_not_said(tmp_path: Path):
    line = "彼は｜漢字《かんじ》を見た。［＃「見た」に傍点］"
    text = "河\n\n著者\n\n\n" + "\n\n".join(f"{n}\n\n{line}\n\n" + "\n\n".join(plain(3, "jpn")) for n in "一二三")
    said = text_of(parse(tmp_path, text, name="book.txt", language="jpn"))
    assert "彼は漢字を見た。" in said
    assert "かんじ" not in said
    assert "傍点" not in said


def test_a_note_between_rules_whose_mark_is_a_link(tmp_path: Path):
    note = '<p>He came.<a href="#f{n}">[{n}]</a></p><hr><p><a id="f{n}"></a>[{n}] Not a true thing at all.</p><hr>'
    body = "".join(f"<h2>CHAPTER {r}</h2>{note.replace('{n}', str(n))}{P()}" for n, r in enumerate(ROMAN, 1))
    said = text_of(parse(tmp_path, body))
    assert "Not a true thing" not in said
    assert said.count("He came.") == 6


def test_a_bare_number_in_a_paragraph_called_page(tmp_path: Path):
    body = "".join(
        f'<h2>CHAPTER {r}</h2><p>The man came</p><p class="page">{n}</p><p>home.</p><div class="page">{P()}</div>'
        for n, r in enumerate(ROMAN, 123)
    )
    said = text_of(parse(tmp_path, body))
    assert "The man came home." in said
    assert "123" not in said
    assert "remembered" in said
