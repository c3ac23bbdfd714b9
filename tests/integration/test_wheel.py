"""The wheel carries everything: installed alone, in an empty folder, it makes the sample audiobook.

It is an honest installation of our own wheel into a fresh venv (``pip install --no-deps``, so nothing is fetched); only
the dependencies are borrowed, through a .pth file, from the environment the tests run in.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import av
import pytest

CARRIED = (
    "foundry_tui/_data/seeds/",
    "foundry_tui/_data/foundry/tin_kettle/tin_kettle.html",
    "foundry_tui/_data/foundry/tin_kettle/images/kettle.png",
    "foundry_tui/store/migrations/env.py",
    "foundry_tui/store/migrations/versions/",
    "foundry_tui/text/schemas/",
    "foundry_tui/py.typed",
)
# Environment of ours that would lead the installed program back to the checkout or to somebody's home.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "FOUNDRY_HOME", "FOUNDRY_ENV", "FOUNDRY_DATABASE_URL")


def run(*command: str | Path, cwd: Path, timeout: int = 300) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, repository, cwd=repository)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment that has our wheel."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    venv.EnvBuilder(with_pip=False, symlinks=True).create(place)
    python = place / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(place), "platbase": str(place)}))
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index",
        "--disable-pip-version-check", "--root-user-action=ignore", wheel, cwd=place,
    )  # fmt: skip
    # A .pth is read after the environment's own packages: our wheel is found before an editable install would be.
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return place / "bin"


def test_the_wheel_carries_seeds_sample_migrations_and_schemas(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for wanted in CARRIED:
        assert any(name.startswith(wanted) and not name.endswith("/") for name in names), wanted
    strangers = [name for name in names if not name.startswith(("foundry_tui/", "foundry_tui-"))]
    assert not strangers, strangers
    assert not [name for name in names if name.endswith((".db", ".m4b", ".flac", ".pyc"))]


def test_it_is_the_wheel_that_runs(installed: Path, tmp_path: Path) -> None:
    place = run(
        installed / "python", "-c", "import foundry_tui; print(foundry_tui.__file__)", cwd=tmp_path
    ).stdout.strip()
    assert Path(place).is_relative_to(installed.parent), place


def test_an_empty_folder_becomes_the_sample_audiobook(installed: Path, tmp_path: Path) -> None:
    foundry, home = installed / "foundry-tui", tmp_path / "home"
    home.mkdir()
    run(foundry, "--home", home, "init", cwd=tmp_path)
    narrators = json.loads(run(foundry, "--home", home, "narrator", "list", "--json", cwd=tmp_path).stdout)
    english = [
        row["narrator_id"] for row in narrators if row["language"] == "eng" and row["engine"] in (None, "espeak")
    ]
    run(foundry, "--home", home, "produce", "tin_kettle", "--narrator", english[0], cwd=tmp_path)
    lines = run(foundry, "--home", home, "--run-all", "--json", cwd=tmp_path).stdout.splitlines()
    assert all(json.loads(line) for line in lines), "every line of --json is JSON"
    (m4b,) = (home / "library" / "Foundry").rglob("*.m4b")
    with av.open(str(m4b)) as book:
        titles = [chapter["metadata"]["title"] for chapter in book.chapters()]
        seconds = (book.duration or 0) / av.time_base
        samples = sum(frame.samples for frame in book.decode(audio=0))
        rate = book.streams.audio[0].sample_rate
        assert book.metadata["title"] == "The Tin Kettle Line"
    assert len(titles) == 4, titles
    assert "The Line That Nobody Wanted" in titles[0]
    assert 8 * 60 < seconds < 20 * 60
    assert abs(samples / rate - seconds) < 0.1, "it plays to its end"
    assert [path.name for path in tmp_path.iterdir()] == ["home"], "nothing is left outside the home"
