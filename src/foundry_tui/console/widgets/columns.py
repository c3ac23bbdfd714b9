"""Columns of a list: how a width is shared among them, and a cell cut to its width in terminal cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size

GAP = 1
Part = tuple[str, str]  # (text, name of a style)


@dataclass(frozen=True, slots=True)
class Column:
    """``width`` cells, or a share of the rest where ``share`` is given (``width`` is then the least it takes).

    A column with ``rank`` > 0 goes when there is no room, the highest rank first.
    """

    title: str
    width: int
    share: int = 0
    right: bool = False
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line: an id that names what it shows, and one cell a column, each of one or more parts.

    Texts are data: plain strings, already without control characters, never markup.
    """

    id: str
    cells: tuple[tuple[Part, ...], ...]
    data: object = field(default=None, compare=False)


def cell(text: object, style: str = "") -> tuple[Part, ...]:
    """A cell of one part."""
    return ((str(text), style),)


def fit_columns(columns: Sequence[Column], width: int) -> tuple[int, ...]:
    """The width of every column in ``width`` cells; 0 for those that have no room."""
    shown = list(range(len(columns)))
    while len(shown) > 1 and _least(columns, shown) > width:
        worst = max(shown, key=lambda place: (columns[place].rank, place))
        if columns[worst].rank == 0:
            break
        shown.remove(worst)
    widths = [0] * len(columns)
    for place in shown:
        widths[place] = columns[place].width
    rest = width - _least(columns, shown)
    shares = sum(columns[place].share for place in shown)
    if rest > 0 and shares:
        left = rest
        takers = [place for place in shown if columns[place].share]
        for place in takers[:-1]:
            more = rest * columns[place].share // shares
            widths[place] += more
            left -= more
        widths[takers[-1]] += left
    elif rest < 0:
        # Too narrow even for what must stay: the widest gives way.
        widest = max(shown, key=lambda place: widths[place])
        widths[widest] = max(1, widths[widest] + rest)
    return tuple(widths)


def _least(columns: Sequence[Column], shown: Sequence[int]) -> int:
    return sum(columns[place].width for place in shown) + GAP * max(0, len(shown) - 1)


def cut(parts: Sequence[Part], width: int, *, right: bool = False) -> list[Part]:
    """``parts`` in exactly ``width`` cells: cut with an ellipsis, or filled with spaces."""
    total = sum(cell_len(text) for text, _ in parts)
    if total <= width:
        gap = [(" " * (width - total), "")] if total < width else []
        return [*gap, *parts] if right else [*parts, *gap]
    fitted: list[Part] = []
    left = width - 1
    for text, style in parts:
        size = cell_len(text)
        if size <= left:
            fitted.append((text, style))
            left -= size
            continue
        fitted.append((set_cell_size(text, left) + "…", style))
        return fitted
    return [*fitted, (" " * left + "…", "")]
