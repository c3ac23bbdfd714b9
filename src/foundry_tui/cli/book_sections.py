"""``book outline``, ``book decide`` and ``book undo``: which sections of a book are narrated."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from foundry_tui.cli.effects import REBUILD, YES, agree, rebuilt, say_rebuilt
from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import Column, json_line, listing, note, result
from foundry_tui.errors import UsageError

if TYPE_CHECKING:
    from foundry_tui.domain.corrections import SectionDecision
    from foundry_tui.foundry import Foundry
    from foundry_tui.operations.sections import BookOutline, OutlineSection

_ACTIONS = ("include", "leave_out", "rename", "merge", "split")
_HASH = re.compile(r"[0-9a-f]{16}")
_SECTIONS = (
    Column("NO", "no", 4, right=True),
    Column("CHAPTER", "chapter", 7, right=True),
    Column("SECTION", "section", 48),
    Column("WORDS", "words_shown", 8, right=True),
    Column("WHY", "why", 30),
    Column("ANCHOR", "anchor", 24),
    Column("HASH", "text_hash", 16),
)
_BLOCKS = (
    Column("CHAPTER", "chapter_number", 7, right=True),
    Column("KIND", "kind", 10),
    Column("HASH", "text_hash", 16),
    Column("BEGINS", "words", 100),
)
_LANGUAGE = click.option("--language", help="Of the source; else the book's own.")


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui book outline pg11",
        "foundry-tui book outline pg11 --blocks 3     # where chapter 3 may be split",
    ),
)
@click.argument("book_id")
@_LANGUAGE
@click.option("--blocks", metavar="CHAPTER", type=int, help="List this chapter's paragraphs, for `decide … split`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; with --blocks a JSON array.")
@click.pass_obj
def outline(state: Globals, book_id: str, language: str | None, blocks: int | None, as_json: bool) -> None:
    """List a book's sections as they would be parsed now: narrated or left out, words, and why.

    What was decided about them follows, with the numbers `book undo` takes. NO, the anchor or the hash name a section
    for `book decide`.
    """
    if blocks is not None:
        found = with_foundry(state, lambda foundry: foundry.sections.blocks(book_id, language, chapter=blocks))
        listing([dataclasses.asdict(one) for one in found], _BLOCKS, as_json=as_json, empty="It has no paragraphs.")
        return
    told = with_foundry(state, lambda foundry: foundry.sections.outline(book_id, language))
    if as_json:
        json_line(dataclasses.asdict(told))
        return
    listing([_row(no, one) for no, one in enumerate(told.sections, 1)], _SECTIONS, as_json=False, empty="No sections.")
    kept = [one for one in told.sections if one.kept]
    note(f"{len(kept)} sections narrated, {len(told.sections) - len(kept)} left out ({told.language}).")
    for decision in told.decided:
        result(f"Decided {decision.override_id}: {_decision(decision)}")
    for unfit in told.unfit:
        note(f"Warning: {unfit}")


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui book decide pg11 leave_out 1",
        "foundry-tui book decide pg11 rename '#chap03' --title 'A Caucus-Race'",
        "foundry-tui book decide pg11 split 5f3c9a1b20d4e687 --title 'The Second Half' --rebuild",
    ),
)
@click.argument("book_id")
@click.argument("action", type=click.Choice(_ACTIONS))
@click.argument("section")
@click.option("--title", default="", help="The new title, to rename; of the new section, to split or include.")
@_LANGUAGE
@REBUILD
@YES
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def decide(
    state: Globals,
    book_id: str,
    action: str,
    section: str,
    title: str,
    language: str | None,
    rebuild: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Decide about a section: include, leave_out, rename, merge (with the one before) or split.

    SECTION is its NO in the outline, its anchor or its hash; to split, the hash or anchor of the paragraph the new
    section begins with (`book outline BOOK --blocks CHAPTER`). A decision hangs on the source's own anchor and words,
    so it survives a new parse. It acts on the next parse: --rebuild puts the book's productions back for it.
    """

    async def work(foundry: Foundry) -> tuple[int, list[str], list[str], BookOutline]:
        named = await _named(foundry, book_id, action, section, language)
        wanted = await _productions(foundry, book_id)
        agree("Parse its productions again with that?", yes=yes, costs=rebuild and bool(wanted), rebuild=rebuild)
        made = await foundry.sections.decide(book_id, action, title=title, language=language, **named)
        back = await rebuilt(foundry, wanted) if rebuild else []
        return made, wanted, back, await foundry.sections.outline(book_id, language)

    made, wanted, back, now = with_foundry(state, work)
    if as_json:
        json_line(
            {
                "id": made,
                "action": action,
                "sections": [dataclasses.asdict(one) for one in now.sections],
                "rebuilt": back,
            }
        )
        return
    kept = sum(one.kept for one in now.sections)
    result(f"Decided {made}: {action} {title or section}. {kept} sections are narrated.")
    say_rebuilt(back, wanted, rebuild=rebuild)


