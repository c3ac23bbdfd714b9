"""The systemd unit: what systemd itself thinks of it, or what its rules say."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.command_line import CommandLine
from fakes.console_home import make_template
from foundry_tui.errors import Conflict, UsageError
from foundry_tui.operations.unit_file import Unit, install, unit_folder

ODD = 'a home of 100% "odd" $names\\and more'


def parsed(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True, delimiters=("=",), comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(path)
    return parser


def test_a_unit_starts_this_program_on_this_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foundry = CommandLine(make_template(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FOUNDRY_WORKERS", "3")
    said = foundry.well("work", "--install-unit").out
    path = tmp_path / "config" / "systemd" / "user" / "foundry.service"
    assert str(path) in said
    assert "systemctl --user enable --now foundry.service" in said
    assert "loginctl enable-linger" in said
    unit = parsed(path)
    assert {*unit} == {"DEFAULT", "Unit", "Service", "Install"}
    command = unit["Service"]["ExecStart"]
    assert command.startswith(f'"{sys.executable}" "-m" "foundry_tui" "--home" "{foundry.home}"')
    assert command.endswith('"work"')
    assert unit["Service"]["Environment"] == '"FOUNDRY_WORKERS=3"'
    assert unit["Service"]["WorkingDirectory"] == str(foundry.home)
    assert unit["Install"]["WantedBy"] == "default.target"
    assert path.stat().st_mode & 0o077 == 0
    verified(path)
    foundry.well("work", "--install-unit")
    path.write_text("[Unit]\n")
    assert foundry("work", "--install-unit").code == 2, "somebody else's file stays"


def test_nothing_in_a_path_means_anything_to_systemd(tmp_path: Path) -> None:
    home = tmp_path / ODD
    home.mkdir()
    path = install(Unit(home, [shutil.which("true") or "/bin/true", "--home", str(home)]), tmp_path / "units")
    text = path.read_text()
    assert '100%% \\"odd\\" $$names\\\\and more"' in text
    verified(path)
    with pytest.raises(UsageError):
        Unit(Path("a\nExecStart=/bin/evil"), ["x"]).text()
    path.write_text("mine")
    with pytest.raises(Conflict):
        install(Unit(home, ["x"]), path.parent)


def test_the_folder_is_where_systemd_looks() -> None:
    assert unit_folder({"HOME": "/home/nora"}) == Path("/home/nora/.config/systemd/user")
    assert unit_folder({"HOME": "/home/nora", "XDG_CONFIG_HOME": "/etc/nora"}) == Path("/etc/nora/systemd/user")


def verified(path: Path) -> None:
    """As far as systemd is there to say so; where it is not, the parsing above is what proves it."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return
    done = subprocess.run([program, "verify", "--user", str(path)], capture_output=True, text=True)
    assert path.name not in done.stderr, done.stderr
