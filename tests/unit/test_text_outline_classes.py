"""Every class of book layout met in real files, imitated small: which sections become chapters, what is never spoken."""

from __future__ import annotations

from pathlib import Path

import pytest
from text_pages import page, parse, plain, prose, text_of, titles

P = prose


def _links(names: list[str]) -> str:
    return "".join(f'<a href="#c{number}">{name}</a><br>' for number, name in enumerate(names))


def test_chapters_at_every_heading_level(tmp_path: Path):
    for level in range(1, 6):
        body = "<h1>A Quiet River</h1>" * (level != 1) + "".join(
            f"<h{level}>CHAPTER {n}</h{level}>{P()}" for n in ("I", "II", "III")
        )
        assert titles(parse(tmp_path, body)) == ["CHAPTER I", "CHAPTER II", "CHAPTER III"], level


@pytest.mark.parametrize(("number", "title"), [(2, 3), (2, 2), (5, 4), (3, 4), (4, 4)])
def test_number_and_title_in_two_headings(tmp_path: Path, number: int, title: int):
    names = ["The Arrival", "The Storm", "The Silence", "The Return"]
    body = "<h1>A Quiet River</h1>" + "".join(
        f"<h{number}>{roman}</h{number}><h{title}>{name}</h{title}>{P()}"
        for roman, name in zip(("I", "II", "III", "IV"), names, strict=True)
    )
    assert titles(parse(tmp_path, body)) == ["I. The Arrival", "II. The Storm", "III. The Silence", "IV. The Return"]


def test_numerals_that_restart_in_every_part(tmp_path: Path):
    body = "<h1>A Quiet River</h1>" + "".join(
        f"<h2>BOOK {book}</h2>" + "".join(f"<h3>CHAPTER {n}</h3>{P()}" for n in ("I", "II", "III"))
        for book in ("ONE: 1805", "TWO: 1806")
    )
    assert titles(parse(tmp_path, body)) == [
        f"BOOK {book}, CHAPTER {n}" for book in ("ONE: 1805", "TWO: 1806") for n in ("I", "II", "III")
    ]


def test_parts_and_chapters_at_the_same_level(tmp_path: Path):
    body = "<h1>A Quiet River</h1>" + "".join(
        f"<h2>BOOK {book}</h2>" + "".join(f"<h2>CHAPTER {n}</h2>{P()}" for n in ("I", "II", "III"))
        for book in ("ONE: 1805", "TWO", "THREE")
    )
    got = titles(parse(tmp_path, body))
    assert len(got) == 9
    assert got[0] == "BOOK ONE: 1805, CHAPTER I"
    assert got[3] == "BOOK TWO, CHAPTER I"


def test_three_ranks_volume_book_chapter(tmp_path: Path):
    body = "".join(
        f"<h2>VOLUME {v}</h2>"
        + "".join(
            f"<h3>BOOK {b}.—A NAME</h3>" + "".join(f"<h4>CHAPTER {c}—TITLE {c}</h4>{P()}" for c in ("I", "II"))
            for b in ("FIRST", "SECOND")
        )
        for v in ("I", "II")
    )
    got = titles(parse(tmp_path, body))
    assert len(got) == 8
    assert got[0] == "VOLUME I, BOOK FIRST.—A NAME, CHAPTER I—TITLE I"


def test_a_part_with_text_of_its_own_loses_nothing(tmp_path: Path):
    chorus = "Two households stood on the same shore and looked at one another."
    body = "".join(
        f"<h2>ACT {act}</h2><p>{chorus if act == 'II' else ''}</p>"
        + "".join(f"<h3>SCENE {s}. A street.</h3>{P()}" for s in ("I", "II", "III"))
        for act in ("I", "II", "III")
    )
    parsed = parse(tmp_path, body)
    assert len(parsed.chapters) == 9
    assert chorus in text_of(parsed)
    assert chorus in "\n".join(chunk.text for chunk in parsed.chapters[3].chunks)


def test_long_text_under_a_part_heading_is_a_chapter(tmp_path: Path):
    body = "".join(
        f"<h2>PART {part}</h2>{P(4)}" + "".join(f"<h3>Chapter {n}</h3>{P()}" for n in (1, 2, 3)) for part in ("I", "II")
    )
    assert len(titles(parse(tmp_path, body))) == 8


