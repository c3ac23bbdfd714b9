from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap

import psutil
import pytest

from foundry_tui.errors import EngineMissing, UsageError, VoiceMissing
from foundry_tui.voices.engines import open_engine
from foundry_tui.voices.flite import TETHER, ascii_text
from foundry_tui.voices.helper_process import HelperProcess
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import VoiceSettings


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a program to its parent")
def test_a_tethered_program_ends_with_its_parent() -> None:
    program = textwrap.dedent(f"""
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-I", "-S", {str(TETHER)!r}, {shutil.which("sleep")!r}, "300"])
        print(child.pid, flush=True)
        child.wait()
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        while "sleep" not in child.name():  # it has become the program
            assert parent.poll() is None
        parent.kill()
        parent.wait()
        psutil.wait_procs([child], timeout=20.0)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_a_helper_that_cannot_speak_says_why() -> None:
    helper = HelperProcess("nonsense", [sys.executable, "-P", "-m", "foundry_tui.voices.model_helper", "nonsense"])
    with pytest.raises(EngineMissing, match="KeyError: 'nonsense'"):
        await helper.version()
    await helper.close()


async def test_a_helper_that_is_no_program() -> None:
    for arguments in (["/nowhere/at/all"], [sys.executable, "-c", "pass"]):
        helper = HelperProcess("nonsense", arguments)
        with pytest.raises(EngineMissing):
            await helper.version()
        await helper.close()


@pytest.mark.skipif(shutil.which("flite") is None, reason="no flite on the PATH: its contract tests did not run")
async def test_flite_is_heard_by_its_own_voices_only() -> None:
    engine = open_engine("flite")
    voices = [voice.voice for voice in await engine.voices()]
    slow, fast = [await engine.synthesize("Hello there.", voices[0], VoiceSettings(rate=rate)) for rate in (0.8, 1.6)]
    assert 1.7 < slow.samples / fast.samples < 2.3
    with pytest.raises(VoiceMissing):
        await engine.synthesize("Hello there.", "kal", VoiceSettings())
    await engine.close()


def test_flite_is_missing_in_words() -> None:
    with pytest.raises(EngineMissing, match="not installed"):
        open_engine("flite", {"program": "/nowhere/flite"})


def test_flite_reads_plain_letters() -> None:
    assert ascii_text("“Ærøskøbing” — naïve ﬁsh…\x07 5 £") == '"Aeroskobing" ,  naive fish...  5  pounds '
    assert not any(map(str.isalnum, ascii_text("東京, Москва")))


def test_options_are_read_once_and_checked() -> None:
    options = Options("e", {"a": "", "b": "yes", "c": "7", "d": ["x", " y "], "f": "1.5"}, {"A": "outside"})
    assert options.text("a", "default", "A") == "outside"
    assert options.text("z", "default", "Z") == "default"
    assert options.switch("b", default=False) is True
    assert options.whole("c", 1, 1, 9) == 7
    assert options.words("d") == ("x", "y")
    with pytest.raises(UsageError, match="no option 'f'"):
        options.finish()
    for wrong in (lambda: options.whole("f", 1, 1, 9), lambda: options.number("c", 1, 8, 9), lambda: options.switch("c", default=True)):  # fmt: skip
        with pytest.raises(UsageError):
            wrong()
    assert 1 <= options.cores() <= 64
