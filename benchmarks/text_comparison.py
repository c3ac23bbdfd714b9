"""Labelled books scored beside the simple ways to cut a book: a chapter a spine document, a chapter a heading.

usage: text_comparison.py [--corpus DIR] [--scorer FILE] [--markdown]   Prints JSON, or the table of the docs.

Every entrant gets title, author and language from the labels, so those are never why it fails.
"""

from __future__ import annotations

import argparse
import json
import os
import posixpath
import re
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

CORPUS = Path(os.environ.get("FOUNDRY_CORPUS", Path(__file__).resolve().parents[2] / "shared" / "corpus"))
CHECKS = ("count", "titles", "samples", "have", "not")
Chapters = list[tuple[str, str]]


def foundry(book: Path, language: str) -> Chapters:
    """Ours."""
    from foundry_tui.text.parse import parse_novel

    parsed = parse_novel(book, book_id="book", language=language)
    return [(chapter.title, "\n".join(chunk.text for chunk in chapter.chunks)) for chapter in parsed.chapters]


def spine(book: Path, language: str) -> Chapters:
    """A chapter for each document of the spine, as books are cut with ebooklib; a page or text is one document."""
    from bs4 import BeautifulSoup

    del language
    chapters: Chapters = []
    for page in _documents(book):
        soup = BeautifulSoup(page, "lxml")
        heading = soup.find(["h1", "h2", "h3", "title"])
        chapters.append((heading.get_text(" ", strip=True) if heading else "", soup.get_text("\n")))
    return chapters


def at_headings(*levels: str) -> Callable[[Path, str], Chapters]:
    """A chapter from each heading of ``levels`` to the next, with BeautifulSoup."""

    def cut(book: Path, language: str) -> Chapters:
        from bs4 import BeautifulSoup
        from bs4.element import NavigableString, Tag

        del language
        chapters: Chapters = [("", "")]
        for page in _documents(book):
            soup = BeautifulSoup(page, "lxml")
            for unseen in soup(["style", "script", "head"]):
                unseen.decompose()
            for node in soup.descendants:
                if isinstance(node, Tag) and node.name in levels:
                    chapters.append((node.get_text(" ", strip=True), ""))
                elif isinstance(node, NavigableString) and node.find_parent(levels) is None:
                    chapters[-1] = (chapters[-1][0], f"{chapters[-1][1]}\n{node}")
        return chapters

    return cut


def by_pattern(book: Path, language: str) -> Chapters:
    """The plain text between Gutenberg's markers, cut at lines that begin with a chapter word or are a numeral."""
    from bs4 import BeautifulSoup

    del language
    text = "\n".join(BeautifulSoup(page, "lxml").get_text("\n") for page in _documents(book))
    text = re.split(r"\*\*\* ?START OF TH.*?\*\*\*", text, maxsplit=1)[-1]
    text = re.split(r"\*\*\* ?END OF TH", text, maxsplit=1)[0]
    chapters: Chapters = [("", "")]
    for line in text.split("\n"):
        if re.fullmatch(
            r"\s*(?:(?:chapter|chapitre|kapitel|cap[ií]tulo|capitolo)\b.{0,80}|[IVXLC]+\.?)\s*", line, re.IGNORECASE
        ):
            chapters.append((line.strip(), ""))
        else:
            chapters[-1] = (chapters[-1][0], f"{chapters[-1][1]}\n{line}")
    return chapters


ENTRANTS: dict[str, Callable[[Path, str], Chapters]] = {
    "Foundry": foundry,
    "text between the markers, cut at a chapter pattern": by_pattern,
    "BeautifulSoup, cut at h2": at_headings("h2"),
    "BeautifulSoup, cut at h1 to h3": at_headings("h1", "h2", "h3"),
    "a chapter a spine document": spine,
}