def test_bare_numerals_are_chapters(tmp_path: Path):
    body = "<h1>A Quiet River</h1><p>by<br>Ann Author</p>" + "".join(
        f"<h2>{n}.</h2>{P()}" for n in ("I", "II", "III", "IV")
    )
    assert titles(parse(tmp_path, body)) == ["I.", "II.", "III.", "IV."]


def test_numerals_in_plain_paragraphs_are_chapters_where_nothing_else_is(tmp_path: Path):
    body = "<h1>A Quiet River</h1>" + "".join(f'<p align="center">{n}</p>{P(4)}' for n in ("I", "II", "III"))
    assert titles(parse(tmp_path, body)) == ["I", "II", "III"]


def test_numbered_pieces_inside_one_story_are_no_chapters(tmp_path: Path):
    body = (
        "<h1>Stories</h1>"
        "<h2>I. THE FIRST CASE</h2>"
        + "".join(f"<h3>{n}.</h3>{P()}" for n in ("I", "II", "III"))
        + "".join(f"<h2>{n}. THE CASE</h2>{P(5)}" for n in ("II", "III", "IV", "V"))
    )
    assert len(titles(parse(tmp_path, body))) == 5


def test_numbered_rules_inside_chapters_are_no_chapters(tmp_path: Path):
    rules = "".join(f"<h3>{n}. Do this and never do that.</h3>{P(1)}" for n in range(1, 6))
    body = f"<h2>I. INTRODUCTION</h2>{P()}<h2>II. RULES OF USE</h2>{rules}<h2>III. MATTERS OF FORM</h2>{P()}<h2>IV. WORDS</h2>{P()}"
    assert len(titles(parse(tmp_path, body))) == 4


def test_subheadings_under_chapters_with_text_stay_inside(tmp_path: Path):
    body = "".join(
        f"<h2>Chapter {n}</h2>{P(2)}<h3>Of one thing</h3>{P(2)}<h3>Of another</h3>{P(2)}" for n in range(1, 6)
    )
    parsed = parse(tmp_path, body)
    assert len(parsed.chapters) == 5
    assert "Of one thing" in text_of(parsed)


@pytest.mark.parametrize(
    ("language", "heads"),
    [
        ("rus", ["ГЛАВА ПЕРВАЯ", "ГЛАВА ВТОРАЯ", "ГЛАВА ТРЕТЬЯ"]),
        ("rus", ["Глава I", "Глава II", "Глава III"]),
        ("deu", ["Erstes Kapitel", "Zweites Kapitel", "Drittes Kapitel"]),
        ("fra", ["CHAPITRE PREMIER", "CHAPITRE II", "CHAPITRE III"]),
        ("spa", ["CAPÍTULO PRIMERO", "CAPÍTULO II", "CAPIULO III"]),
        ("ita", ["CAPITOLO I.", "CAPITOLO II.", "CAPITOLO III."]),
        ("por", ["CAPITULO I", "CAPITULO II", "CAPITULO III"]),
        ("nld", ["EERSTE HOOFDSTUK.", "TWEEDE HOOFDSTUK.", "DERDE HOOFDSTUK."]),
        ("zho", ["第一回", "第二回", "第三回"]),
        ("jpn", ["第一章", "第二章", "第三章"]),
        ("jpn", ["一", "二", "三"]),
    ],
)
@pytest.mark.parametrize("markup", ["<h2>{}</h2>", "<p>{}</p>", '<p class="c"><b>{}</b></p>'])
def test_chapter_words_of_every_language(tmp_path: Path, language: str, heads: list[str], markup: str):
    body = "".join(markup.format(head) + prose(4, language) for head in heads)
    assert (
        titles(parse(tmp_path, body, language=language, title="題" if language in {"jpn", "zho"} else "Title")) == heads
    )


