"""Cut plans: whole takes, every take once, no piece longer than asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundry_tui.audio.layout import FRAME, ChapterSound, TakeSound, plan_chapter, stack
from foundry_tui.audio.plan_cuts import sample_of, split_for_files, volumes
from foundry_tui.audio.profiles import PROFILES

ACX = PROFILES["acx"]
RATE = 24_000


def chapter(number, takes, seconds=10, pause=400):
    return plan_chapter(
        ChapterSound(
            number,
            f"Chapter {number}",
            tuple(
                TakeSound(
                    index, Path(f"{index}"), "00", seconds * RATE, RATE, 0, 0, pause * (3 if index % 7 == 0 else 1)
                )
                for index in range(1, takes + 1)
            ),
        ),
        RATE,
        ACX,
    )


def test_a_sample_is_the_beginning_cut_after_a_take():
    plan = chapter(1, 60)
    sample = sample_of(plan, ACX, 120)
    assert sample.takes == plan.takes[: len(sample.takes)]
    assert 105 <= sample.samples / RATE <= 120 + FRAME / RATE
    assert sample.samples % FRAME == 0
    assert len(sample_of(plan, ACX, 1).takes) == 1


def test_a_chapter_that_fits_is_left_alone():
    plan = chapter(1, 10)
    assert split_for_files(plan, ACX) == (plan,)


@pytest.mark.parametrize("seconds", [100, 333, 600])
def test_long_chapters_are_split_between_takes_at_a_long_pause(seconds):
    plan = chapter(4, 100)
    parts = split_for_files(plan, ACX, seconds)
    assert [take.chunk_index for part in parts for take in part.takes] == [take.chunk_index for take in plan.takes]
    assert all(part.samples <= seconds * RATE for part in parts)
    assert all(part.takes[0].start == RATE * 3 // 4 and part.samples % FRAME == 0 for part in parts)
    assert [part.title for part in parts[:2]] == ["Chapter 4", "Chapter 4 (part 2)"]
    if seconds == 600:
        assert parts[0].takes[-1].chunk_index % 7 == 0


def test_volumes_hold_whole_chapters_and_begin_at_zero():
    timing = stack([chapter(number, 6) for number in range(1, 21)])
    books = volumes(timing, 300)
    assert [place for volume in books for place in range(volume.first, volume.last + 1)] == list(range(20))
    for volume in books:
        assert volume.timing.chapters[0].start == 0
        assert volume.timing.samples <= 300 * RATE
        assert volume.timing.chapters[0].chunks[0].start == RATE * 3 // 4
    assert len(volumes(timing)) == 1
    assert volumes(timing)[0].timing == timing
    assert len(volumes(timing, 1)) == 20