def _documents(book: Path) -> list[bytes]:
    """The pages of a book in reading order; plain text is one page of paragraphs."""
    if book.suffix == ".txt":
        return [b"<pre>" + book.read_bytes().replace(b"&", b"&amp;").replace(b"<", b"&lt;") + b"</pre>"]
    if book.suffix != ".epub":
        return [book.read_bytes()]
    from lxml import etree

    with zipfile.ZipFile(book) as archive:
        container = etree.fromstring(archive.read("META-INF/container.xml"))
        package = str(container.xpath("string(//*[local-name()='rootfile']/@full-path)"))
        root = etree.fromstring(archive.read(package))
        files = {item.get("id"): item.get("href") for item in root.xpath("//*[local-name()='item']")}
        spine_ids = [item.get("idref") for item in root.xpath("//*[local-name()='itemref']")]
        return [archive.read(posixpath.join(posixpath.dirname(package), unquote(files[name]))) for name in spine_ids]


def write(folder: Path, label: dict[str, Any], chapters: Chapters) -> None:
    """Chapters in the scorer's layout; those without a letter are dropped for every entrant alike."""
    folder.mkdir(parents=True)
    kept = [(title, text) for title, text in chapters if any(sign.isalnum() for sign in text)]
    meta = {key: label[key] for key in ("title", "author", "language")}
    (folder / "metadata.json").write_text(json.dumps({**meta, "chapters": len(kept)}), "utf-8")
    for number, (title, text) in enumerate(kept, 1):
        chapter = {"number": number, "title": title, "chunks": [{"index": 1, "text": text}]}
        (folder / f"chapter_{number:03}.json").write_text(json.dumps(chapter), "utf-8")


def score(entrant: str, corpus: Path, scorer: Path, home: Path) -> dict[str, Any]:
    """What the scorer says of every book, by format."""
    labels = json.loads((corpus / "labels.json").read_text("utf-8"))["books"]
    began = time.process_time()
    for label in labels:
        chapters = ENTRANTS[entrant](corpus / label["file"], label["language"])
        write(home / "foundry" / label["book_id"] / label["language"] / "chapters", label, chapters)
    took = time.process_time() - began
    report = home / "report.json"
    subprocess.run(
        [sys.executable, str(scorer), str(corpus / "labels.json"), str(home), "--json", str(report), "--quiet"],
        capture_output=True,
        check=False,
    )
    rows = json.loads(report.read_text("utf-8"))["books"]
    suffix = {label["book_id"]: Path(label["file"]).suffix.lstrip(".") for label in labels}
    passed = {kind: [row["pass"] for row in rows if suffix[row["book_id"]] == kind] for kind in ("html", "epub", "txt")}
    return {
        "passed": {kind: f"{sum(of_kind)} of {len(of_kind)}" for kind, of_kind in passed.items()},
        "all": sum(row["pass"] for row in rows),
        "of": len(rows),
        "checks": {check: sum(bool(row["checks"].get(check)) for row in rows) for check in CHECKS},
        "cpu_s": round(took, 1),
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| | every check right | HTML | EPUB | text | chapters | titles | edges | nothing missing | no junk | CPU s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        cells = [f"{row['all']} of {row['of']}", *row["passed"].values(), *row["checks"].values(), row["cpu_s"]]
        lines.append(f"| {name} | {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines)


def main() -> int:
    from bs4 import XMLParsedAsHTMLWarning

    warnings.filterwarnings("ignore", category=XMLParsedAsHTMLWarning)  # XHTML read as HTML, as the peers do
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--corpus", type=Path, default=CORPUS)
    options.add_argument("--scorer", type=Path)
    options.add_argument("--markdown", action="store_true")
    given = options.parse_args()
    scorer = given.scorer or given.corpus.parent / "tools" / "score_chapters.py"
    rows: dict[str, dict[str, Any]] = {}
    for entrant in ENTRANTS:
        with tempfile.TemporaryDirectory() as folder:
            rows[entrant] = score(entrant, given.corpus, scorer, Path(folder))
    ours = rows["Foundry"]
    passed = ours["all"] == ours["of"]
    report = {"benchmark": "text_comparison", "rows": rows, "passed": passed}
    print(table(rows) if given.markdown else json.dumps(report, indent=1))
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
