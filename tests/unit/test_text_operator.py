"""What an operator decides: overrides, footnotes, sizes; what the outline shows them; Markdown and Word files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import jsonschema
import pytest
from text_pages import page, parse, plain, prose, text_of, titles

from foundry_tui.errors import ArtifactBroken, SourceAmbiguous, SourceNotFound, SourceUnreadable, UsageError
from foundry_tui.text.chapter_json import load_chapters, write_chapters
from foundry_tui.text.find_source import find_source
from foundry_tui.text.metadata import source_metadata
from foundry_tui.text.overrides import checked_overrides, load_overrides, text_hash
from foundry_tui.text.parse import ParseOptions, parse_novel

SCHEMAS = Path(__file__).resolve().parents[2] / "src" / "foundry_tui" / "text" / "schemas"


def chapters(count: int = 4) -> str:
    return "".join(f'<h2 id="c{n}">CHAPTER {n}</h2>{prose(2)}' for n in range(1, count + 1))


def test_outline_names_every_section_with_reason_and_words(tmp_path: Path):
    parsed = parse(tmp_path, f"<h1>A Quiet River</h1>{chapters()}<h2>INDEX</h2><p>Apples, 1</p>")
    kept = [entry for entry in parsed.outline if entry.kept]
    assert [entry.title for entry in kept] == [f"CHAPTER {n}" for n in range(1, 5)]
    assert [entry.anchor for entry in kept] == [f"#c{n}" for n in range(1, 5)]
    index = next(entry for entry in parsed.outline if entry.reason == "index")
    assert index.words == 3
    assert sum(entry.words for entry in parsed.outline) == parsed.coverage.source_words


def test_overrides_hang_on_text_and_survive_a_reparse(tmp_path: Path):
    body = f"<h1>A Quiet River</h1>{chapters()}<h2>INDEX</h2><p>Apples, 1</p>"
    first = parse(tmp_path, body)
    by_title = {entry.title: entry for entry in first.outline}
    overrides = (
        {"action": "leave_out", "text_hash": by_title["CHAPTER 2"].text_hash},
        {"action": "rename", "anchor": "#c3", "text_hash": by_title["CHAPTER 3"].text_hash, "title": "The Third"},
        {"action": "include", "text_hash": by_title["INDEX"].text_hash, "title": "Index"},
        {"action": "rename", "text_hash": "0" * 16, "title": "Nowhere"},
    )
    moved = body.replace("<h1>", f"<h2>PREFACE</h2>{prose(2)}<h1>")
    for source in (body, moved):
        parsed = parse(tmp_path, source, options=ParseOptions(overrides=overrides))
        assert titles(parsed)[-4:] == ["CHAPTER 1", "The Third", "CHAPTER 4", "Index"]
        assert any(left.reason == "left out by the operator" for left in parsed.left_out)
        assert any("Nowhere" in warning for warning in parsed.warnings)
        assert parsed.coverage.balances


def test_split_and_merge(tmp_path: Path):
    line = "This is where the second half begins."
    body = f"{chapters(2)}<p>{line}</p>{prose(2)}<h2>CHAPTER 3</h2>{prose(2)}"
    whole = parse(tmp_path, body)
    split = parse(
        tmp_path,
        body,
        options=ParseOptions(overrides=({"action": "split", "text_hash": text_hash(line), "title": "Second Half"},)),
    )
    assert titles(split) == ["CHAPTER 1", "CHAPTER 2", "Second Half", "CHAPTER 3"]
    third = next(entry for entry in whole.outline if entry.title == "CHAPTER 3")
    merged = parse(tmp_path, body, options=ParseOptions(overrides=({"action": "merge", "text_hash": third.text_hash},)))
    assert titles(merged) == ["CHAPTER 1", "CHAPTER 2"]
    assert "CHAPTER 3" in text_of(merged)
    assert text_of(merged).replace("\n", " ") == text_of(whole).replace("\n", " ")


def test_overrides_come_from_a_file(tmp_path: Path):
    path = tmp_path / "overrides.json"
    path.write_text(json.dumps([{"action": "leave_out", "anchor": "#c2"}]))
    assert titles(parse(tmp_path, chapters(3), options=ParseOptions(overrides=load_overrides(path)))) == [
        "CHAPTER 1",
        "CHAPTER 3",
    ]
    with pytest.raises(UsageError, match="no override"):
        checked_overrides([{"action": "burn", "anchor": "x"}])
    with pytest.raises(UsageError):
        load_overrides(tmp_path / "missing.json")


@pytest.mark.parametrize("shape", ["class at the foot", "dump at the end", "brackets without links"])
@pytest.mark.parametrize("setting", ["left_out", "chapter_end", "inline"])
def test_footnotes_stand_where_they_are_wanted(tmp_path: Path, shape: str, setting: str):
    def chapter(n: int) -> str:
        if shape == "brackets without links":
            return f"<h2>CHAPTER {n}</h2><p>He left[{n}] early.</p><p>[{n}] At about nine {n}.</p><p>She stayed {n}.</p>{prose(1)}"
        note = f'<div class="footnote"><p><a id="f{n}" href="#r{n}">[{n}]</a> At about nine {n}.</p></div>'
        mark = f'<a id="r{n}" href="#f{n}" class="fnanchor">[{n}]</a>'
        return f"<h2>CHAPTER {n}</h2><p>He left{mark} early.</p>{note if shape == 'class at the foot' else ''}<p>She stayed {n}.</p>{prose(1)}"

    dump = "<h2>FOOTNOTES</h2>" + "".join(
        f'<p><a id="f{n}" href="#r{n}">[{n}]</a> At about nine {n}.</p>' for n in (1, 2, 3)
    )
    body = "".join(chapter(n) for n in (1, 2, 3)) + (dump if shape == "dump at the end" else "")
    parsed = parse(tmp_path, body, options=ParseOptions(footnotes=setting))
    assert titles(parsed) == ["CHAPTER 1", "CHAPTER 2", "CHAPTER 3"]
    said = "\n".join(chunk.text for chunk in parsed.chapters[1].chunks)
    assert "He left early." in said
    if setting == "left_out":
        assert "about nine" not in text_of(parsed)
        return
    assert said.count("At about nine 2.") == 1
    assert (said.index("At about nine 2.") < said.index("She stayed 2.")) == (setting == "inline")
    assert any(chunk.kind == "note" for chunk in parsed.chapters[1].chunks)


def test_written_chapters_hold_to_their_schemas_and_come_back(tmp_path: Path):
    parsed = parse(tmp_path, f"<h1>A Quiet River</h1>{chapters()}<h2>INDEX</h2><p>Apples, 1</p>")
    folder = tmp_path / "chapters"
    folder.mkdir()
    written = write_chapters(parsed, folder)
    assert [path.name for path in written] == ["metadata.json", *(f"chapter_{n:03d}.json" for n in range(1, 5))]
    jsonschema.validate(json.loads(written[0].read_text()), json.loads((SCHEMAS / "metadata.schema.json").read_text()))
    for path in written[1:]:
        jsonschema.validate(json.loads(path.read_text()), json.loads((SCHEMAS / "chapter.schema.json").read_text()))
    metadata, loaded = load_chapters(folder)
    assert loaded == parsed.chapters
    assert metadata["coverage"]["balances"] is True
    written[2].write_text(written[2].read_text()[:-40])
    with pytest.raises(ArtifactBroken):
        load_chapters(folder)


def test_chunk_sizes_can_be_set(tmp_path: Path):
    body = "".join(f"<h2>CHAPTER {n}</h2><p>{' '.join(plain(1, sentences=30))}</p>" for n in (1, 2))
    small = parse(tmp_path, body, options=ParseOptions(target=100, hard=140))
    assert max(len(chunk.text) for chunk in small.chapters[0].chunks) <= 140
    with pytest.raises(UsageError):
        ParseOptions(target=500, hard=100)
    with pytest.raises(UsageError):
        ParseOptions(footnotes="sideways")  # type: ignore[arg-type]


def test_markdown(tmp_path: Path):
    text = (
        "# A Quiet River\n\nby *Ann Author*\n\n"
        + "\n\n".join(
            f"## Chapter {n}\n\nIt was **very** still[^1] and _dark_ in the [house](http://x.y). ![pic](a.png)\n\n* one\n* two\n\n***\n\n"
            + "\n\n".join(plain(2))
            for n in (1, 2, 3)
        )
        + "\n\n[^1]: A note.\n"
    )
    parsed = parse(tmp_path, text, name="book.md")
    assert titles(parsed) == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert parsed.title == "A Quiet River"
    said = text_of(parsed)
    assert "It was very still and dark in the house." in said
    assert "A note" not in said
    assert "one\ntwo" in said


def test_word(tmp_path: Path):
    def paragraph(text: str, style: str = "") -> str:
        properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{properties}<w:r><w:t xml:space='preserve'>{text[:5]}</w:t></w:r><w:r><w:t>{text[5:]}</w:t></w:r></w:p>"

    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = paragraph("A Quiet River", "Title") + "".join(
        paragraph(f"Chapter {n}", "Rubrik2") + "".join(paragraph(text) for text in plain(3)) for n in (1, 2, 3)
    )
    path = tmp_path / "book.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", f"<w:document {space}><w:body>{body}</w:body></w:document>")
        archive.writestr(
            "word/styles.xml",
            f'<w:styles {space}><w:style w:styleId="Rubrik2"><w:name w:val="heading 2"/></w:style><w:style w:styleId="Title"><w:name w:val="Title"/></w:style></w:styles>',
        )
        archive.writestr(
            "word/footnotes.xml", f"<w:footnotes {space}><w:footnote>{paragraph('A note.')}</w:footnote></w:footnotes>"
        )
        archive.writestr(
            "docProps/core.xml",
            '<cp:coreProperties xmlns:cp="c" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Quiet River</dc:title><dc:creator>Ann Author</dc:creator></cp:coreProperties>',
        )
    parsed = parse_novel(path, book_id="book", language="eng")
    assert titles(parsed) == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert (parsed.title, parsed.author) == ("A Quiet River", "Ann Author")
    assert "A note" not in text_of(parsed)


def test_source_is_found_by_name_then_path_then_likeness(tmp_path: Path):
    with pytest.raises(SourceNotFound) as missing:
        find_source(tmp_path, "river")
    assert "river.html" in missing.value.message
    (tmp_path / "my_river_final.txt").write_text("x")
    assert find_source(tmp_path, "river").name == "my_river_final.txt"
    (tmp_path / "river_two.epub").write_text("x")
    with pytest.raises(SourceAmbiguous, match=r"river_two\.epub"):
        find_source(tmp_path, "river")
    elsewhere = tmp_path / "elsewhere.md"
    elsewhere.write_text("x")
    assert find_source(tmp_path, "river", elsewhere) == elsewhere
    (tmp_path / "river.epub").write_text("x")
    assert find_source(tmp_path, "river", elsewhere).name == "river.epub"
    (tmp_path / "river.html").write_text("x")
    assert find_source(tmp_path, "river").name == "river.html"
    (tmp_path / "fra").mkdir()
    (tmp_path / "fra" / "river.txt").write_text("x")
    assert find_source(tmp_path, "river", language_folder="fra") == tmp_path / "fra" / "river.txt"


def test_metadata_of_pages_and_texts(tmp_path: Path):
    html = tmp_path / "a.html"
    html.write_text(
        '<html lang="fr"><head><title>The Project Gutenberg eBook of Une Rivière, par Anne Auteur</title><meta name="dc.title" content="Une Rivière"></head><body><pre>Title: Une Rivière\n\nAuthor: Anne Auteur\n\nRelease Date: May 1, 2010 [EBook #4321]\n\nLanguage: French\n</pre></body></html>'
    )
    known = source_metadata(html)
    assert (known.title, known.author, known.language, known.gutenberg_id) == (
        "Une Rivière",
        "Anne Auteur",
        "fra",
        4321,
    )
    text = tmp_path / "a.txt"
    text.write_text("A QUIET RIVER\n\nby\n\nANN AUTHOR\n\n\nIt was still.\n")
    assert (source_metadata(text).title, source_metadata(text).author) == ("A QUIET RIVER", "Ann Author")
    (tmp_path / "b.html").write_bytes(b"%PDF-1.4")
    with pytest.raises(SourceUnreadable, match="PDF"):
        source_metadata(tmp_path / "b.html")
    assert page("x").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("headings", "author"),
    [
        (("h1", "The Grey Gate", "h2", "Chapter I", "h2", "Chapter II"), None),
        (("h1", "The Grey Gate", "h3", "A Tale", "h2", "I. The Beginning"), None),
        (("h1", "The Grey Gate", "h2", "Early Days", "h2", "Late Days"), None),
        (("h1", "The Grey Gate", "h3", "Ann de la Author", "h2", "Early Days"), "Ann de la Author"),
        (("h1", "Die graue Pforte", "h2", "von Anna Schreiber", "h2", "Erstes Kapitel"), "Anna Schreiber"),
    ],
)
def test_a_chapters_heading_is_no_author(tmp_path: Path, headings: tuple[str, ...], author: str | None) -> None:
    pairs = zip(headings[::2], headings[1::2], strict=True)
    body = "".join(f"<{tag}>{words}</{tag}><p>It was a cold day.</p>" for tag, words in pairs)
    (tmp_path / "b.html").write_text(f"<html><body>{body}</body></html>", "utf-8")
    assert source_metadata(tmp_path / "b.html").author == author
