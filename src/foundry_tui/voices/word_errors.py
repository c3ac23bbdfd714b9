"""How far what was heard is from what was to be said, in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_NOT_WORDS = re.compile(r"[^\w\s]", re.UNICODE)
_INSIDE = re.compile(r"(?<=\w)['’](?=\w)")


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Words wrong, missing or added (``errors``) against ``words`` of the text; ``longest_run`` of them in a row."""

    errors: int
    words: int
    longest_run: int

    @property
    def rate(self) -> float:
        """Word error rate; 0.0 for a text without words of which nothing was heard."""
        return self.errors / self.words if self.words else float(self.errors)


def words_of(text: str) -> list[str]:
    """Words as they sound alike: no case, no marks over letters, no punctuation."""
    plain = unicodedata.normalize("NFKD", _INSIDE.sub("", text.casefold()))
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return _NOT_WORDS.sub(" ", bare).replace("_", " ").split()


def word_errors(text: str, heard: str) -> WordErrors:
    """Levenshtein distance over words (Wagner and Fischer 1974), and the longest run of them that do not match."""
    wanted, got = words_of(text), words_of(heard)
    table = _distances(wanted, got)
    row, column, run, longest = len(wanted), len(got), 0, 0
    while row or column:
        if row and column and wanted[row - 1] == got[column - 1] and table[row][column] == table[row - 1][column - 1]:
            row, column, run = row - 1, column - 1, 0
            continue
        run += 1
        longest = max(longest, run)
        if row and column and table[row][column] == table[row - 1][column - 1] + 1:
            row, column = row - 1, column - 1
        elif row and table[row][column] == table[row - 1][column] + 1:
            row -= 1
        else:
            column -= 1
    return WordErrors(table[-1][-1], len(wanted), longest)


def _distances(wanted: Sequence[str], got: Sequence[str]) -> list[list[int]]:
    table = [list(range(len(got) + 1))]
    for number, word in enumerate(wanted, 1):
        above, row = table[-1], [number]
        for place, other in enumerate(got, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (word != other)))
        table.append(row)
    return table
