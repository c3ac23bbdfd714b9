"""The command line as a test sees it: arguments in, exit code, stdout and stderr out."""

from __future__ import annotations

import io
import json
import logging
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes import homes
from foundry_tui.cli.door import enter

BOOK = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="author" content="{author}"></head>
<body>
<h1>{title}</h1>
<h2>Chapter I. The Door</h2>
<p>The door stood open, and the wind had come in before us.</p>
<p>“Who is there?” said the clerk, without looking up from his ledger.</p>
<h2>Chapter II. The Stair</h2>
<p>Nobody answered him. The stair went up into the dark, one step after another.</p>
<p>He counted twelve of them, and then he stopped counting.</p>
</body></html>
"""


@dataclass(frozen=True)
class Ran:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class CommandLine:
    """``foundry-tui --home HOME …`` in this process."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str | Path) -> Ran:
        return run("--home", self.home, *homes.flags(self.home), *arguments)

    def well(self, *arguments: str | Path) -> Ran:
        """Run what must end in 0."""
        ran = self(*arguments)
        assert ran.code == 0, f"{arguments} ended in {ran.code}\n{ran.out}\n{ran.err}"
        return ran


def run(*arguments: str | Path) -> Ran:
    """The whole front door, errors turned into sentences and codes; the process's logging is left as it was."""
    root, ours = logging.getLogger(), logging.getLogger("foundry_tui")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = enter([str(argument) for argument in arguments])
    finally:
        for handler in [handler for handler in root.handlers if handler not in handlers]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
    return Ran(code, out.getvalue(), err.getvalue())


def write_book(folder: Path, name: str = "clerk.html", title: str = "The Clerk", author: str = "A. Nobody") -> Path:
    """A small real book of two chapters."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(BOOK.format(title=title, author=author), encoding="utf-8")
    return path