@pytest.mark.parametrize("shape", ["table", "list", "breaks", "lines", "paragraphs", "plain table with pages"])
@pytest.mark.parametrize("at_end", [False, True])
def test_contents_lists_of_every_shape_are_left_out(tmp_path: Path, shape: str, at_end: bool):
    names = ["The Arrival", "The Storm", "The Silence", "The Return"]
    listed = {
        "table": "<table>"
        + "".join(f'<tr><td><a href="#c{n}">{name}</a></td><td>{n * 20 + 1}</td></tr>' for n, name in enumerate(names))
        + "</table>",
        "list": "<ul>" + "".join(f'<li><a href="#c{n}">{name}</a></li>' for n, name in enumerate(names)) + "</ul>",
        "breaks": f"<p>{_links(names)}</p>",
        "lines": "<p>" + "<br>".join(f"{name} . . . . {n * 20 + 1}" for n, name in enumerate(names)) + "</p>",
        "paragraphs": "".join(f"<p>{name}</p>" for name in names),
        "plain table with pages": "<table>"
        + "".join(f"<tr><td>{name}</td><td>{n * 20 + 1}</td></tr>" for n, name in enumerate(names))
        + "</table>",
    }[shape]
    contents = f"<h2>CONTENTS</h2>{listed}"
    chapters = "".join(f'<h2><a id="c{n}"></a>{name}</h2>{P()}' for n, name in enumerate(names))
    body = (
        f"<h1>A Quiet River</h1><p>by Ann Author</p>{'' if at_end else contents}{chapters}{contents if at_end else ''}"
    )
    parsed = parse(tmp_path, body)
    assert titles(parsed) == names
    assert all(text_of(parsed).count(name) == 1 for name in names)
    assert any(left.reason == "contents list" for left in parsed.left_out)


def test_contents_with_summaries_and_links(tmp_path: Path):
    rows = "".join(
        f'<tr><td><a href="#c{n}">CHAPTER {n}.</a><br>Temptations—Movements—The Innocents {n}</td></tr>'
        for n in range(1, 5)
    )
    body = f"<h2>CONTENTS</h2><table>{rows}</table>" + "".join(
        f'<h2><a name="c{n}"></a>CHAPTER {n}</h2>{P()}' for n in range(1, 5)
    )
    parsed = parse(tmp_path, body)
    assert titles(parsed) == [f"CHAPTER {n}" for n in range(1, 5)]
    assert "Innocents" not in text_of(parsed)


def test_titles_of_a_contents_list_find_chapters_without_headings(tmp_path: Path):
    names = ["The Frog and the King", "Hans in Luck", "The Water of Life", "Clever Elsie"]
    listed = "".join(f'<p><a href="#s{n}">{name}</a></p>' for n, name in enumerate(names))
    body = f"<h1>Tales</h1><p>CONTENTS</p>{listed}" + "".join(
        f'<p class="c"><a id="s{n}"></a><b>{name.upper()}</b></p>{P(4)}' for n, name in enumerate(names)
    )
    assert titles(parse(tmp_path, body)) == [name.upper() for name in names]


def test_apparatus_is_left_out_with_its_reason(tmp_path: Path):
    body = (
        f"<h1>A Quiet River</h1><h2>PREFACE</h2>{P()}<h2>LIST OF ILLUSTRATIONS</h2><table><tr><td>A picture of it</td><td>12</td></tr></table>"
        + "".join(f"<h2>CHAPTER {n}</h2>{P()}" for n in range(1, 4))
        + "<h2>INDEX</h2><h4>A</h4><p>Apples, 12, 13</p><h4>B</h4><p>Bears, 14</p>"
        + "<h2>FOOTNOTES</h2><p>[1] See the other book.</p><p>[2] And this.</p>"
        + "<h2>Transcriber's Notes</h2><p>Obvious errors have been corrected.</p>"
        + "<h2>ERRATA</h2><p>Page 3, for this read that.</p>"
    )
    parsed = parse(tmp_path, body)
    assert titles(parsed) == ["PREFACE", "CHAPTER 1", "CHAPTER 2", "CHAPTER 3"]
    assert {left.reason for left in parsed.left_out} >= {
        "list of illustrations",
        "index",
        "footnotes",
        "transcriber's note",
        "errata",
    }


def test_a_chapter_may_be_called_notes(tmp_path: Path):
    body = "".join(f"<h2>CHAPTER {n}</h2>{P()}" for n in range(1, 4)) + f"<h2>NOTE</h2>{P()}"
    assert titles(parse(tmp_path, body))[-1] == "NOTE"