@click.command(cls=Verb, examples=("foundry-tui book undo pg11 4", "foundry-tui book undo pg11 --all --rebuild --yes"))
@click.argument("book_id")
@click.argument("decisions", metavar="[DECISION]...", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="Every decision about the book.")
@_LANGUAGE
@REBUILD
@YES
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def undo(
    state: Globals,
    book_id: str,
    decisions: Sequence[int],
    everything: bool,
    language: str | None,
    rebuild: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Take decisions about a book's sections back, by the numbers `book outline` shows."""
    if bool(decisions) == everything:
        raise UsageError("Which decisions?", next_action="Give their numbers, or --all.")

    async def work(foundry: Foundry) -> tuple[int, list[str], list[str]]:
        ids = list(decisions)
        if everything:
            ids = [one.override_id for one in (await foundry.sections.outline(book_id, language)).decided]
        wanted = await _productions(foundry, book_id)
        agree("Parse its productions again without?", yes=yes, costs=rebuild and bool(wanted), rebuild=rebuild)
        count = await foundry.sections.undo(book_id, ids)
        return count, wanted, await rebuilt(foundry, wanted) if rebuild else []

    count, wanted, back = with_foundry(state, work)
    if as_json:
        json_line({"undone": count, "rebuilt": back})
        return
    result(f"{count} decision{'' if count == 1 else 's'} taken back.")
    if count:
        say_rebuilt(back, wanted, rebuild=rebuild)


async def _named(foundry: Foundry, book_id: str, action: str, typed: str, language: str | None) -> dict[str, str]:
    """What names the section that was typed: by its number in the outline, its anchor or its hash."""
    if _HASH.fullmatch(typed):
        return {"text_hash": typed}
    if not typed.isdigit():
        return {"anchor": typed}
    if action == "split":
        raise UsageError(
            "A section is split at a paragraph.",
            next_action=f"Give the hash of one: `foundry-tui book outline {book_id} --blocks CHAPTER`.",
        )
    sections = (await foundry.sections.outline(book_id, language)).sections
    if not 1 <= int(typed) <= len(sections):
        raise UsageError(f"{book_id} has {len(sections)} sections, not {typed}.", next_action="See its outline.")
    found = sections[int(typed) - 1]
    return {"anchor": found.anchor, "text_hash": found.text_hash}


async def _productions(foundry: Foundry, book_id: str) -> list[str]:
    shown = await foundry.catalog.show(book_id)
    return [made["audiobook_id"] for made in shown["productions"] if str(made["status"]) != "cancelled"]


def _row(no: int, section: OutlineSection) -> dict[str, Any]:
    return {
        **dataclasses.asdict(section),
        "no": no,
        "chapter": section.chapter_number if section.kept else "–",
        "section": section.title or section.opening,
        "words_shown": f"{section.words:,}",
        "why": section.reason or "narrated",
    }


def _decision(decision: SectionDecision) -> str:
    named = " ".join(part for part in (decision.anchor, decision.text_hash) if part)
    title = f" as {decision.title!r}" if decision.title else ""
    return f"{decision.action.replace('_', ' ')} {named}{title}"
