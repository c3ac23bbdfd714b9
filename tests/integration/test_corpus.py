"""Real books: every labelled one is cut as its label says, every word of it accounted for, none is special-cased."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from foundry_tui.text.chapter_json import write_chapters
from foundry_tui.text.chunks import speakable
from foundry_tui.text.parse import ParsedBook, parse_novel

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def labels(corpus_dir: Path) -> list[dict[str, Any]]:
    return json.loads((corpus_dir / "labels.json").read_text("utf-8"))["books"]


@pytest.fixture(scope="module")
def parsed(corpus_dir: Path, labels: list[dict[str, Any]]) -> dict[str, ParsedBook]:
    return {
        book["book_id"]: parse_novel(corpus_dir / book["file"], book_id=book["book_id"], language=book["language"])
        for book in labels
    }


def test_every_book_is_cut_as_its_label_says(corpus_dir: Path, parsed: dict[str, ParsedBook], tmp_path: Path):
    scorer = corpus_dir.parent / "tools" / "score_chapters.py"
    if not scorer.is_file():
        pytest.skip(f"no scorer at {scorer}")
    for book_id, book in parsed.items():
        folder = tmp_path / "foundry" / book_id / book.language / "chapters"
        folder.mkdir(parents=True)
        write_chapters(book, folder)
    done = subprocess.run(
        [sys.executable, str(scorer), str(corpus_dir / "labels.json"), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_every_receipt_balances_and_every_chunk_can_be_said(parsed: dict[str, ParsedBook]):
    for book_id, book in parsed.items():
        assert book.coverage.balances, book_id
        for chapter in book.chapters:
            assert chapter.chunks, (book_id, chapter.number)
            assert all(speakable(chunk.speech) and len(chunk.text) <= 300 for chunk in chapter.chunks), (
                book_id,
                chapter.number,
            )


def test_the_language_is_known_without_being_told(corpus_dir: Path, labels: list[dict[str, Any]]):
    for book in labels:
        assert parse_novel(corpus_dir / book["file"], book_id=book["book_id"]).language == book["language"], book[
            "book_id"
        ]


def test_no_book_is_special_cased(repository: Path, labels: list[dict[str, Any]]):
    sources = {
        path: path.read_text("utf-8").casefold() for path in (repository / "src" / "foundry_tui" / "text").rglob("*.py")
    }
    for book in labels:
        number = re.search(r"\d+", book["book_id"])
        words = [
            book["book_id"],
            book["title"].casefold(),
            *(title["title"].casefold() for title in book["chapters"] if len(title["title"]) > 30),
        ]
        for path, text in sources.items():
            for word in words:
                assert word not in text, f"{path.name} names {word!r}"
            assert number is None or f"pg{number[0]}" not in text