def test_page_numbers_of_every_form(tmp_path: Path):
    line = (
        '<p>It began<span class="pagenum">[Pg 12]</span> with a storm<span class="pageno" id="p13">13</span> and '
        '<a class="pagenum" id="p14">{14}</a>ended<span class="pncolor">xv</span> in silence.</p>'
    )
    body = "".join(f"<h2>CHAPTER {n}</h2>{line}{P()}" for n in range(1, 4))
    said = text_of(parse(tmp_path, body))
    assert "It began with a storm and ended in silence." in said


def test_bracketed_pages_without_any_class(tmp_path: Path):
    pages = iter(range(7, 99))
    body = "".join(
        f"<h2>CHAPTER {n}</h2>"
        + "".join(f"<p>{{{next(pages)}}}</p><p>The page went on [Pg {next(pages)}] and on.</p>{P(1)}" for _ in range(4))
        for n in range(1, 4)
    )
    said = text_of(parse(tmp_path, body))
    assert "{" not in said
    assert "[" not in said
    assert "The page went on and on." in said


def test_page_numbers_inside_headings_and_a_caption(tmp_path: Path):
    body = "".join(
        f'<h2><span class="pagenum">[{n}]</span><img alt="" src="x.jpg"><span class="caption">He rode a black horse.</span><br>CHAPTER {n}.</h2>{P()}'
        for n in range(1, 4)
    )
    parsed = parse(tmp_path, body)
    assert titles(parsed) == ["CHAPTER 1.", "CHAPTER 2.", "CHAPTER 3."]
    assert "black horse" not in text_of(parsed)


def test_a_heading_that_is_a_picture_takes_its_words(tmp_path: Path):
    body = f'<h2><img src="p.jpg" alt="PREFACE."></h2>{P()}' + "".join(
        f"<h2>CHAPTER {n}</h2>{P()}" for n in range(1, 3)
    )
    assert titles(parse(tmp_path, body))[0] == "PREFACE."


def test_a_note_mark_in_a_heading_is_not_its_title(tmp_path: Path):
    body = "".join(f'<h2>CHAPTER {n}.<a href="#Footnote_{n}" class="fnanchor">[{n}]</a></h2>{P()}' for n in range(1, 4))
    assert titles(parse(tmp_path, body)) == ["CHAPTER 1.", "CHAPTER 2.", "CHAPTER 3."]


@pytest.mark.parametrize(
    "opening",
    [
        '<p><span class="letra">I</span>T is a truth.</p>',
        '<p><span class="dropcap">I</span>T is a truth.</p>',
        '<p><img src="i.png" alt="I">T is a truth.</p>',
        '<p><span class="drop"><img src="i.png" alt="Decorative letter I"></span>T is a truth.</p>',
        "<p><big>I</big><small>T</small> is a truth.</p>",
    ],
)
def test_drop_caps_join_their_word(tmp_path: Path, opening: str):
    body = "".join(f"<h2>CHAPTER {n}</h2>{opening}{P()}" for n in range(1, 3))
    assert "IT is a truth." in text_of(parse(tmp_path, body))


def test_sidenotes_captions_and_line_numbers_are_not_spoken(tmp_path: Path):
    body = "".join(
        f'<h2>CHAPTER {n}</h2><p>We heard<span class="sidenote">The taste of music.</span> the music.</p>'
        f'<div class="figcenter"><img src="x.jpg" alt="x"><p>The river by night.</p></div>'
        f'<div class="poem"><span class="i0">First line<span class="linenum">10</span><br></span><span class="i0">second line<br></span></div>{P()}'
        for n in range(1, 3)
    )
    said = text_of(parse(tmp_path, body))
    assert "We heard the music." in said
    assert "river by night" not in said
    assert "First line\nsecond line" in said


def test_footnotes_in_every_place(tmp_path: Path):
    body = "".join(
        f'<h2>CHAPTER {n}</h2><p>He left<a id="r{n}" href="#f{n}"><sup>{n}</sup></a> early.</p>'
        f'<div class="footnote" id="f{n}"><p><a href="#r{n}">[{n}]</a> At about nine.</p></div><p>She stayed.<sup>2</sup> They say 10<sup>2</sup> is more.</p>{P()}'
        for n in range(1, 3)
    )
    said = text_of(parse(tmp_path, body))
    assert "He left early." in said
    assert "about nine" not in said
    assert "She stayed. They say 102 is more." in said


