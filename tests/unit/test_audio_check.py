"""The fault table: every fault injected into clean takes is caught, and clean takes raise no alarm."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fakes.sounds import speech
from foundry_tui.audio.check import VoiceNorm, check
from foundry_tui.audio.measure import measure
from foundry_tui.audio.voice_norm import length_class, letters

RATE = 24_000
LETTERS_A_SECOND = 13.0


def takes(count, seed=0):
    """(text, sound) of clean takes from 4 to 15 seconds, at a voice's natural spread of rates."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        size = int(rng.integers(50, 200))
        text = "".join(chr(97 + number % 26) for number in rng.integers(0, 26, size))
        seconds = size / (LETTERS_A_SECOND * rng.normal(1, 0.06)) + 0.3
        yield text, speech(seconds, RATE, seed=seed * 1000 + index)


@pytest.fixture(scope="module")
def norm():
    norm = VoiceNorm()
    for text, sound in takes(30, seed=1):
        norm.learn(measure(sound, RATE), text)
    return norm


def noise(sound):
    return np.random.default_rng(1).normal(0, 3000, len(sound)).astype(np.int16)


FAULTS = {
    "doubled": (lambda sound: np.concatenate([sound, sound]), {"too_long"}, 0.95),
    "half speed": (lambda sound: np.repeat(sound, 2), {"too_long"}, 0.95),
    "half missing": (
        lambda sound: np.concatenate([sound[: len(sound) // 2], np.zeros(3000, np.int16)]),
        {"too_short"},
        0.95,
    ),
    "cut off": (lambda sound: sound[: int(len(sound) * 0.7)], {"truncated_end"}, 0.75),
    "3 s hole": (
        lambda sound: np.concatenate([sound[:20_000], np.zeros(3 * RATE, np.int16), sound[20_000:]]),
        {"long_gap"},
        1.0,
    ),
    "clipped": (lambda sound: np.clip(sound.astype(int) * 8, -32768, 32767).astype(np.int16), {"clipped"}, 1.0),
    "offset": (lambda sound: (sound // 2 + 2000).astype(np.int16), {"dc_offset"}, 1.0),
    "noise": (noise, {"noise"}, 1.0),
    "tone": (lambda sound: (8000 * np.sin(np.arange(len(sound)) * 0.05)).astype(np.int16), {"noise"}, 1.0),
    "silence": (np.zeros_like, {"silent"}, 1.0),
    "nothing": (lambda sound: sound[:0], {"empty"}, 1.0),
    "a click": (
        lambda sound: np.concatenate([np.zeros(9000, np.int16), np.array([9000], np.int16), np.zeros(9000, np.int16)]),
        {"too_short"},
        1.0,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_injected_fault_is_caught(norm, fault):
    inject, names, share = FAULTS[fault]
    caught = total = 0
    for text, sound in takes(20, seed=2):
        flags = check(measure(inject(sound), RATE), text, norm)
        caught += bool(names & {flag.name for flag in flags if flag.fatal})
        total += 1
    assert caught >= share * total, f"{fault}: {caught} of {total} caught"


def test_clean_takes_raise_no_alarm(norm):
    alarms = [(text, flag) for text, sound in takes(60, seed=3) for flag in check(measure(sound, RATE), text, norm)]
    assert not [alarm for alarm in alarms if alarm[1].fatal]
    assert len(alarms) <= 1


def test_clean_takes_raise_no_alarm_for_an_unknown_voice():
    alarms = [flag for text, sound in takes(30, seed=4) for flag in check(measure(sound, RATE), text, VoiceNorm())]
    assert not alarms


def test_not_a_number_is_fatal(norm):
    sound = speech(3.0, RATE) / 32768.0
    sound[5] = np.nan
    assert [flag.name for flag in check(measure(sound, RATE), "some words", norm) if flag.fatal] == ["not_finite"]


def test_a_voice_that_always_ends_abruptly_is_not_blamed_for_it():
    norm = VoiceNorm()
    clipped_ends = [(text, sound[: int(len(sound) * 0.93)]) for text, sound in takes(40, seed=5)]
    for text, sound in clipped_ends:
        norm.learn(measure(sound, RATE), text)
    assert norm.end_db() > -36
    assert not [flag for text, sound in clipped_ends for flag in check(measure(sound, RATE), text, norm) if flag.fatal]


@pytest.mark.parametrize("text", ["I", "No.", "“Oh!”", "XIV"])
def test_a_word_or_two_is_judged_by_absolute_bounds_alone(norm, text):
    assert not check(measure(speech(0.5, RATE, lead_s=0.05, tail_s=0.1), RATE), text, norm)
    assert [flag.name for flag in check(measure(speech(30, RATE), RATE), text, norm)] == ["too_long"]


def test_silence_for_text_without_a_letter_is_right(norm):
    assert not check(measure(np.zeros(2400, np.int16), RATE), "* * *", norm)


def test_reasons_carry_their_figure_and_never_the_whole_text(norm):
    flags = check(measure(speech(40, RATE), RATE), "x" * 60, norm)
    assert [flag.name for flag in flags] == ["too_long"]
    assert "letters a second" in flags[0].reason
    assert str(flags[0]).startswith("too_long: ")


def test_the_norm_survives_json_and_stays_small(norm):
    for text, sound in takes(150, seed=6):
        norm.learn(measure(sound[: RATE * 2], RATE), text)
    data = json.dumps(norm.to_json())
    back = VoiceNorm.from_json(json.loads(data))
    assert back.to_json() == norm.to_json()
    assert len(data) < 6000


@pytest.mark.parametrize(
    ("text", "size", "kind"),
    [
        ("", 0, 0),
        ("—!", 0, 0),
        ("Hello", 5, 0),
        ("1867", 20, 1),
        ("吾輩は猫である", 21, 1),
        ("a" * 60, 60, 2),
        ("ж" * 150, 150, 3),
    ],
)
def test_letters_are_counted_as_they_are_spoken(text, size, kind):
    assert (letters(text), length_class(text)) == (size, kind)
