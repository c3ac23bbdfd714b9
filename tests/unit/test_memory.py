"""Memory is kept for the next piece of sound, and given back between steps; a C library without either is no fault."""

from __future__ import annotations

import subprocess
import sys

import pytest

from foundry_tui import memory

KEPT = """
import resource, sys
import numpy as np
from foundry_tui.memory import give_back_memory, keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        several = [np.ones(400_000) for _ in range(3)]
        del several
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(20)
print(faults(100))
give_back_memory()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_kept_memory_is_not_asked_for_again():
    def faults(how: str) -> int:
        run = subprocess.run([sys.executable, "-c", KEPT, how], capture_output=True, text=True, timeout=60, check=True)
        return int(run.stdout)

    assert faults("kept") * 10 < faults("as it is"), "pages come from the kernel once, not with every array"


def test_a_library_without_these_calls_changes_nothing(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    assert memory.keep_freed_memory() is False
    memory.give_back_memory()