def test_errata_and_notes_inside_the_last_chapter(tmp_path: Path):
    body = "".join(f"<h2>CHAPTER {n}</h2>{P()}" for n in range(1, 4)) + (
        '<p class="c">THE END</p><hr><p>MORE STORIES YOU WILL LIKE</p><p>THE SECRET WAY<br>GREEN INK</p>'
        '<table class="tnote"><tr><th>Typographical errors corrected by the etext transcriber:</th></tr><tr><td>simply=&gt; simple</td></tr></table>'
    )
    said = text_of(parse(tmp_path, body))
    assert "GREEN INK" not in said
    assert "simple" not in said
    assert said.rstrip().endswith("THE END")


def test_no_division_at_all_is_one_chapter_with_the_books_title(tmp_path: Path):
    parsed = parse(tmp_path, f"<h1>A Quiet River</h1><h2>By Ann Author</h2>{P(8)}")
    assert titles(parsed) == ["A Quiet River"]
    assert "Author" not in text_of(parsed)


def test_text_without_a_body_tag(tmp_path: Path):
    parsed = parse(tmp_path, f"<html><title>A Quiet River</title>{P(8)}</html>{P(1)}")
    assert len(parsed.chapters) == 1
    assert parsed.coverage.skipped == {} or "title page" in parsed.coverage.skipped


def test_half_title_before_the_first_chapter_is_no_chapter(tmp_path: Path):
    body = f"<h1>A Quiet River</h1><h2>Introduction</h2>{P()}<h2>A Quiet River</h2>" + "".join(
        f"<h2>Chapter {n}</h2>{P()}" for n in range(1, 4)
    )
    assert titles(parse(tmp_path, body)) == ["Introduction", "Chapter 1", "Chapter 2", "Chapter 3"]


def test_repeated_titles_and_two_volumes(tmp_path: Path):
    volume = "<h1>A QUIET RIVER</h1><h2>VOLUME {}</h2>" + "".join(f"<h2>{n}</h2>{{}}" for n in ("I", "II", "III"))
    body = volume.format("I", P(), P(), P()) + volume.format("II", P(), P(), P())
    got = titles(parse(tmp_path, body))
    assert len(got) == 6


def test_misspelt_and_misnumbered_headings_are_kept_in_place(tmp_path: Path):
    heads = ["CHAPTER I", "CHAPTERII", "CHAPTER IV", "CHAPTER IV", "CAPTER V", "CHAPTER XVI"]
    body = "".join(f"<h2>{head}</h2>{P()}" for head in heads)
    assert titles(parse(tmp_path, body)) == heads


def test_a_heading_that_mentions_a_licence_stays(tmp_path: Path):
    body = f"<h2>CHAPTER I</h2>{P()}<h2>TARIFF OF LICENSED CABS</h2>{P()}<h2>CHAPTER II</h2>{P()}"
    assert "TARIFF OF LICENSED CABS" in titles(parse(tmp_path, body))


def test_very_short_and_wordless_chapters_count(tmp_path: Path):
    body = f"<h2>CHAPTER I</h2>{P()}<h2>CHAPTER II</h2><p>. . . . . .</p><h2>CHAPTER III</h2><p>Yes.</p><h2>CHAPTER IV</h2>{P()}"
    parsed = parse(tmp_path, body)
    assert len(parsed.chapters) == 4
    assert all(chapter.chunks for chapter in parsed.chapters)


def test_a_play_in_acts(tmp_path: Path):
    body = "<h1>A Play</h1><h2>THE PERSONS IN THE PLAY</h2><p>John, a farmer<br>Mary, his wife</p>" + "".join(
        f"<h2>{act} ACT</h2><h3>SCENE</h3><p>A room.</p>" + "".join(f"<p><b>John.</b> {line}</p>" for line in plain(6))
        for act in ("FIRST", "SECOND", "THIRD")
    )
    got = [title for title in titles(parse(tmp_path, body)) if "ACT" in title]
    assert len(got) == 3


