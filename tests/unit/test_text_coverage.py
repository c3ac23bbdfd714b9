"""Every word accounted for, whatever the markup: properties of reading, cutting and counting."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from text_pages import page, parse, prose, text_of

from foundry_tui.errors import CoverageBroken, FoundryError, NoChaptersDetected, SourceUnreadable, SourceUnsupported
from foundry_tui.text.chunks import speakable
from foundry_tui.text.coverage import prove_complete
from foundry_tui.text.document import Block
from foundry_tui.text.parse import ParsedBook, ParseOptions, parse_novel

_TAGS = st.sampled_from(
    [
        "p",
        "div",
        "span",
        "h1",
        "h2",
        "h3",
        "i",
        "b",
        "table",
        "tr",
        "td",
        "ul",
        "li",
        "blockquote",
        "pre",
        "a",
        "sup",
        "small",
        "br",
        "hr",
        "center",
        "section",
        "em",
    ]
)
_CLASSES = st.sampled_from(
    [
        "",
        "pagenum",
        "footnote",
        "caption",
        "toc",
        "poem",
        "stanza",
        "sidenote",
        "tnote",
        "c",
        "dropcap",
        "fnanchor",
        "smcap",
    ]
)
_WORDS = st.sampled_from(
    [
        "word",
        "CHAPTER I",
        "Chapter 2",
        "[12]",
        "{7}",
        "[Illustration: a house]",
        "&amp;",
        "&nbsp;",
        "&#150;",
        "&#xfdd0;",
        "&bogus;",
        "—",
        "«oui»",
        "第一回",
        "и",
        "* * *",
        "Mr. Smith",
        "XIV",
        "3rd",
        "\u00ad",
        "\x01",
        "[1]",
        "CONTENTS",
        "THE END",
        "I",
        "12",
    ]
)


@st.composite
def soup(draw: st.DrawFn, depth: int = 4) -> str:
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        if depth and draw(st.booleans()):
            tag, name = draw(_TAGS), draw(_CLASSES)
            closed = draw(st.integers(0, 9)) > 0
            attribute = f' class="{name}"' if name else ""
            anchor = draw(st.sampled_from(["", ' id="a"', ' href="#a"', ' name="b"']))
            parts.append(f"<{tag}{attribute}{anchor}>{draw(soup(depth=depth - 1))}{f'</{tag}>' if closed else ''}")
        else:
            parts.append(" ".join(draw(st.lists(_WORDS, max_size=6))))
    return "".join(parts)


def check(parsed: ParsedBook) -> None:
    assert parsed.coverage.balances
    assert parsed.coverage.source_words == sum(
        receipt.source_words for receipt in (*parsed.coverage.per_chapter, parsed.coverage.outside)
    )
    assert [chapter.number for chapter in parsed.chapters] == list(range(1, len(parsed.chapters) + 1))
    for chapter in parsed.chapters:
        assert chapter.title
        assert [chunk.index for chunk in chapter.chunks] == list(range(1, len(chapter.chunks) + 1))
        for chunk in chapter.chunks:
            assert speakable(chunk.text)
            assert speakable(chunk.speech)
            assert chunk.spoken != chunk.text
            assert chunk.kind == "heading" or len(chunk.text) <= 300


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=soup(), declared=st.sampled_from(["utf-8", "iso-8859-1", "windows-1252", "shift_jis", "bogus"]))
def test_any_nesting_of_tags_balances_or_is_refused(tmp_path: Path, body: str, declared: str):
    source = tmp_path / "book.html"
    source.write_text(f'<html><head><meta charset="{declared}"></head><body>{body}', encoding="utf-8")
    for footnotes in ("left_out", "chapter_end", "inline"):
        try:
            check(parse_novel(source, book_id="book", language="eng", options=ParseOptions(footnotes=footnotes)))
        except CoverageBroken:
            raise
        except FoundryError:
            return


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400), ending=st.sampled_from([".html", ".txt", ".md", ".epub", ".docx"]))
def test_any_bytes_balance_or_are_refused(tmp_path: Path, data: bytes, ending: str):
    source = tmp_path / f"book{ending}"
    source.write_bytes(data)
    try:
        check(parse_novel(source, book_id="book"))
    except CoverageBroken:
        raise
    except FoundryError:
        return


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(alphabet=st.sampled_from("ab AB.,\n\t_*#[]{}()1I—“”第一。"), max_size=600),
    ending=st.sampled_from([".txt", ".md"]),
)
def test_any_plain_text_balances_or_is_refused(tmp_path: Path, text: str, ending: str):
    source = tmp_path / f"book{ending}"
    source.write_text(text, encoding="utf-8")
    try:
        check(parse_novel(source, book_id="book", language="eng"))
    except CoverageBroken:
        raise
    except FoundryError:
        return


def test_damaged_pages_never_crash(tmp_path: Path):
    whole = page(
        "".join(
            f'<h2>CHAPTER {n}</h2>{prose(2)}<p class="footnote"><a href="#x">[{n}]</a> Note.</p>' for n in range(1, 6)
        )
    ).encode()
    chance = random.Random(7)
    for turn in range(120):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 60)):
            at = chance.randrange(len(data))
            move = chance.randint(0, 2)
            if move == 0:
                data[at] = chance.randrange(256)
            elif move == 1:
                del data[at : at + chance.randint(1, 40)]
            else:
                data[at:at] = chance.choice(
                    [b"<", b">", b"</div>", b"<table>", b"\x00", b"&#x", b"<!--", b"]]>", b"<style>"]
                )
        source = tmp_path / f"book{turn % 4}.html"
        source.write_bytes(bytes(data))
        try:
            check(parse_novel(source, book_id="book", language="eng"))
        except CoverageBroken:
            raise
        except FoundryError:
            continue


def test_order_and_completeness_of_paragraphs(tmp_path: Path):
    lines = [f"Paragraph number {n} says what it says." for n in range(300)]
    body = "".join(
        f"<h2>CHAPTER {n}</h2>" + "".join(f"<p>{line}</p>" for line in lines[n * 100 : n * 100 + 100]) for n in range(3)
    )
    said = text_of(parse(tmp_path, body))
    places = [said.index(line) for line in lines]
    assert places == sorted(places)


def test_a_reader_that_loses_a_word_is_found_out():
    blocks = [Block("para", "one two", "one two", 0), Block("para", "four", "four", 1)]
    prove_complete("one two\nfour", blocks)
    with pytest.raises(CoverageBroken, match="three") as caught:
        prove_complete("one two three four", blocks)
    assert caught.value.details["expected"].startswith("three")


def test_deep_nesting_and_enormous_text_do_not_hang(tmp_path: Path):
    deep = "<div>" * 3000 + "<p>word and word</p>" * 3 + "</div>" * 3000
    parse(tmp_path, deep)
    wide = "<p>" + "word " * 200_000 + "</p>"
    parsed = parse(tmp_path, wide)
    assert parsed.coverage.spoken >= 200_000
    assert max(len(chunk.text) for chunk in parsed.chapters[0].chunks) <= 300


@pytest.mark.parametrize(
    ("name", "data", "error", "words"),
    [
        ("a.html", b"", SourceUnreadable, "empty"),
        ("a.html", b"   \n", SourceUnreadable, "empty"),
        ("a.html", b"%PDF-1.7\n%\xe2\xe3", SourceUnreadable, "PDF"),
        ("a.pdf", b"%PDF-1.7", SourceUnsupported, "PDF"),
        ("a.mobi", b"BOOKMOBI", SourceUnsupported, "Kindle"),
        ("a.html", bytes(range(256)) * 40, SourceUnreadable, "binary"),
        ("a.html", b"<html><body><p>* * *</p><hr></body></html>", NoChaptersDetected, "no prose"),
        ("a.html", b"<html><head><title>x</title></head></html>", FoundryError, ""),
        ("a.epub", b"not a zip", SourceUnreadable, "ZIP"),
        ("a.docx", b"PK\x03\x04 broken", SourceUnreadable, ""),
    ],
)
def test_bad_input_ends_in_a_sentence(tmp_path: Path, name: str, data: bytes, error: type[FoundryError], words: str):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error) as caught:
        parse_novel(tmp_path / name, book_id="book", language="eng")
    assert words.lower() in caught.value.message.lower()
    assert caught.value.action


def test_a_title_with_terminal_codes_stays_data(tmp_path: Path):
    source = tmp_path / "book.html"
    source.write_text(
        f"<html><head><title>[/x]\x1b[2J../../etc</title></head><body><h1>[/x]\x1b[2J../../etc</h1>{prose(3)}<h2>\x1b[31mCHAPTER I</h2>{prose(3)}<h2>CHAPTER II</h2>{prose(3)}",
        encoding="utf-8",
    )
    parsed = parse_novel(source, book_id="book", language="eng")
    assert parsed.title == "[/x][2J../../etc"
    assert "\x1b" not in text_of(parsed) + "".join(chapter.title for chapter in parsed.chapters)
