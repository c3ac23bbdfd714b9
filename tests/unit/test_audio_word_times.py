"""Words the engine heard: kept in a take's file, brought onto the timeline, and telling where a sentence begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foundry_tui.audio.layout import ChapterPlan, PlacedTake, stack
from foundry_tui.audio.subtitles import cues
from foundry_tui.audio.take_file import write_take
from foundry_tui.audio.word_times import Word, book_words, borders, take_words, words_tag
from foundry_tui.domain.timing import PlacedChapter, PlacedChunk, TimingTable

RATE = 24_000
TEXT = "It was late. Nobody, save the dog, had heard it! So they slept."


def heard(text: str, slow: int = 0) -> list[Word]:
    """A word every 1,000 samples, after ``slow`` words one every 4,000."""
    words, place = [], 0
    for number, word in enumerate(text.split()):
        step = 4_000 if number >= slow > 0 else 1_000
        words.append(Word(place, place + step - 100, word.strip(".,!")))
        place += step
    return words


def test_words_survive_the_takes_file_and_a_take_without_any_has_none(tmp_path: Path) -> None:
    pcm = (np.sin(np.arange(20_000) / 9) * 9_000).astype("<i2").tobytes()
    words = (Word(0, 900, "It’s"), Word(1_000, 1_900, "日本"), Word(2_000, 2_100, '"<&>"'))
    written = write_take(tmp_path / "a.flac", pcm, RATE, {"foundry_key": "k", **words_tag(words)})
    assert take_words(written.path) == words
    assert take_words(write_take(tmp_path / "b.flac", pcm, RATE, {}).path) == ()
    assert take_words(tmp_path / "missing.flac") == ()
    (tmp_path / "c.flac").write_bytes(b"no flac at all")
    assert take_words(tmp_path / "c.flac") == ()


def test_words_follow_their_take_onto_the_timeline(tmp_path: Path) -> None:
    pcm = (np.sin(np.arange(24_000) / 9) * 9_000).astype("<i2").tobytes()
    words = (Word(0, 100, "cut"), Word(4_000, 5_000, "one"), Word(3_000, 3_500, "back"), Word(20_000, 30_000, "long"))
    file = write_take(tmp_path / "a.flac", pcm, RATE, words_tag(words))
    # 2,000 samples of silence are left out before it, and it is resampled to half the rate
    take = PlacedTake(3, file.path, file.sha256, 24_000, RATE, 2_000, 20_000, 5_000, 10_000)
    plans = [ChapterPlan(7, "One", 12_000, 20_480, (take,)), ChapterPlan(8, "Two", 12_000, 20_480, (take,))]
    found = book_words(plans, stack(plans))
    assert found[7, 3] == (
        Word(5_000, 5_000, "cut"),
        Word(6_000, 6_500, "one"),
        Word(6_000, 6_000, "back"),
        Word(14_000, 15_000, "long"),
    )
    assert found[8, 3][1].start == 20_480 + 6_000


def test_a_sentence_begins_where_its_first_word_is_heard() -> None:
    words = heard(TEXT, slow=3)
    parts = ["It was late.", "Nobody, save the dog, had heard it!", "So they slept."]
    nobody, so = words[3].start, words[10].start
    assert borders(0, 50_000, parts, words) == [0, nobody, so, 50_000]


def test_what_is_spoken_otherwise_than_printed_is_placed_between_its_neighbours() -> None:
    parts = ["In 1815 it began.", "42 men came.", "They left."]
    words = heard("In eighteen fifteen it began forty two men came They left")
    _, second, third, _ = borders(0, 11_000, parts, words)
    assert third == words[9].start
    assert words[4].start < second <= words[7].start  # "42" is no word the engine named


def test_no_word_known_and_none_at_all_share_out_by_letters() -> None:
    places = borders(100, 1_100, ["aaaa aaaa", "bbbb bbbb"], [Word(100, 200, "zzz")])
    assert places[0] == 100
    assert places[1] == pytest.approx(600, abs=1)
    timing = TimingTable(RATE, (PlacedChapter(1, "One", 0, 60_000, (PlacedChunk(1, 1, 1_000, 51_000),)),))
    shared = cues(timing, {(1, 1): TEXT})
    by_words = cues(timing, {(1, 1): TEXT}, words={(1, 1): [Word(w.start + 1_000, w.end, w.text) for w in heard(TEXT)]})
    assert [cue.text for cue in shared] == [cue.text for cue in by_words]
    assert by_words[1].start == 4_000
    assert shared[1].start != by_words[1].start
    assert by_words[-1].end == shared[-1].end == 51_000


def test_scripts_without_blanks_are_matched_sign_by_sign() -> None:
    parts = ["今日は。", "雨です。"]
    words = [Word(0, 500, "今日"), Word(500, 900, "は"), Word(4_000, 4_500, "雨"), Word(4_500, 5_000, "です")]
    assert borders(0, 6_000, parts, words) == [0, 4_000, 6_000]


def test_borders_never_go_back_whatever_an_engine_says() -> None:
    words = [Word(9_000, 9_100, "two"), Word(500, 600, "three"), Word(20_000, 20_100, "four")]
    places = borders(0, 10_000, ["one", "two", "three", "four"], words)
    assert places == sorted(places)
    assert places[-1] == 10_000