def test_gutenberg_frames_of_every_age(tmp_path: Path):
    chapters = "".join(f"<h2>CHAPTER {n}</h2>{P()}" for n in range(1, 4))
    frames = [
        (
            "<pre>The Project Gutenberg EBook of A Quiet River, by Ann Author\n\nThis eBook is for the use of anyone anywhere\n\nTitle: A Quiet River\n\n*** START OF THIS PROJECT GUTENBERG EBOOK A QUIET RIVER ***\n\nProduced by Some One and the Online Distributed\nProofreading Team\n</pre>",
            "<pre>\nEnd of the Project Gutenberg EBook of A Quiet River\n\n*** END OF THIS PROJECT GUTENBERG EBOOK A QUIET RIVER ***\n\nSection 1. General Terms</pre>",
        ),
        (
            '<section class="pg-boilerplate pgheader" id="pg-header"><h2>The Project Gutenberg eBook of A Quiet River</h2><p>This ebook is for anyone</p></section>',
            '<section class="pg-boilerplate pgheader" id="pg-footer"><div>*** END OF THE PROJECT GUTENBERG EBOOK ***</div><h2>THE FULL PROJECT GUTENBERG LICENSE</h2><p>Terms</p></section>',
        ),
        (
            "<div>*** START OF THE PROJECT GUTENBERG EBOOK 55 ***</div>",
            "<div>*** END OF THE PROJECT GUTENBERG EBOOK 55 ***</div><p>Updated editions will replace it.</p>",
        ),
        ("<p>***START OF THE PROJECT GUTENBERG EBOOK X***</p><h3>E-text prepared by Some One</h3>", ""),
        ("", "<p>End of Project Gutenberg's A Quiet River, by Ann Author</p><p>More words of no use</p>"),
        ("", ""),
    ]
    for before, after in frames:
        parsed = parse(tmp_path, f"{before}<h1>A Quiet River</h1>{chapters}{after}")
        assert titles(parsed) == ["CHAPTER 1", "CHAPTER 2", "CHAPTER 3"], before[:60]
        said = text_of(parsed)
        assert "Gutenberg" not in said
        assert "Produced by" not in said
        assert "Terms" not in said
        assert "no use" not in said
        assert parsed.coverage.balances


def test_upper_case_tags_unclosed_paragraphs_and_centred_headings(tmp_path: Path):
    body = "<HTML><HEAD><TITLE>A Quiet River</TITLE></HEAD><BODY><CENTER><H1>A QUIET RIVER</H1></CENTER>" + "".join(
        f"<P ALIGN=CENTER><B>CHAPTER {n}</B><P>" + "<P>".join(plain(3)) for n in ("I", "II", "III")
    )
    assert titles(parse(tmp_path, body)) == ["CHAPTER I", "CHAPTER II", "CHAPTER III"]


def test_a_preface_at_a_deeper_level_before_the_first_chapter(tmp_path: Path):
    body = (
        f"<h1>A Quiet River</h1><h3>PREFACE</h3>{P()}"
        + "".join(f"<h2>CHAPTER {n}</h2>{P()}" for n in range(1, 4))
        + f"<h3>EPILOGUE</h3>{P()}"
    )
    assert titles(parse(tmp_path, body)) == ["PREFACE", "CHAPTER 1", "CHAPTER 2", "CHAPTER 3", "EPILOGUE"]


def test_one_essay_over_many_sections(tmp_path: Path):
    body = f"<h1>A CONTRIBUTION</h1><h2>TO</h2><h1>SCIENCE</h1><h2>A CONTRIBUTION TO SCIENCE.</h2>{P(6)}" + "".join(
        f"<h3>{name}</h3>{P(4)}" for name in ("THE SNAKE DANCE.", "SNAKE SONG.", "TRADE DANCE.", "WAR SONGS.")
    )
    assert len(titles(parse(tmp_path, body, title="Contribution to Science"))) == 5


def test_named_parts_over_titled_chapters(tmp_path: Path):
    body = "".join(
        f"<h2>PART {part}</h2>" + "".join(f"<h3>{name} of {part}</h3>{P()}" for name in ("Morning", "Noon", "Night"))
        for part in ("ONE", "TWO", "THREE")
    )
    got = titles(parse(tmp_path, body))
    assert len(got) == 9
    assert got[4] == "PART TWO, Noon of TWO"


