"""The systemd user unit that starts the daemon with the machine and keeps it running."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundry_tui.errors import Conflict, UsageError
from foundry_tui.files import write_bytes

NAME = "foundry.service"
_MARK = "# Written by foundry-tui work --install-unit; write it again after moving the home or the program."
# Longer than the daemon takes to let the chunks in hand be finished.
_STOP_S = 45


@dataclass(frozen=True, slots=True)
class Unit:
    """What the unit starts. ``program`` is the command line up to the verb, ``environment`` what it must know."""

    home: Path
    program: Sequence[str]
    workers: int | None = None
    environment: Mapping[str, str] | None = None

    def text(self) -> str:
        """The unit file; raises UsageError for a path that systemd could not be told of."""
        command = [*self.program, "work", *(["--workers", str(self.workers)] if self.workers else [])]
        settings = [f"Environment={_quoted(f'{name}={value}')}" for name, value in (self.environment or {}).items()]
        lines = [
            _MARK,
            "[Unit]",
            "Description=Foundry: works the audiobook queue",
            "Documentation=man:systemd.service(5)",
            "StartLimitIntervalSec=300",
            "StartLimitBurst=5",
            "",
            "[Service]",
            "Type=exec",
            f"ExecStart={' '.join(_quoted(word) for word in command)}",
            f"WorkingDirectory={_escaped(str(self.home))}",
            *settings,
            "Restart=on-failure",
            "RestartSec=10",
            # 2: the command or the configuration is wrong, or a daemon is there already. Trying again mends neither.
            "RestartPreventExitStatus=2",
            "KillMode=mixed",
            f"TimeoutStopSec={_STOP_S}",
            "Nice=5",
            "UMask=0077",
            "NoNewPrivileges=yes",
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        ]
        return "\n".join(lines)


def unit_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Where systemd looks for a user's own units."""
    env = os.environ if environ is None else environ
    base = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME") or "~").expanduser() / ".config")
    return Path(base) / "systemd" / "user"


def install(unit: Unit, folder: Path, name: str = NAME) -> Path:
    """Write the unit file; raises Conflict where somebody else's is in its place, WriteFailed."""
    path = folder / name
    if path.exists() and not path.read_text(encoding="utf-8").startswith(_MARK):
        raise Conflict(f"{path} is not ours.", next_action="Move it away, then ask again.")
    write_bytes(path, unit.text().encode("utf-8"))
    return path


def next_commands(name: str = NAME) -> tuple[str, ...]:
    """What starts it now and at every boot, even with nobody logged in."""
    return (
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {name}",
        'loginctl enable-linger "$USER"',
        f"journalctl --user -u {name} -f",
    )


def _escaped(word: str) -> str:
    """For systemd % begins a specifier."""
    if any(ord(char) < 32 or ord(char) == 127 for char in word):
        raise UsageError(
            f"{word!r} cannot stand in a unit file.", next_action="Choose a home without control characters."
        )
    return word.replace("%", "%%")


def _quoted(word: str) -> str:
    """One word of a command line: in quotes, and nothing in it means anything (systemd.service(5), COMMAND LINES)."""
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"'
