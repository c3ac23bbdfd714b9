"""The layout: whole samples, pauses as the text asks, nothing spoken cut, chapters of whole AAC frames."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_tui.audio.layout import FRAME, ChapterSound, TakeSound, book_rate, lay_out, plan_chapter, stack
from foundry_tui.audio.profiles import PROFILES, profile_named
from foundry_tui.errors import AudioError, UsageError

ACX = PROFILES["acx"]
RATE = 24_000


def take(index=1, ms=2000, lead=100, tail=300, pause=400, rate=RATE):
    return TakeSound(index, Path(f"{index}.flac"), "00", ms * rate // 1000, rate, lead, tail, pause)


def test_the_quiet_between_two_chunks_is_the_pause_the_text_asks_for():
    first, second = plan_chapter(ChapterSound(1, "One", (take(1), take(2))), RATE, ACX).takes
    speech_end = first.start + first.samples - RATE * 80 // 1000
    speech_start = second.start + RATE * 50 // 1000
    assert speech_start - speech_end == RATE * 400 // 1000


@pytest.mark.parametrize(
    ("lead", "tail", "pause"), [(0, 0, 0), (0, 0, 250), (20, 30, 250), (700, 900, 0), (60, 100, 130)]
)
def test_kept_silence_never_makes_a_pause_longer_than_asked_unless_it_is_longer_itself(lead, tail, pause):
    takes = (take(1, lead=lead, tail=tail, pause=pause), take(2, lead=lead, tail=tail))
    first, second = plan_chapter(ChapterSound(1, "One", takes), RATE, ACX).takes
    kept = min(lead, 50) + min(tail, 80)
    assert second.start - (first.start + first.samples) == max(0, pause - kept) * RATE // 1000


def test_only_measured_silence_is_left_out_and_only_in_numbers():
    placed = plan_chapter(ChapterSound(1, "One", (take(lead=120, tail=380),)), RATE, ACX).takes[0]
    assert placed.file_samples == 48_000
    assert placed.source_offset == RATE * 70 // 1000
    assert placed.source_offset + placed.source_samples == 48_000 - RATE * 300 // 1000


def test_a_chapter_begins_and_ends_with_air_and_is_padded_to_whole_frames():
    plan = plan_chapter(ChapterSound(1, "One", (take(),)), RATE, ACX)
    end = plan.takes[-1].start + plan.takes[-1].samples
    assert plan.takes[0].start == RATE * 3 // 4
    assert plan.samples % FRAME == 0
    assert 0 <= plan.samples - end - RATE * 5 // 2 < FRAME


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.integers(1, 20_000),
                st.integers(0, 800),
                st.integers(0, 800),
                st.integers(0, 3000),
                st.sampled_from([16_000, 22_050, 24_000]),
            ),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_the_takes_they_follow_one_another_inside_their_chapter(book):
    chapters = [
        ChapterSound(
            number,
            "",
            tuple(
                take(index, ms, min(lead, ms // 3), min(tail, ms // 3), pause, rate)
                for index, (ms, lead, tail, pause, rate) in enumerate(takes, 1)
            ),
        )
        for number, takes in enumerate(book, 1)
    ]
    table = lay_out(chapters, RATE, ACX)
    position = 0
    for chapter, sound in zip(table.chapters, chapters, strict=True):
        assert chapter.start == position
        assert (chapter.end - chapter.start) % FRAME == 0
        position = chapter.start + RATE * 3 // 4
        for chunk, spoken in zip(chapter.chunks, sound.takes, strict=True):
            assert chunk.start >= position
            speech = (spoken.samples / spoken.sample_rate - (spoken.lead_ms + spoken.tail_ms) / 1000) * RATE
            assert chunk.end - chunk.start >= speech - 2
            position = chunk.end
        assert chapter.end >= position + RATE * 5 // 2
        position = chapter.end
    assert table.samples == position


def test_a_chapter_is_planned_alone_and_stacked_anywhere():
    chapters = [ChapterSound(number, str(number), (take(1), take(2))) for number in (1, 2, 3)]
    plans = [plan_chapter(chapter, RATE, ACX) for chapter in chapters]
    assert stack(plans) == lay_out(chapters, RATE, ACX)
    moved = stack([plans[2], plans[0]]).chapters[0]
    assert (moved.number, moved.start, moved.end) == (3, 0, plans[2].samples)


def test_a_chapter_without_takes_is_an_error_with_its_number():
    with pytest.raises(AudioError, match="Chapter 7"):
        plan_chapter(ChapterSound(7, "Empty", ()), RATE, ACX)


def test_the_books_rate_is_that_of_most_of_its_speech():
    takes = [take(ms=1000, rate=22_050), take(ms=5000, rate=24_000), take(ms=1000, rate=48_000)]
    assert book_rate(takes) == 24_000
    assert book_rate([take(rate=18_000)]) == 22_050
    with pytest.raises(AudioError):
        book_rate([])


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(UsageError, match="acx, podcast, r128"):
        profile_named("loud")
