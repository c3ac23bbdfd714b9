"""What ``parse --outline`` and ``parse --explain`` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_tui.cli.out import Column, listing
from foundry_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from foundry_tui.text.outline import SplitPlace
    from foundry_tui.text.parse import ParsedBook


def show_outline(parsed: ParsedBook, *, as_json: bool) -> None:
    """Every section in the order of the source."""
    rows = [
        {
            **entry.to_json(),
            "chapter": entry.number if entry.kept else "–",
            "why": entry.reason or "narrated",
            "section": entry.title or entry.opening,
        }
        for entry in parsed.outline
    ]
    columns = (
        Column("CHAPTER", "chapter", right=True),
        Column("SECTION", "section", widest=60),
        Column("KIND", "kind"),
        Column("WORDS", "words", right=True),
        Column("WHY", "why", widest=50),
    )
    listing(rows, columns, as_json=as_json, empty="The source has no sections.")


def show_blocks(
    parsed: ParsedBook, places: Mapping[tuple[int, int], Sequence[SplitPlace]], chapter: int, *, as_json: bool
) -> None:
    """The paragraphs of a chapter, each with the hash that a split names it by; raises UsageError for no chapter."""
    entry = next((one for one in parsed.outline if one.number == chapter), None)
    if entry is None:
        raise UsageError(f"There is no chapter {chapter}.", next_action=f"Give one of 1 to {len(parsed.chapters)}.")
    rows = [place.to_json() for place in places.get(entry.source_span, ())]
    columns = (Column("KIND", "kind"), Column("HASH", "text_hash"), Column("BEGINS", "opening", widest=80))
    listing(rows, columns, as_json=as_json, empty="The chapter has no paragraphs.")


def show_changes(parsed: ParsedBook, rules_off: frozenset[str], *, as_json: bool) -> None:
    """Every change the speech rules make, before and after."""
    from foundry_tui.text.explain import explain

    rows = [change.to_json() for change in explain(parsed.chapters, parsed.language, rules_off)]
    columns = (
        Column("CHAPTER", "chapter", right=True),
        Column("CHUNK", "index", right=True),
        Column("RULE", "rule"),
        Column("PRINTED", "before", widest=40),
        Column("SPOKEN", "after", widest=60),
    )
    listing(rows, columns, as_json=as_json, empty="The speech rules change nothing.")
