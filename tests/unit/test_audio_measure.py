"""Measures: against the standard's own reference points, and against sounds whose answer is known by construction."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fakes.sounds import speech
from foundry_tui.audio.k_weighting import EnergyMeter
from foundry_tui.audio.loudness import integrated
from foundry_tui.audio.measure import SILENT_DB, Measures, measure
from foundry_tui.audio.sound_meter import SoundMeter
from foundry_tui.audio.true_peak import true_peak


def sine(frequency, seconds, rate, level=1.0, phase=0.0):
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate + phase)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_a_full_scale_997_hz_sine_stands_at_minus_3_01_lkfs(rate):
    # ITU-R BS.1770-4: the reference tone of the filter's own calibration
    meter = EnergyMeter(rate)
    meter.add(sine(997, 20, rate))
    assert integrated(meter.energies(), rate) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("rate", [22_050, 24_000, 48_000])
def test_energies_do_not_depend_on_how_the_sound_arrives(rate):
    sound = speech(4.321, rate) / 32768.0
    whole, parts = EnergyMeter(rate), EnergyMeter(rate)
    whole.add(sound)
    for start in range(0, len(sound), 777):
        parts.add(sound[start : start + 777])
    assert len(whole.energies()) == -(-len(sound) // (rate // 10))
    np.testing.assert_allclose(parts.energies(), whole.energies(), rtol=1e-9)


@pytest.mark.parametrize(("frequency", "tolerance_db"), [(1000, 0.1), (3000, 0.15), (6000, 0.25), (8000, 0.25)])
def test_true_peak_finds_the_wave_between_the_samples(frequency, tolerance_db):
    for phase in np.linspace(0, np.pi, 7):
        peak = true_peak(sine(frequency, 0.5, 24_000, 0.5, phase) * np.hanning(12_000))
        assert 20 * np.log10(peak / 0.5) == pytest.approx(0, abs=tolerance_db)


def test_silences_are_measured_to_ten_milliseconds():
    sound = speech(3.0, lead_s=0.25, tail_s=0.4, seed=3)
    measures = measure(sound, 24_000)
    assert measures.lead_ms == pytest.approx(250, abs=15)
    assert measures.tail_ms == pytest.approx(400, abs=15)
    assert measures.speech_ms == pytest.approx(2350, abs=30)


def test_a_hole_is_the_longest_gap():
    sound = speech(3.0, seed=4)
    holed = np.concatenate([sound[:30_000], np.zeros(24_000 * 2, dtype=np.int16), sound[30_000:]])
    assert measure(holed, 24_000).longest_gap_ms == pytest.approx(2000, abs=300)
    assert measure(sound, 24_000).longest_gap_ms < 400


def test_bytes_ints_and_floats_measure_alike():
    sound = speech(2.0, seed=5)
    by_bytes = measure(sound.astype("<i2").tobytes(), 24_000)
    for same in (measure(sound, 24_000), measure(sound / 32768.0, 24_000)):
        assert same.to_json() == by_bytes.to_json()


def test_json_brings_back_the_same_measures():
    measures = measure(speech(2.34, seed=6), 24_000)
    back = Measures.from_json(json.loads(json.dumps(measures.to_json())))
    np.testing.assert_array_equal(back.energies, measures.energies)
    assert back.to_json() == measures.to_json()
    assert len(json.dumps(measures.to_json())) < 700


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(1), np.zeros(24_000), np.array([0.5]), np.ones(100)])
def test_degenerate_sounds_are_measured_without_complaint(sound):
    measures = measure(sound, 24_000)
    assert measures.samples == len(sound)
    assert measures.speech_db >= SILENT_DB
    json.dumps(measures.to_json(), allow_nan=False)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_told_and_do_not_spread(bad):
    sound = speech(1.0) / 32768.0
    sound[100] = bad
    measures = measure(sound, 24_000)
    assert not measures.finite
    json.dumps(measures.to_json(), allow_nan=False)


def test_the_sound_meter_sees_zero_runs_and_the_quietest_half_second_across_blocks():
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 24_000 * 4).astype(np.float32)
    sound[30_000:32_400] = 0  # 100 ms of digital zero
    sound[60_000:72_000] *= 0.01  # 500 ms at -60 dBFS
    for size in (1000, 5000, 65_536):
        meter = SoundMeter(24_000)
        for start in range(0, len(sound), size):
            meter.add(sound[start : start + size])
        levels = meter.levels()
        assert levels["longest_zero_ms"] == pytest.approx(100)
        assert levels["floor_db"] == pytest.approx(-60, abs=0.3)
        assert levels["rms_db"] == pytest.approx(-20.6, abs=0.3)
