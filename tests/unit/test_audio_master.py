"""Mastering: the same samples whatever the block, a ceiling that holds, room tone without a zero or a seam."""

from __future__ import annotations

import numpy as np
import pytest

from fakes.sounds import chapter_sound, speech, take_sound
from foundry_tui.audio.layout import ChapterSound, plan_chapter
from foundry_tui.audio.limiter import Limiter
from foundry_tui.audio.master import MasteringReport, load_take, master
from foundry_tui.audio.profiles import PROFILES
from foundry_tui.audio.room_tone import EDGE, RoomTone
from foundry_tui.audio.true_peak import true_peak
from foundry_tui.errors import ArtifactBroken

ACX = PROFILES["acx"]
RATE = 24_000


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return plan_chapter(chapter_sound(tmp_path_factory.mktemp("takes"), 1, [4.0, 2.5, 3.3]), RATE, ACX)


def render(plan, gain_db=0.0, **options):
    return np.concatenate(list(master(plan, book_id="book", gain_db=gain_db, profile=ACX, **options)))


@pytest.mark.parametrize("gain_db", [-3.0, 14.0])
def test_the_block_size_never_shows(plan, gain_db):
    whole = render(plan, gain_db, context=4096)
    assert len(whole) == plan.samples + 8192
    for block in (1 << 12, 48_000, 99_991):
        assert np.array_equal(render(plan, gain_db, context=4096, block=block), whole)


def test_a_stretch_mastered_alone_is_the_same_stretch(plan):
    whole = render(plan, 14.0, context=4096)
    for first, last in ((-4096, 30_000), (30_000 - 4096, 100_000 + 4096), (100_000, plan.samples + 4096)):
        stretch = render(plan, 14.0, context=4096, span=(first, last))
        assert np.array_equal(stretch, whole[first + 4096 : last + 4096])


def test_the_context_does_not_change_the_chapter(plan):
    with_context = render(plan, 5.0, context=4096)[4096:-4096]
    np.testing.assert_allclose(render(plan, 5.0), with_context, atol=1e-7)


def test_the_ceiling_holds_between_the_samples_too(plan):
    report = MasteringReport()
    loud = render(plan, 14.0, report=report)
    assert 20 * np.log10(true_peak(loud.astype(np.float64))) <= ACX.ceiling_db + 0.05
    assert report.limited_samples > 0
    assert report.reduction_db > 3


def test_below_the_ceiling_the_limiter_is_a_wire():
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.05, 100_000).astype(np.float32)
    limiter = Limiter(RATE, -1.0)
    out = np.concatenate(
        [*(limiter.process(sound[start : start + 7000]) for start in range(0, len(sound), 7000)), limiter.finish()]
    )
    assert np.array_equal(out, sound)
    assert (limiter.limited_samples, limiter.reduction_db) == (0, 0.0)


def test_the_limiter_never_steps_and_lets_go_again():
    sound = np.full(RATE, 0.1, dtype=np.float32)
    sound[12_000] = 1.0
    limiter = Limiter(RATE, -6.0)
    out = np.concatenate([limiter.process(sound), limiter.finish()])
    gain = out / sound
    assert out[12_000] <= 10 ** (-6 / 20) + 1e-7
    assert np.abs(np.diff(gain)).max() < 0.02
    assert gain[:11_000].min() == gain[13_000:].min() == 1.0


def test_gain_is_linear_where_nothing_is_limited(plan):
    quiet, louder = render(plan, -20.0).astype(np.float64), render(plan, -14.0).astype(np.float64)
    tone = RoomTone("book", plan.number, plan.samples, RATE, ACX.tone_db).block(0, plan.samples)
    np.testing.assert_allclose((quiet - tone) * 10 ** (6 / 20), louder - tone, atol=1e-6)


def test_no_pause_is_digital_zero_and_the_floor_stands_where_it_should(plan):
    head = render(plan)[: RATE // 2]
    assert np.count_nonzero(head == 0) < 5
    assert 20 * np.log10(np.sqrt(np.mean(head**2))) == pytest.approx(ACX.tone_db, abs=1.5)


def test_every_border_of_a_book_carries_the_same_tone_without_a_seam():
    first, second = RoomTone("book", 1, 100 * 1024, RATE, -72), RoomTone("book", 9, 77 * 1024, RATE, -72)
    ending, beginning = first.block(100 * 1024 - 4096, 8192), second.block(-4096, 8192)
    assert np.array_equal(ending, beginning)
    assert np.abs(np.diff(ending)).max() < 1e-3
    inside = (first.block(EDGE + 2000, 4096), second.block(EDGE + 2000, 4096))
    assert not np.array_equal(*inside)
    assert not np.array_equal(ending, RoomTone("another", 1, 100 * 1024, RATE, -72).block(100 * 1024 - 4096, 8192))


def test_room_tone_is_the_same_read_whole_or_in_pieces():
    tone = RoomTone("book", 3, 60 * 1024, RATE, -72)
    whole = tone.block(-EDGE, 60 * 1024 + 2 * EDGE)
    pieces = np.concatenate([tone.block(start, 1000) for start in range(-EDGE, 60 * 1024 + EDGE, 1000)])
    assert np.array_equal(pieces[: len(whole)], whole)
    assert np.count_nonzero(whole == 0) == 0


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
def test_a_take_of_another_rate_fits_its_place_exactly(tmp_path, rate):
    sound = speech(2.345, rate, seed=3)
    plan = plan_chapter(ChapterSound(1, "One", (take_sound(tmp_path, 1, sound, rate),)), RATE, ACX)
    take = plan.takes[0]
    samples = load_take(take, RATE)
    assert len(samples) == take.samples == round(take.source_samples * RATE / rate)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(
        np.sqrt(np.mean((sound / 32768.0) ** 2) * len(sound) / take.source_samples), rel=0.05
    )


def test_a_take_that_changed_on_disk_is_not_mastered(tmp_path):
    plan = plan_chapter(ChapterSound(1, "One", (take_sound(tmp_path, 1, speech(2.0), RATE),)), RATE, ACX)
    path = plan.takes[0].path
    data = path.read_bytes()
    path.write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
    with pytest.raises(ArtifactBroken, match=path.name):
        render(plan)
