"""Imports point one way: the contracts hold, each of them bites, and headless work starts without Textual."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

# One bad import for every contract, and for the layers one a floor: (contract's first words, file, line).
BREAKS = [
    ("Imports point one way", "store/upgrade.py", "from foundry_tui.pipeline import contract"),
    ("Imports point one way", "pipeline/contract.py", "import foundry_tui.operations"),
    ("Imports point one way", "operations/__init__.py", "import foundry_tui.foundry"),
    ("Imports point one way", "steps/__init__.py", "import foundry_tui.operations.catalog"),
    ("Imports point one way", "foundry.py", "from foundry_tui import cli"),
    ("Imports point one way", "cli/door.py", "import foundry_tui.console"),
    ("Operations are handed recipes", "operations/catalog.py", "import foundry_tui.steps"),
    ("Text, voices, audio", "audio/__init__.py", "import foundry_tui.storage.local"),
    ("Text, voices, audio", "text/__init__.py", "from foundry_tui import voices"),
    ("Text, voices, audio", "storage/local.py", "import foundry_tui.pictures"),
    ("The rooms below never look up", "voices/__init__.py", "import foundry_tui.settings"),
    ("The rooms below never look up", "domain/books.py", "import foundry_tui.store"),
    ("The domain and the errors", "domain/timing.py", "import numpy"),
    ("The domain and the errors", "errors.py", "import click"),
    ("Only the console knows Textual", "cli/door.py", "import textual"),
    ("Only the console knows Textual", "steps/__init__.py", "def late():\n    from textual.app import App"),
    ("Only the store knows SQLAlchemy", "operations/catalog.py", "import sqlalchemy"),
    ("Only the store knows SQLAlchemy", "cli/door.py", "import aiosqlite"),
    ("Dispatchers stay in their adapters", "pipeline/pool.py", "import procrastinate"),
    ("Dispatchers stay in their adapters", "steps/__init__.py", "def late():\n    import arq"),
]


@pytest.fixture(scope="module")
def tree(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources that may be spoilt."""
    top = tmp_path_factory.mktemp("tree")
    shutil.copytree(
        repository / "src",
        top / "src",
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
        copy_function=shutil.copy2,
    )
    shutil.copy2(repository / "pyproject.toml", top)
    return top


def lint(top: Path) -> tuple[int, list[str], str]:
    """(exit code, contracts broken, everything said)."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            "--cache-dir",
            str(top / "cache"),
        ],
        cwd=top,
        env={**os.environ, "PYTHONPATH": str(top / "src"), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    broken = [line.partition(" BROKEN")[0] for line in done.stdout.splitlines() if " BROKEN" in line]
    return done.returncode, broken, done.stdout + done.stderr


def test_the_contracts_hold(tree: Path) -> None:
    code, broken, said = lint(tree)
    assert (code, broken) == (0, []), said
    assert "0 broken" in said


def test_every_contract_has_a_test_that_breaks_it(repository: Path) -> None:
    configured = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    for contract in configured:
        assert any(contract["name"].startswith(words) for words, _, _ in BREAKS), contract["name"]


@pytest.mark.parametrize(
    ("words", "file", "line"), BREAKS, ids=[f"{file}: {line.split(chr(10))[-1].strip()}" for _, file, line in BREAKS]
)
def test_a_contract_bites(tree: Path, words: str, file: str, line: str) -> None:
    spoilt = tree / "src" / "foundry_tui" / file
    good = spoilt.read_text(encoding="utf-8")
    try:
        spoilt.write_text(f"{good}\n\n{line}\n", encoding="utf-8")
        code, broken, said = lint(tree)
    finally:
        spoilt.write_text(good, encoding="utf-8")
    assert code == 1, said
    assert any(name.startswith(words) for name in broken), said


WITHOUT_TEXTUAL = """
import sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "textual":
            raise ImportError(f"{name} was imported without the console")

sys.meta_path.insert(0, Watch())
from foundry_tui.cli.door import enter

for arguments in (["init"], ["book", "list"], ["queue"], ["--run-all"], ["--run-all", "--json"]):
    code = enter(["--home", sys.argv[1], *arguments])
    assert code == 0, (arguments, code)
loaded = sorted(name for name in sys.modules if name.split(".")[0] == "textual")
assert not loaded, loaded
"""


def test_headless_work_starts_without_textual(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TEXTUAL, str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_front_door_opens_without_the_heavy_rooms() -> None:
    """``foundry-tui --help`` must not wait for the store, the sound or the console to be imported."""
    script = "import sys; from foundry_tui.cli.door import enter; assert enter(['--version']) == 0; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    heavy = {"textual", "sqlalchemy", "numpy", "av", "lxml", "scipy", "aiohttp"} & set(done.stderr.split())
    assert not heavy, heavy
