"""EPUBs as they come: navigation that helps or misleads, files that hold many chapters or half of one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from text_pages import plain, prose, text_of, titles

from foundry_tui.errors import SourceUnreadable
from foundry_tui.text.metadata import source_metadata
from foundry_tui.text.parse import ParsedBook, parse_novel

P = prose
_CONTAINER = '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'


def epub(
    path: Path,
    pages: dict[str, str],
    *,
    nav: list[tuple[str, str]] | None = None,
    ncx: list[tuple[str, str]] | None = None,
    extra: dict[str, bytes] | None = None,
    language: str = "en",
    manifest: str = "",
) -> Path:
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(pages)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(pages)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", _CONTAINER)
        for name, body in pages.items():
            archive.writestr(
                f"OEBPS/{name.replace('%20', ' ')}",
                body
                if body.startswith("<?xml")
                else f'<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{body}</body></html>',
            )
        if nav is not None:
            items += '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
            links = "".join(f'<li><a href="{target}">{title}</a></li>' for title, target in nav)
            archive.writestr(
                "OEBPS/nav.xhtml",
                f'<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body><nav epub:type="toc"><ol>{links}</ol></nav></body></html>',
            )
        if ncx is not None:
            items += '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
            points = "".join(
                f'<navPoint id="p{n}"><navLabel><text>{title}</text></navLabel><content src="{target}"/></navPoint>'
                for n, (title, target) in enumerate(ncx)
            )
            archive.writestr(
                "OEBPS/toc.ncx", f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{points}</navMap></ncx>'
            )
        archive.writestr(
            "OEBPS/content.opf",
            f'<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/" version="3.0"><metadata><dc:title>A Quiet River</dc:title><dc:creator>Author, Ann</dc:creator><dc:language>{language}</dc:language><dc:identifier>http://www.gutenberg.org/99999</dc:identifier></metadata><manifest>{items}{manifest}</manifest><spine>{spine}</spine></package>',
        )
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return path


def read(path: Path, language: str = "eng") -> ParsedBook:
    return parse_novel(path, book_id="book", language=language)


def test_one_file_a_chapter(tmp_path: Path):
    pages = {"title.xhtml": "<h1>A Quiet River</h1><p>by Ann Author</p>"} | {
        f"c{n}.xhtml": f"<h2>Chapter {n}</h2>{P()}" for n in range(1, 5)
    }
    parsed = read(epub(tmp_path / "b.epub", pages, ncx=[(f"Chapter {n}", f"c{n}.xhtml") for n in range(1, 5)]))
    assert titles(parsed) == [f"Chapter {n}" for n in range(1, 5)]
    assert parsed.title == "A Quiet River"
    assert parsed.author == "Ann Author"


def test_several_chapters_in_one_file_and_one_over_two(tmp_path: Path):
    pages = {
        "a.xhtml": f"<h2>Chapter 1</h2>{P()}<h2>Chapter 2</h2>{P()}",
        "b.xhtml": P(),
        "c.xhtml": f"{P()}<h2>Chapter 3</h2>{P()}",
    }
    assert titles(read(epub(tmp_path / "b.epub", pages, nav=[("Chapter 1", "a.xhtml")]))) == [
        "Chapter 1",
        "Chapter 2",
        "Chapter 3",
    ]


def test_navigation_that_lists_only_the_licence(tmp_path: Path):
    heads = [f"第{number}回　起頭" for number in "一二三四五六"]
    pages = {
        "a.xhtml": "<p>那座房子</p>" + "".join(f"<p>{head}</p>{prose(5, 'zho')}" for head in heads),
        "z.xhtml": '<div id="lic"><h2>THE FULL PROJECT GUTENBERG LICENSE</h2><p>Terms of use of Project Gutenberg-tm works.</p></div>',
    }
    parsed = read(
        epub(tmp_path / "b.epub", pages, nav=[("THE FULL PROJECT GUTENBERG LICENSE", "z.xhtml#lic")], language="zh"),
        "zho",
    )
    assert [chapter.title[:3] for chapter in parsed.chapters] == [head[:3] for head in heads]
    assert "Terms" not in text_of(parsed)


def test_navigation_for_every_subheading_adds_no_chapters(tmp_path: Path):
    pages = {
        f"c{n}.xhtml": f'<h2 id="h">Chapter {n}</h2>{P(2)}<h4 id="s1">Of this</h4>{P(2)}<h4 id="s2">Of that</h4>{P(2)}'
        for n in range(1, 5)
    }
    nav = [
        entry
        for n in range(1, 5)
        for entry in ((f"Chapter {n}", f"c{n}.xhtml#h"), ("Of this", f"c{n}.xhtml#s1"), ("Of that", f"c{n}.xhtml#s2"))
    ]
    assert len(titles(read(epub(tmp_path / "b.epub", pages, nav=nav)))) == 4


def test_titles_without_heading_tags_are_found_by_navigation(tmp_path: Path):
    names = ["The Arrival", "The Storm", "The Silence"]
    pages = {f"c{n}.xhtml": f'<p class="calibre3"><span>{name}</span></p>{P()}' for n, name in enumerate(names)}
    assert (
        titles(read(epub(tmp_path / "b.epub", pages, nav=[(name, f"c{n}.xhtml") for n, name in enumerate(names)])))
        == names
    )


def test_chapters_named_only_in_the_navigation(tmp_path: Path):
    names = ["The Arrival", "The Storm", "The Silence"]
    pages = {f"c{n}.xhtml": P(4) for n in range(3)}
    assert (
        titles(read(epub(tmp_path / "b.epub", pages, nav=[(name, f"c{n}.xhtml") for n, name in enumerate(names)])))
        == names
    )


def test_encoded_links_and_a_missing_navigation(tmp_path: Path):
    pages = {f"chapter%20{n}.xhtml": f"<h2>Chapter {n}</h2>{P()}" for n in range(1, 4)}
    assert len(titles(read(epub(tmp_path / "b.epub", pages)))) == 3


def test_the_contents_page_of_the_book_is_left_out(tmp_path: Path):
    listed = "<h2>CONTENTS</h2>" + "".join(f'<p><a href="c{n}.xhtml">Chapter {n}</a></p>' for n in range(1, 5))
    pages = {"toc.xhtml": listed} | {f"c{n}.xhtml": f"<h2>Chapter {n}</h2>{P()}" for n in range(1, 5)}
    parsed = read(epub(tmp_path / "b.epub", pages))
    assert titles(parsed) == [f"Chapter {n}" for n in range(1, 5)]
    assert "CONTENTS" not in text_of(parsed)


def test_page_breaks_notes_and_entities(tmp_path: Path):
    body = '<h2>Chapter {n}</h2><p>He left<span epub:type="pagebreak" xmlns:epub="http://www.idpf.org/2007/ops">{n}</span> early&nbsp;&mdash; at nine.<a epub:type="noteref" xmlns:epub="http://www.idpf.org/2007/ops" href="#n1">1</a></p><aside epub:type="footnote" xmlns:epub="http://www.idpf.org/2007/ops" id="n1"><p>Not quite.</p></aside>'
    said = text_of(
        read(epub(tmp_path / "b.epub", {f"c{n}.xhtml": body.replace("{n}", str(n)) + P() for n in range(1, 4)}))
    )
    assert "He left early — at nine." in said
    assert "Not quite" not in said


def test_entity_bombs_are_refused(tmp_path: Path):
    bomb = '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><html><body><p>&b;</p></body></html>'
    with pytest.raises(SourceUnreadable, match="entities"):
        read(epub(tmp_path / "b.epub", {"c.xhtml": bomb}))


def test_zip_bombs_and_path_escapes_are_refused(tmp_path: Path):
    with pytest.raises(SourceUnreadable, match="unpack"):
        read(epub(tmp_path / "b.epub", {"c.xhtml": f"<p>{' ' * 30_000_000}</p>"}))
    with pytest.raises(SourceUnreadable, match="outside"):
        read(epub(tmp_path / "c.epub", {"c.xhtml": P()}, extra={"../../evil.txt": b"x"}))


def test_broken_archives_are_refused_with_a_sentence(tmp_path: Path):
    whole = epub(tmp_path / "b.epub", {"c.xhtml": P()}).read_bytes()
    for data in (whole[: len(whole) // 2], b"PK\x03\x04", whole[:100] + b"\xff" * 300 + whole[400:]):
        (tmp_path / "d.epub").write_bytes(data)
        with pytest.raises(SourceUnreadable):
            read(tmp_path / "d.epub")
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("a.txt", "x")
    (tmp_path / "e.epub").write_bytes(empty.getvalue())
    with pytest.raises(SourceUnreadable, match="container"):
        read(tmp_path / "e.epub")


def test_locked_books_are_refused(tmp_path: Path):
    locked = b'<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"/></EncryptedData></encryption>'
    with pytest.raises(SourceUnreadable, match="DRM"):
        read(epub(tmp_path / "b.epub", {"c.xhtml": P()}, extra={"META-INF/encryption.xml": locked}))


def test_metadata_and_cover(tmp_path: Path):
    cover = b"\x89PNG\r\n\x1a\n" + bytes(64)
    path = epub(
        tmp_path / "b.epub",
        {"c.xhtml": "".join(plain(1))},
        extra={"OEBPS/cover.png": cover},
        manifest='<item id="cov" href="cover.png" media-type="image/png" properties="cover-image"/>',
    )
    known = source_metadata(path)
    assert (known.title, known.author, known.language, known.gutenberg_id) == (
        "A Quiet River",
        "Ann Author",
        "eng",
        99999,
    )
    assert known.cover == cover
    assert known.cover_type == "image/png"
