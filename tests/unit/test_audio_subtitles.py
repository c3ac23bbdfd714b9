"""Subtitles: every word shown once, in order, inside its chunk, and no time that drifts."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_tui.audio.subtitles import LINE, Cue, cues, sentences, share_out, to_lrc, to_srt, to_vtt
from foundry_tui.domain.timing import PlacedChapter, PlacedChunk, TimingTable

RATE = 24_000
TIMING = TimingTable(
    RATE,
    (
        PlacedChapter(
            1, "One <b>--> two", 0, 480_000, (PlacedChunk(1, 1, 18_000, 138_000), PlacedChunk(1, 2, 150_000, 400_000))
        ),
        PlacedChapter(2, "Two", 480_000, 90_000_000, (PlacedChunk(2, 1, 88_000_001, 88_333_334),)),
    ),
)
TEXTS = {
    (1, 1): "“Well!” thought Alice to herself. She went on, Mr. Dodgson said.",
    (1, 2): "Down, down, down. "
    + "Would the fall never come to an end, and how many miles had she fallen by this time, she wondered aloud? " * 2,
    (2, 1): "[/x] & <i>end</i>",
}


def test_every_word_is_shown_once_in_order_inside_its_chunk():
    shown = cues(TIMING, TEXTS)
    for place, text in TEXTS.items():
        mine = [cue for cue in shown if (cue.chapter_number, cue.chunk_index) == place]
        assert " ".join(cue.text for cue in mine).split() == text.split()
        chunk = next(
            chunk
            for chapter in TIMING.chapters
            for chunk in chapter.chunks
            if (chunk.chapter_number, chunk.chunk_index) == place
        )
        assert (mine[0].start, mine[-1].end) == (chunk.start, chunk.end)
        assert all(len(cue.text) <= 2 * LINE for cue in mine)
    assert all(one.end <= other.start for one, other in pairwise(shown))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two!” Three", ["One.", "Two!”", "Three"]),
        ("Mr. Bennet and Mrs. Long. J. Smith", ["Mr. Bennet and Mrs. Long.", "J. Smith"]),
        ("吾輩は猫である。名前はまだ無い。", ["吾輩は猫である。", "名前はまだ無い。"]),
        ("「そうか。」と言った。", ["「そうか。」", "と言った。"]),
        ("No end", ["No end"]),
        ("  \n ", []),
    ],
)
def test_sentences(text, parts):
    assert sentences(text) == parts


@given(st.integers(0, 10**9), st.integers(1, 10**7), st.lists(st.text(max_size=50), min_size=1, max_size=20))
def test_time_is_shared_out_without_gap_or_overlap(start, length, parts):
    shares = share_out(start, start + length, parts)
    assert len(shares) == len(parts)
    assert (shares[0][0], shares[-1][1]) == (start, start + length)
    assert all(one[1] == other[0] and one[0] <= one[1] for one, other in pairwise(shares))


def test_srt_rounds_each_place_by_itself():
    page = to_srt([Cue(0, 12_007, "One.", 1, 1), Cue(86_400_000 - 1, 86_424_000, "a " * 30, 1, 2)], RATE)
    assert page.startswith("1\n00:00:00,000 --> 00:00:00,500\nOne.\n\n2\n01:00:00,000 --> 01:00:01,000\n")
    assert max(map(len, page.splitlines())) <= LINE


def test_vtt_is_escaped_and_well_formed():
    page = to_vtt(cues(TIMING, TEXTS), TIMING)
    assert page.startswith("WEBVTT\n\nNOTE One &lt;b&gt;")
    assert "[/x] &amp; &lt;i&gt;end&lt;/i&gt;" in page
    assert not re.search(r"^NOTE.*-->", page, re.MULTILINE)
    times = re.findall(r"^(\S+) --> (\S+)$", page, re.MULTILINE)
    assert len(times) == len(cues(TIMING, TEXTS))
    assert times == sorted(times)
    assert times[-1] == ("01:01:06.667", "01:01:20.556")


def test_lrc_counts_minutes_beyond_the_hour_and_keeps_brackets_out_of_tags():
    lines = to_lrc(cues(TIMING, TEXTS), RATE, title="A [book]", author="A").splitlines()
    assert lines[:2] == ["[ti:A (book)]", "[ar:A]"]
    assert lines[-1] == "[61:06.67](/x] & <i>end</i>"