def test_front_and_back_sections_around_parts(tmp_path: Path):
    body = (
        f"<h1>A Quiet River</h1><h2>PREFACE</h2>{P()}"
        + "".join(
            f"<h2>PART {part}</h2>" + "".join(f"<h3>{n}</h3>{P()}" for n in ("I", "II", "III", "IV"))
            for part in ("ONE", "TWO")
        )
        + f"<h2>EPILOGUE</h2>{P()}"
    )
    got = titles(parse(tmp_path, body))
    assert got[0] == "PREFACE"
    assert got[-1] == "EPILOGUE"
    assert len(got) == 10


def test_entities_and_declared_encodings(tmp_path: Path):
    source = tmp_path / "book.html"
    body = "<h2>CHAPTER I</h2><p>caf\u00e9 \u2014 \u201cyes\u201d</p>" + P() + "<h2>CHAPTER II</h2>" + P()
    from foundry_tui.text.parse import parse_novel

    for declared, actual in (
        ("utf-8", "cp1252"),
        ("us-ascii", "cp1252"),
        ("iso-8859-1", "cp1252"),
        ("iso-8859-1", "utf-8"),
        ("utf-8", "utf-8"),
    ):
        source.write_bytes(page(body).replace('charset="utf-8"', f'charset="{declared}"').encode(actual))
        said = text_of(parse_novel(source, book_id="book", language="eng"))
        assert "café — “yes”" in said, (declared, actual)


def test_poems_under_a_contents_list_are_chapters(tmp_path: Path):
    names = ["To a Bird", "The Sea", "Night"]
    stanza = '<div class="poem"><div class="stanza"><span>Line one of it<br></span><span>Line two of it<br></span></div></div>'
    body = f"<h1>Poems</h1><h2>CONTENTS</h2>{_links(names)}" + "".join(
        f'<h3 id="c{n}">{name}</h3>{stanza}' for n, name in enumerate(names)
    )
    assert titles(parse(tmp_path, body, title="Poems")) == names


def test_stories_in_numbered_pieces_are_one_chapter_each(tmp_path: Path):
    names = ["The Frog", "The Stone", "The Oak", "The Ash", "The Elm"]
    body = "<h1>Tales</h1>" + "".join(
        f"<h2>{name}</h2>" + "".join(f"<h3>{n}</h3>{P()}" for n in ("I", "II", "III")) for name in names
    )
    assert titles(parse(tmp_path, body, title="Tales")) == names


def test_a_word_to_the_reader_above_the_chapters_rank_is_no_part(tmp_path: Path):
    body = f"<h1>Memories</h1><h2>TO THE READER</h2>{P()}" + "".join(
        f"<h5>CHAPTER {n}</h5><h4>Title {n}</h4>{P()}" for n in ("I", "II", "III")
    )
    assert titles(parse(tmp_path, body, title="Memories")) == [
        "TO THE READER",
        "CHAPTER I. Title I",
        "CHAPTER II. Title II",
        "CHAPTER III. Title III",
    ]


def test_a_tragedy_with_scenes_under_one_part(tmp_path: Path):
    scenes = ["Night", "Before the Gate", "A Study", "A Study", "A Kitchen", "A Street"]
    body = (
        f"<h1>Play</h1><h2>Dedication Poem</h2>{P()}<h2>Prelude on the Stage</h2>{P()}<h2>The Tragedy</h2>"
        + "".join(f"<h3>{name}</h3>{P(4)}" for name in scenes)
    )
    got = titles(parse(tmp_path, body, title="Play"))
    assert len(got) == 8
    assert got[2] == "The Tragedy, Night"


def test_a_printers_colophon_is_not_narrated(tmp_path: Path):
    body = (
        "<h1>河</h1>"
        + "".join(f"<h3>{n}</h3>{prose(4, 'jpn')}" for n in "一二三")
        + "<hr><p>底本：「全集」</p><p>入力：某</p>"
    )
    parsed = parse(tmp_path, body, language="jpn", title="河")
    assert titles(parsed) == ["一", "二", "三"]
    assert "全集" not in text_of(parsed)
