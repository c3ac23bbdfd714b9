"""The one place that prints: results on stdout, diagnostics on stderr, strings from outside always as data."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from foundry_tui.domain.plain import plain, plain_lines
from foundry_tui.errors import FoundryError, SourceError

# JSON escapes C0 by itself; DEL, C1 and the direction controls would reach a terminal as they are.
_TERMINAL = re.compile("[\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029]")

_FLAGS: ContextVar[str] = ContextVar("flags", default="")
_COMMAND = re.compile(r"\bfoundry-tui (?=-?-?[a-z])")
_UNCUT = 400  # even in a pipe no cell is longer
_LEAST_LAST = 24


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a listing: its heading, the key of its value in a row, and the most cells it may take."""

    heading: str
    key: str
    widest: int = 40
    right: bool = False


def be_printable() -> None:
    """A character the terminal's encoding has not got becomes a question mark, never an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def called_with(flags: Mapping[str, Any]) -> None:
    """Remember the global flags of this command line, so that advice repeats them."""
    spelled = (f"{name} {shlex.quote(str(value))}" for name, value in flags.items() if value is not None)
    _FLAGS.set(" ".join(spelled))


def as_called(advice: str) -> str:
    """Advice that names a command, with the global flags this one was given: typed as it stands, it does that."""
    flags = _FLAGS.get()
    return _COMMAND.sub(lambda found: f"{found.group()}{flags} ", advice) if flags else advice


def result(line: str = "") -> None:
    """One line of a result."""
    click.echo(plain_lines(line))


def results(lines: Iterable[str]) -> None:
    """Lines of a result."""
    for line in lines:
        result(line)


def json_line(value: Any) -> None:
    """One JSON value on one line; strings are whole, and harmless on a terminal."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    click.echo(_TERMINAL.sub(lambda found: f"\\u{ord(found.group()):04x}", text))


def listing(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], *, as_json: bool, empty: str) -> None:
    """Rows as an aligned table, or as one JSON array; ``empty`` says on stderr what to do where there are none."""
    if as_json:
        json_line(list(rows))
        return
    if not rows:
        warn(as_called(empty))
        return
    cells = [[_cell(row.get(column.key), _widest(column)) for column in columns] for row in rows]
    widths = [
        max([cell_width(column.heading), *(cell_width(line[place]) for line in cells)])
        for place, column in enumerate(columns)
    ]
    room = _room_for_last(widths)
    cells = [[*line[:-1], _cell(line[-1], room)] for line in cells]
    click.echo(_line([column.heading for column in columns], widths, columns))
    for line in cells:
        click.echo(_line(line, widths, columns))


def fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one a line; a value of None is left out."""
    shown = [(name, value) for name, value in pairs if value is not None]
    widest = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name.ljust(widest)}  {plain(value)}")


def note(line: str) -> None:
    """A remark beside the result, on stderr."""
    click.echo(plain_lines(line), err=True)


def warn(*lines: str) -> None:
    """Something the operator must see, on stderr."""
    for line in lines:
        click.echo(plain_lines(line), err=True)


def complain(error: FoundryError) -> None:
    """An error's sentence and what to do."""
    warn(f"Error: {plain(error.message)}")
    if error.action:
        warn(as_called(plain(error.action)))


@contextmanager
def about_file(file: Path) -> Iterator[None]:
    """Errors about a file given on the command line: nothing is in the queue yet that could be requeued."""
    try:
        yield
    except SourceError as error:
        name = "" if file.name in error.message else f"{file.name}: "
        action = "Give the book's own file, whole." if "requeue" in error.action else error.action
        raise type(error)(f"{name}{error.message}", next_action=action, details=error.details) from error


def give_up_stdout() -> None:
    """Nobody reads stdout any more: let what is still written to it go nowhere, quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def on_terminal() -> bool:
    """Whether stdout is a terminal a display may draw on."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def cell_width(text: str) -> int:
    """Terminal cells ``text`` takes: two for wide characters (UAX 11), none for combining ones."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _widest(column: Column) -> int:
    """On a terminal a column keeps to its place; in a pipe a value stays whole, for grep and the like."""
    return column.widest if sys.stdout.isatty() else _UNCUT


def _room_for_last(widths: Sequence[int]) -> int:
    """The cells left on the terminal's line for the last column, and never so few that it says nothing."""
    if not sys.stdout.isatty():
        return _UNCUT
    taken = sum(widths[:-1]) + 2 * (len(widths) - 1)
    return max(shutil.get_terminal_size().columns - taken, _LEAST_LAST)


def _cell(value: Any, widest: int) -> str:
    text = plain("" if value is None else value)
    if cell_width(text) <= widest:
        return text
    while cell_width(text) > widest - 1:
        text = text[:-1]
    return f"{text}…"


def _line(cells: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    padded = []
    for text, width, column in zip(cells, widths, columns, strict=True):
        gap = " " * (width - cell_width(text))
        padded.append(gap + text if column.right else text + gap)
    return "  ".join(padded).rstrip()
