"""The Makefile speaks in sentences when it cannot go on, and the long tests' parts are a whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """As much of a checkout as the set-up reads, without a .venv."""
    shutil.copy2(repository / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    return tmp_path


def interpreter(folder: Path, name: str, script: str) -> Path:
    """A stand-in for a Python the set-up must refuse."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON"}
    }
    return subprocess.run(["make", *arguments], cwd=checkout, env=clean, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 127", "No Python was found as"),
        ('case "$*" in *"version_info"*) exit 1;; *platform*) echo 3.9.2;; esac', "Foundry needs Python 3.11 or later"),
        ('case "$*" in *ensurepip*) exit 1;; esac', "apt-get install python3-venv"),
    ],
    ids=["none", "too old", "without venv"],
)
@pytest.mark.parametrize("target", ["demo", "test"])
def test_a_python_that_will_not_do_is_said(checkout: Path, script: str, sentence: str, target: str) -> None:
    done = make(checkout, target, f"PYTHON={interpreter(checkout, 'python-of-theirs', script)}")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (checkout / ".venv").exists(), "nothing half-made stays behind"


def test_the_set_up_is_done_once(checkout: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    said = checkout / "said"
    interpreter(python.parent, "python", f'echo "$@" >> {said}')
    first = make(checkout, "setup", f"PYTHON={sys.executable}")
    assert first.returncode == 0, first.stderr
    assert "pip install" in said.read_text(encoding="utf-8")
    said.unlink()
    assert make(checkout, "setup", f"PYTHON={sys.executable}").returncode == 0
    assert not said.exists(), "the second time nothing is installed"
    os.utime(checkout / "pyproject.toml", (2_000_000_000, 2_000_000_000))
    make(checkout, "setup", f"PYTHON={sys.executable}")
    assert "pip install" in said.read_text(encoding="utf-8"), "but a changed pyproject.toml is looked at"


def test_the_parts_of_the_long_tests_are_the_whole(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "test_many.py").write_text("\n".join(f"def test_{n}(): pass" for n in range(40)), encoding="utf-8")

    def part(which: str) -> set[str]:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "torture_parts",
                "--collect-only",
                "-q",
                "-p",
                "no:cacheprovider",
                str(tmp_path),
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(repository / ".ci"),
                "FOUNDRY_TORTURE_PART": which,
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return {line for line in done.stdout.splitlines() if "::" in line}

    parts = [part(f"{number}/3") for number in (1, 2, 3)]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts)) == 40
