"""Loudness from stored sums: the gates of the standard, and a chapter combined without reading its sound again."""

from __future__ import annotations

import numpy as np
import pytest

from fakes.sounds import chapter_sound, speech, take_sound
from foundry_tui.audio.k_weighting import EnergyMeter
from foundry_tui.audio.layout import ChapterSound, plan_chapter
from foundry_tui.audio.loudness import Gain, Loudness, chapter_loudness, gain_for, integrated
from foundry_tui.audio.master import master
from foundry_tui.audio.measure import SILENT_DB, measure
from foundry_tui.audio.profiles import PROFILES
from foundry_tui.audio.sound_meter import SoundMeter
from foundry_tui.audio.take_file import read_take

RATE = 24_000


def tone(level_db, seconds):
    amplitude = 10 ** ((level_db + 3.01) / 20)
    return amplitude * np.sin(2 * np.pi * 997 * np.arange(int(seconds * RATE)) / RATE)


def lufs(*parts):
    meter = EnergyMeter(RATE)
    meter.add(np.concatenate(parts))
    return integrated(meter.energies(), RATE)


def test_the_relative_gate_leaves_out_what_lies_ten_below():
    # the pattern of EBU Tech 3341, case 3: quiet ends must not pull the programme down
    whole = lufs(tone(-36, 10), tone(-23, 60), tone(-36, 10))
    assert whole == pytest.approx(lufs(tone(-23, 60)), abs=0.1)


def test_the_absolute_gate_leaves_out_near_silence():
    # case 4 with silence at -72
    assert lufs(tone(-72, 10), tone(-36, 10), tone(-23, 60), tone(-36, 10), tone(-72, 10)) == pytest.approx(
        lufs(tone(-23, 60)), abs=0.1
    )


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.3, 5.0])
def test_silence_has_no_loudness_and_short_sounds_do_not_fail(seconds):
    assert lufs(np.zeros(int(seconds * RATE))) == SILENT_DB
    if seconds:
        assert lufs(tone(-20, seconds)) == pytest.approx(-20, abs=3.2)


@pytest.mark.parametrize("rate", [16_000, RATE, 48_000])
def test_a_chapter_combined_from_its_takes_agrees_with_the_whole(tmp_path, rate):
    sound = chapter_sound(tmp_path, 1, [3.1, 7.77, 1.234, 5.05, 0.9, 6.6], rate)
    plan = plan_chapter(sound, RATE, PROFILES["podcast"])
    measures = [measure(read_take(take.path), take.source_rate) for take in plan.takes]
    combined = chapter_loudness(plan, measures, PROFILES["podcast"])

    meter = SoundMeter(RATE)
    for block in master(plan, book_id="book", gain_db=0.0, profile=PROFILES["podcast"]):
        meter.add(block)
    whole = meter.levels()
    # at another rate the weighting differs a little, and resampling drops what lies above half the book's rate
    assert combined.lufs == pytest.approx(whole["lufs"], abs=0.05 if rate == RATE else 0.15)
    assert combined.rms_db == pytest.approx(whole["rms_db"], abs=0.05)
    assert combined.speech_db >= combined.rms_db


@pytest.mark.parametrize("name", list(PROFILES))
def test_the_gain_brings_the_mastered_chapter_to_its_target(tmp_path, name):
    profile = PROFILES[name]
    plan = plan_chapter(chapter_sound(tmp_path, 2, [8.0, 9.0, 7.5, 9.9]), RATE, profile)
    measures = [measure(read_take(take.path), RATE) for take in plan.takes]
    gain = gain_for(chapter_loudness(plan, measures, profile), profile)
    meter = SoundMeter(RATE)
    for block in master(plan, book_id="book", gain_db=gain.gain_db, profile=profile):
        meter.add(block)
    levels = meter.levels()
    assert levels["rms_db" if profile.measure == "rms" else "lufs"] == pytest.approx(profile.target_db, abs=0.3)
    assert levels["true_peak_db"] <= profile.ceiling_db + 0.05


def test_a_very_short_chapter_is_not_shouted_for_its_silence(tmp_path):
    profile = PROFILES["acx"]
    plan = plan_chapter(ChapterSound(1, "I", (take_sound(tmp_path, 1, speech(0.9, seed=1), RATE),)), RATE, profile)
    measures = [measure(read_take(plan.takes[0].path), RATE)]
    loudness = chapter_loudness(plan, measures, profile)
    gain = gain_for(loudness, profile)
    assert loudness.speech_db + gain.gain_db == pytest.approx(profile.target_db + 3.7, abs=0.01)


def test_silence_gets_no_gain_and_a_wild_peak_is_reported():
    profile = PROFILES["acx"]
    assert gain_for(Loudness(SILENT_DB, -90, SILENT_DB, -80, -80), profile) == Gain(0.0)
    wild = gain_for(Loudness(-40, -40, -39, -1.0, -1.0), profile)
    assert wild.gain_db == pytest.approx(19.5)
    assert wild.over_limited_db == pytest.approx(-1.0 + 19.5 - profile.ceiling_db - 6)
