"""Plain text as it comes: Gutenberg's wrapped lines, capitals between blank lines, contents lists, Chinese lines."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from text_pages import parse, plain, text_of, titles


def wrapped(paragraphs: int = 3, language: str = "eng") -> str:
    return "\n\n".join("\n".join(textwrap.wrap(text, 72)) for text in plain(paragraphs, language)) + "\n"


def book(*sections: str, head: str = "A Quiet River\n\nby Ann Author\n") -> str:
    return "\n\n\n\n".join((head, *sections))


def section(title: str, language: str = "eng") -> str:
    return f"{title}\n\n\n{wrapped(3, language)}"


def test_chapter_words_with_titles_on_the_next_line(tmp_path: Path):
    text = book(
        "Contents\n\n CHAPTER I.     Down the Hole\n CHAPTER II.    The Pool\n CHAPTER III.   A Race\n",
        *(
            section(f"CHAPTER {n}.\n{name}")
            for n, name in (("I", "Down the Hole"), ("II", "The Pool"), ("III", "A Race"))
        ),
    )
    parsed = parse(tmp_path, text, name="book.txt")
    assert titles(parsed) == ["CHAPTER I. Down the Hole", "CHAPTER II. The Pool", "CHAPTER III. A Race"]
    assert parsed.title == "A Quiet River"
    assert parsed.author == "Ann Author"


def test_titles_after_a_blank_line_belong_to_their_number(tmp_path: Path):
    text = book(
        *(section(f"CHAPTER {n}\n\nTHE {name}") for n, name in (("I", "STORM"), ("II", "CALM"), ("III", "END OF IT")))
    )
    assert titles(parse(tmp_path, text, name="book.txt")) == [
        "CHAPTER I. THE STORM",
        "CHAPTER II. THE CALM",
        "CHAPTER III. THE END OF IT",
    ]


@pytest.mark.parametrize("numerals", [["I.", "II.", "III."], ["1", "2", "3"], ["I", "II", "III"]])
def test_bare_numerals(tmp_path: Path, numerals: list[str]):
    assert titles(parse(tmp_path, book(*(section(n) for n in numerals)), name="book.txt")) == numerals


def test_indented_numerals_and_a_spaced_out_title_page(tmp_path: Path):
    head = (
        " " * 26
        + "A QUIET RIVER\n\n"
        + " " * 32
        + "VON\n\n"
        + " " * 28
        + "ANN AUTHOR\n\n\n"
        + " " * 18
        + "K U R T  V E R L A G\n"
    )
    text = book(*(section(n, "deu") for n in ("I.", "II.", "III.")), head=head)
    parsed = parse(tmp_path, text, name="book.txt", language="deu")
    assert titles(parsed) == ["I.", "II.", "III."]
    assert "K U R T" not in text_of(parsed)


def test_stories_in_capitals_without_numbers(tmp_path: Path):
    names = ["THE FROG AND THE KING", "HANS IN LUCK", "CLEVER ELSIE"]
    assert titles(parse(tmp_path, book(*(section(name) for name in names)), name="book.txt")) == names


def test_stories_listed_in_the_contents(tmp_path: Path):
    names = ["The Frog and the King", "Hans in Luck", "Clever Elsie"]
    listed = "CONTENTS\n\n" + "\n".join(f"  {name}  {n * 7}" for n, name in enumerate(names, 1)) + "\n"
    parsed = parse(tmp_path, book(listed, *(f"{name.upper()}\n\n{wrapped()}" for name in names)), name="book.txt")
    assert titles(parsed) == [name.upper() for name in names]


def test_underlined_headings(tmp_path: Path):
    text = book(*(f"The {name}\n=========\n\n{wrapped()}" for name in ("Storm", "Calm", "Night")))
    parsed = parse(tmp_path, text, name="book.txt")
    assert titles(parsed) == ["The Storm", "The Calm", "The Night"]
    assert "==" not in text_of(parsed)


def test_named_sections_around_chapters(tmp_path: Path):
    text = book(section("PREFACE"), *(section(f"CHAPTER {n}") for n in ("I", "II", "III")), section("EPILOGUE"))
    assert titles(parse(tmp_path, text, name="book.txt")) == [
        "PREFACE",
        "CHAPTER I",
        "CHAPTER II",
        "CHAPTER III",
        "EPILOGUE",
    ]


def test_parts_over_chapters(tmp_path: Path):
    text = book(
        *(
            f"PART {part}\n\n\n\n" + "\n\n\n\n".join(section(f"CHAPTER {n}") for n in ("I", "II", "III"))
            for part in ("ONE", "TWO")
        )
    )
    got = titles(parse(tmp_path, text, name="book.txt"))
    assert len(got) == 6
    assert got[3] == "PART TWO, CHAPTER I"


def test_no_division_is_one_chapter(tmp_path: Path):
    parsed = parse(tmp_path, book(wrapped(9)), name="book.txt")
    assert titles(parsed) == ["A Quiet River"]
    assert "Author" not in text_of(parsed)


def test_emphasis_pictures_notes_and_pages_are_not_spoken(tmp_path: Path):
    marked = (
        "It was _very_ still[1] and =dark= there {12} in the house. [Illustration: The\nhouse] Nobody[A] came.\n\n"
        "[Illustration]\n\n[Footnote 1: Or so they say.\n\nIndeed they do.]\n\n[A] At least not then.\n\n[Pg 13]\n\n{14}\n\n{15} She left.\n\n"
        "There were__blanks__ and snake_case_names.\n"
    )
    text = book(*(f"CHAPTER {n}\n\n\n{marked if n == 'I' else ''}\n{wrapped()}" for n in ("I", "II", "III")))
    said = text_of(parse(tmp_path, text, name="book.txt"))
    assert "It was very still and dark there in the house. Nobody came." in said
    assert "so they say" not in said
    assert "Indeed they do" not in said
    assert "not then" not in said
    assert "[" not in said
    assert "{" not in said
    assert "snake_case_names" in said


def test_gutenberg_text_frame(tmp_path: Path):
    head = (
        "The Project Gutenberg EBook of A Quiet River, by Ann Author\n\nThis eBook is for the use of anyone anywhere\n\n"
        "Title: A Quiet River\n\nAuthor: Ann Author\n\nLanguage: English\n\n*** START OF THIS PROJECT GUTENBERG EBOOK A QUIET RIVER ***\n\n\n"
        "Produced by Some One and the Online Distributed Proofreading Team\n\n\n\nA QUIET RIVER\n\nby\n\nAnn Author\n"
    )
    tail = "\n\nEnd of the Project Gutenberg EBook of A Quiet River\n\n*** END OF THIS PROJECT GUTENBERG EBOOK ***\n\nLicence words\n"
    parsed = parse(
        tmp_path, book(*(section(f"CHAPTER {n}") for n in ("I", "II", "III")), head=head) + tail, name="book.txt"
    )
    assert titles(parsed) == ["CHAPTER I", "CHAPTER II", "CHAPTER III"]
    said = text_of(parsed)
    assert "Gutenberg" not in said
    assert "Produced" not in said
    assert "Licence" not in said


def test_chinese_novel_with_a_list_of_its_hundred_chapters(tmp_path: Path):
    numbers = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"]
    heads = [f"第{number}回　靈根育孕源流出　心性修持大道生" for number in numbers]
    listed = "\n".join(heads)
    chapters = "\n\n".join(
        f"{' ' if place == 3 else ''}{head}\n\n" + "\n\n".join(f"　　{line}" for line in plain(4, "zho", 8))
        for place, head in enumerate(heads)
    )
    parsed = parse(tmp_path, f"西遊記\n\n作者：某某\n\n{listed}\n\n{chapters}\n", name="book.txt", language="zho")
    assert len(parsed.chapters) == 12
    assert parsed.chapters[3].title.startswith("第四回")


def test_chinese_lines_without_blank_lines(tmp_path: Path):
    chapters = "\n".join(
        f"第{number}回 起頭\n" + "\n".join(f"　　{line}" for line in plain(4, "zho", 8)) for number in "一二三四"
    )
    parsed = parse(tmp_path, f"那座房子\n某某\n{chapters}\n", name="book.txt", language="zho")
    assert len(parsed.chapters) == 4


def test_verse_keeps_its_lines_and_prose_loses_its_line_ends(tmp_path: Path):
    verse = "    How doth the little crocodile\n      Improve his shining tail,\n    And pour the waters of the Nile\n      On every golden scale!\n"
    parsed = parse(
        tmp_path, book(*(f"CHAPTER {n}\n\n\n{wrapped(2)}\n{verse}\n{wrapped(1)}" for n in ("I", "II"))), name="book.txt"
    )
    kinds = {chunk.kind for chunk in parsed.chapters[0].chunks}
    assert kinds == {"heading", "prose", "verse"}
    stanza = next(chunk for chunk in parsed.chapters[0].chunks if chunk.kind == "verse")
    assert stanza.text.split("\n")[1] == "Improve his shining tail,"
    assert all("\n" not in chunk.text for chunk in parsed.chapters[0].chunks if chunk.kind == "prose")


def test_a_play_in_plain_text(tmp_path: Path):
    text = book(
        *(
            f"ACT {act}\n\n\n\n" + "\n\n\n\n".join(f"SCENE {scene}. A street.\n\n{wrapped()}" for scene in ("I", "II"))
            for act in ("I", "II", "III")
        )
    )
    assert len(titles(parse(tmp_path, text, name="book.txt"))) in {3, 6}


def test_file_without_line_wrapping(tmp_path: Path):
    text = "A Quiet River\n\n" + "\n".join(f"Chapter {n}\n" + "\n".join(plain(3)) for n in (1, 2, 3))
    assert titles(parse(tmp_path, text, name="book.txt")) == ["Chapter 1", "Chapter 2", "Chapter 3"]
