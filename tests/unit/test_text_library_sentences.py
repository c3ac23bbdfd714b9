"""Sentences by a library behind our interface: every sign kept, unknown languages and missing libraries answered."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from text_pages import parse, prose, text_of

from foundry_tui.errors import UsageError
from foundry_tui.text import library_sentences
from foundry_tui.text.library_sentences import sentence_splitter
from foundry_tui.text.options import ParseOptions

_ENGLISH = "Dr. Who came. He left at 5 p.m. in May. “Yes!” he said. It cost 3.50 in all."


@pytest.fixture(autouse=True)
def _fresh():
    library_sentences._library.cache_clear()
    yield
    library_sentences._library.cache_clear()


@pytest.fixture
def _yasbd():
    pytest.importorskip("yasbd", reason="the extra sentences is not installed")


@pytest.mark.usefixtures("_yasbd")
def test_the_library_cuts_where_ours_does_and_keeps_every_sign():
    assert sentence_splitter("eng", "yasbd")(_ENGLISH) == sentence_splitter("eng", "own")(_ENGLISH)
    assert len(sentence_splitter("jpn", "yasbd")("そうだ。行こう。")) == 2


@pytest.mark.usefixtures("_yasbd")
def test_a_whole_book_by_the_library(tmp_path: Path):
    body = "".join(f"<h2>CHAPTER {n}</h2>{prose(4)}" for n in range(1, 4))
    parsed = parse(tmp_path, body, options=ParseOptions(sentences="yasbd"))
    assert parsed.coverage.balances
    assert "".join(text_of(parsed).split()) == "".join(text_of(parse(tmp_path, body)).split())


@pytest.mark.usefixtures("_yasbd")
def test_a_language_the_library_does_not_know_is_cut_by_ours():
    assert sentence_splitter("lat", "yasbd") is sentence_splitter("lat", "own")


def test_what_a_library_loses_is_cut_by_ours(monkeypatch: pytest.MonkeyPatch):
    class Loses:
        def __init__(self, lang: str) -> None:
            self.lang = lang

        def segment(self, text: str) -> list[str]:
            return [text[:10]]

    module = type(sys)("yasbd")
    module.BoundaryDetector, module.get_supported_langs = Loses, lambda: ["en"]
    monkeypatch.setitem(sys.modules, "yasbd", module)
    assert sentence_splitter("eng", "yasbd")(_ENGLISH) == sentence_splitter("eng", "own")(_ENGLISH)


def test_a_missing_library_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "yasbd", None)
    importlib.invalidate_caches()
    with pytest.raises(UsageError, match="not installed") as caught:
        sentence_splitter("eng", "yasbd")
    assert "foundry-tui[sentences]" in str(caught.value.action)


def test_an_unknown_way_is_refused():
    with pytest.raises(UsageError, match="bogus"):
        ParseOptions(sentences="bogus")  # type: ignore[arg-type]
