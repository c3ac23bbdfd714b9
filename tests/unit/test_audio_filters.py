"""Our own filters against SciPy's and brute force."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, sosfilt

from foundry_tui.audio import biquads
from foundry_tui.audio.biquads import Biquads, high_pass
from foundry_tui.audio.limiter import _box, _highest


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_the_high_pass_is_the_butterworth_one(rate):
    np.testing.assert_allclose(high_pass(65, rate), butter(2, 65, "highpass", fs=rate, output="sos"), rtol=1e-9)


@pytest.mark.parametrize("loop", [None, biquads._public])
def test_blocks_filter_as_the_whole_does(monkeypatch, loop):
    if loop:
        monkeypatch.setattr(biquads, "_loop", lambda: loop)
    sound = np.random.default_rng(0).normal(size=10_000).astype(np.float32)
    sections = butter(4, 300, "highpass", fs=24_000, output="sos")
    chain = Biquads(sections)
    parts = np.concatenate([chain.process(sound[start : start + 999]) for start in range(0, 10_000, 999)])
    assert np.array_equal(parts, sosfilt(sections, sound.astype(np.float64)))


def test_the_compiled_loop_is_found_without_the_package_round_it():
    code = "import sys; from foundry_tui.audio import chapter_packets, measure, verify; from foundry_tui.audio.biquads import _compiled; _compiled(); print('scipy.signal' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "False", run.stderr


THREADS_THAT_BEGIN_TOGETHER = """
import importlib.util, sys, time
from concurrent.futures import ThreadPoolExecutor
from foundry_tui.audio import biquads
made = importlib.util.module_from_spec
importlib.util.module_from_spec = lambda spec: (made(spec), time.sleep(0.2))[0]
with ThreadPoolExecutor(2) as threads:
    loops = list(threads.map(lambda _: biquads._loop(), range(2)))
print(loops[0] is loops[1], loops[0] is biquads._public)
"""


def test_threads_that_begin_together_load_it_once():
    run = subprocess.run(
        [sys.executable, "-c", THREADS_THAT_BEGIN_TOGETHER], capture_output=True, text=True, timeout=60
    )
    assert run.stdout.split() == ["True", "False"], run.stderr


@pytest.mark.parametrize("half", [1, 2, 7, 145])
def test_sliding_maximum_and_sum_agree_with_the_plain_way(half):
    values = np.random.default_rng(half).integers(0, 1 << 30, 1000) * (np.random.default_rng(1).random(1000) < 0.02)
    assert np.array_equal(_highest(values, half), maximum_filter1d(values, 2 * half + 1, mode="constant", cval=0))
    plain = [values[max(0, place - half) : place + half + 1].sum() for place in range(1000)]
    assert np.array_equal(_box(values, half), plain)
