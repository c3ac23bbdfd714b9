"""What an operator can set about parsing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from foundry_tui.errors import UsageError

Sentences = Literal["own", "yasbd"]
Footnotes = Literal["left_out", "chapter_end", "inline"]
_FOOTNOTES = ("left_out", "chapter_end", "inline")


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """``footnotes``: left_out, chapter_end or inline. ``rules_off``: names of speech rules that stay silent.
    ``overrides``: what the operator decided about sections (see text.overrides). ``target`` and ``hard``: characters
    of a chunk, by language where None. ``sentences``: who finds where sentences end, our rules or a library.
    """

    footnotes: Footnotes = "left_out"
    rules_off: frozenset[str] = frozenset()
    overrides: tuple[Mapping[str, Any], ...] = field(default=())
    target: int | None = None
    hard: int | None = None
    sentences: Sentences = "own"

    def __post_init__(self) -> None:
        if self.footnotes not in _FOOTNOTES:
            raise UsageError(
                f"{self.footnotes!r} is no footnote setting.", next_action=f"Choose one of {', '.join(_FOOTNOTES)}."
            )
        if self.sentences not in {"own", "yasbd"}:
            raise UsageError(f"{self.sentences!r} is no way to find sentences.", next_action="Choose own or yasbd.")
        if self.hard is not None and not 40 <= (self.target or 40) <= self.hard <= 5000:
            raise UsageError("A chunk's sizes must be 40 <= target <= hard <= 5000 characters.")
