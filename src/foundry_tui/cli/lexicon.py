"""``lexicon``: how words are said."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from foundry_tui.cli.effects import DRY_RUN, REBUILD, YES, agree, rebuilt, say_rebuilt, say_touched, touched_json
from foundry_tui.cli.globals import Globals, Noun
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import Column, json_line, listing, result
from foundry_tui.errors import UsageError
from foundry_tui.files import write_bytes

if TYPE_CHECKING:
    from foundry_tui.domain.corrections import LexiconEntry, StoredEntry
    from foundry_tui.foundry import Foundry
    from foundry_tui.operations.lexicon import Touched

_COLUMNS = (
    Column("ID", "entry_id", 6, right=True),
    Column("WORD", "word", 28),
    Column("SAID", "spoken", 28),
    Column("IPA", "ipa", 20),
    Column("WHERE", "where", 28),
    Column("FORMS", "forms", 28),
    Column("NOTE", "note", 60),
)
_SUGGESTED = (
    Column("WORD", "word", 28),
    Column("TIMES", "count", 6, right=True),
    Column("CHUNK", "place", 8),
    Column("FOR INSTANCE", "sample", 100),
)
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _facts(command: Decorated) -> Decorated:
    """The options ``add`` and ``edit`` share."""
    options = (
        click.option("--ipa", help="The sound in IPA, for engines that take it; the others say the respelling."),
        click.option("--language", help="Only in books of this language: ISO 639 code or name. '' for every one."),
        click.option("--book", "book_id", help="Only in this book. '' for every book."),
        click.option("--any-case/--exact-case", "any_case", default=None, help="Written large or small, or as given."),
        click.option(
            "--inflection",
            type=click.Choice(("none", "possessive", "any_ending")),
            help="Forms it holds for: the word alone, with ’s (default), or with any ending of up to four letters.",
        ),
        click.option("--note", help="A remark for yourself."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(cls=Noun)
def lexicon() -> None:
    """How words are said: in a book, a language or everywhere."""


@lexicon.command("list", examples=("foundry-tui lexicon list", "foundry-tui lexicon list ahab --book pg2701 --json"))
@click.argument("text", required=False, default="")
@click.option("--book", "book_id", help="Only what acts in this book.")
@click.option("--language", help="Only what acts in this language.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def list_(state: Globals, text: str, book_id: str | None, language: str | None, as_json: bool) -> None:
    """List the lexicon by word.

    TEXT leaves only entries that have it in word, respelling or note.
    """
    found = with_foundry(
        state, lambda foundry: foundry.lexicon.entries(book_id=book_id, language=language, containing=text)
    )
    empty = "No such entry." if text or book_id or language else "The lexicon is empty: foundry-tui lexicon add."
    listing([_row(one) for one in found], _COLUMNS, as_json=as_json, empty=empty)


@lexicon.command(
    "add",
    examples=(
        "foundry-tui lexicon add Hermione 'her MY oh nee' --language eng",
        "foundry-tui lexicon add Pequod 'Pee kwod' --book pg2701 --dry-run",
        "foundry-tui lexicon add Ahab 'Ay hab' --book pg2701 --rebuild",
    ),
)
@click.argument("word")
@click.argument("spoken")
@_facts
@DRY_RUN
@REBUILD
@YES
@click.option("--json", "as_json", is_flag=True, help="What it touches, as one JSON object.")
@click.pass_obj
def add(
    state: Globals, /, word: str, spoken: str, dry_run: bool, rebuild: bool, yes: bool, as_json: bool, **facts: Any
) -> None:
    """Have WORD said as SPOKEN.

    Says beforehand which chunks of which productions would be spoken again: only the sentences the word is in, and
    nothing else. An entry of a book goes before one of its language, that before one for all. The same word for the
    same book and language is one entry: adding it again changes it.
    """
    from foundry_tui.domain.corrections import LexiconEntry

    entry = _with(LexiconEntry(word, spoken), facts)
    _put(state, entry, None, dry_run=dry_run, rebuild=rebuild, yes=yes, as_json=as_json)


@lexicon.command(
    "edit", examples=("foundry-tui lexicon edit 3 --spoken 'Pee quod'", "foundry-tui lexicon edit 3 --book ''")
)
@click.argument("entry_id", metavar="ID", type=int)
@click.option("--word", help="The word as printed.")
@click.option("--spoken", help="What is said.")
@_facts
@DRY_RUN
@REBUILD
@YES
@click.option("--json", "as_json", is_flag=True, help="What it touches, as one JSON object.")
@click.pass_obj
def edit(
    state: Globals, /, entry_id: int, dry_run: bool, rebuild: bool, yes: bool, as_json: bool, **facts: Any
) -> None:
    """Change an entry; its id is in `lexicon list`."""
    (stored,) = with_foundry(state, lambda foundry: foundry.lexicon.get([entry_id]))
    named = {name: facts.pop(name) for name in ("word", "spoken")}
    entry = dataclasses.replace(stored.entry, **{name: value for name, value in named.items() if value is not None})
    _put(state, _with(entry, facts), entry_id, dry_run=dry_run, rebuild=rebuild, yes=yes, as_json=as_json)


@lexicon.command("remove", examples=("foundry-tui lexicon remove 3", "foundry-tui lexicon remove 3 4 --rebuild --yes"))
@click.argument("entry_ids", metavar="ID...", nargs=-1, required=True, type=int)
@DRY_RUN
@REBUILD
@YES
@click.option("--json", "as_json", is_flag=True, help="What it touches, as one JSON object.")
@click.pass_obj
def remove(state: Globals, entry_ids: Sequence[int], dry_run: bool, rebuild: bool, yes: bool, as_json: bool) -> None:
    """Take entries out, so that the words are said as the voice says them."""

    async def beforehand(foundry: Foundry) -> tuple[tuple[StoredEntry, ...], tuple[Touched, ...]]:
        return await foundry.lexicon.get(entry_ids), await foundry.lexicon.touched(removed=entry_ids)

    gone, touched = with_foundry(state, beforehand)
    words = ", ".join(one.entry.word for one in gone)
    _do(
        state,
        touched,
        lambda foundry: foundry.lexicon.remove(entry_ids),
        f"Take {words} out?",
        f"Taken out: {words}",
        dry_run=dry_run,
        rebuild=rebuild,
        yes=yes,
        as_json=as_json,
    )


@lexicon.command(
    "suggest", examples=("foundry-tui lexicon suggest pg2701", "foundry-tui lexicon suggest pg2701 --at-least 10")
)
@click.argument("book_id")
@click.option("--at-least", type=click.IntRange(1), default=3, show_default=True, help="How often a name must occur.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def suggest(state: Globals, book_id: str, at_least: int, as_json: bool) -> None:
    """List names of a parsed book worth an audition.

    Frequent, always written large, in no common word list and not in the lexicon yet; each with the chunk to hear it
    in.
    """
    found = with_foundry(state, lambda foundry: foundry.lexicon.suggestions(book_id, at_least=at_least))
    rows = [
        {"word": one.word, "count": one.count, "place": f"{one.chapter}.{one.index}", "sample": one.sample}
        for one in found
    ]
    listing(rows, _SUGGESTED, as_json=as_json, empty=f"No name in {book_id} occurs {at_least} times.")


@lexicon.command("import", examples=("foundry-tui lexicon import names.csv",))
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="How many, as one JSON object.")
@click.pass_obj
def import_(state: Globals, file: Path, as_json: bool) -> None:
    """Enter every line of a CSV file, all or none.

    The first line names the columns: word and spoken, and if wanted ipa, language, book_id, case_sensitive,
    inflection, note. A word that is there already for the same book and language is changed.
    """
    text = _read(file)
    count = with_foundry(state, lambda foundry: foundry.lexicon.import_csv(text))
    if as_json:
        json_line({"imported": count})
    else:
        result(f"Imported {count} entries.")


@lexicon.command("export", examples=("foundry-tui lexicon export > names.csv", "foundry-tui lexicon export names.csv"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.pass_obj
def export(state: Globals, file: Path | None) -> None:
    """Write the whole lexicon as CSV, to FILE or to stdout."""
    text = with_foundry(state, lambda foundry: foundry.lexicon.export_csv())
    if file is None:
        click.echo(text, nl=False)
        return
    write_bytes(file, text.encode("utf-8"))
    result(f"Wrote {file}")


def _put(
    state: Globals, entry: LexiconEntry, entry_id: int | None, *, dry_run: bool, rebuild: bool, yes: bool, as_json: bool
) -> None:
    removed = [entry_id] if entry_id is not None else []
    touched = with_foundry(state, lambda foundry: foundry.lexicon.touched([entry], removed))
    _do(
        state,
        touched,
        lambda foundry: foundry.lexicon.put(entry, entry_id=entry_id),
        f"Have {entry.word} said “{entry.spoken}”?",
        f"{entry.word} is said “{entry.spoken}”",
        dry_run=dry_run,
        rebuild=rebuild,
        yes=yes,
        as_json=as_json,
    )


def _do(
    state: Globals,
    touched: Sequence[Touched],
    work: Callable[[Foundry], Any],
    question: str,
    done_text: str,
    *,
    dry_run: bool,
    rebuild: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Say what it would cost, ask, do it, and rebuild where that was wanted."""
    if not as_json:
        say_touched(touched)
    ids = [one.audiobook_id for one in touched]
    if dry_run:
        if as_json:
            json_line({"done": False, "touched": touched_json(touched), "rebuilt": []})
        return
    agree(question, yes=yes, costs=bool(touched), rebuild=rebuild)

    async def both(foundry: Foundry) -> tuple[Any, list[str]]:
        return await work(foundry), await rebuilt(foundry, ids) if rebuild else []

    answer, back = with_foundry(state, both)
    if as_json:
        json_line({"done": True, "answer": answer, "touched": touched_json(touched), "rebuilt": back})
        return
    result(done_text)
    say_rebuilt(back, ids, rebuild=rebuild)


def _with(entry: LexiconEntry, facts: dict[str, Any]) -> LexiconEntry:
    any_case = facts.pop("any_case")
    given = {name: value for name, value in facts.items() if value is not None}
    if any_case is not None:
        given["case_sensitive"] = not any_case
    return dataclasses.replace(entry, **given)


def _row(stored: StoredEntry) -> dict[str, Any]:
    entry = stored.entry
    where = ", ".join(part for part in (entry.book_id, entry.language) if part) or "everywhere"
    forms = {"none": "alone", "possessive": "and ’s", "any_ending": "any ending"}[entry.inflection]
    return {
        "entry_id": stored.entry_id,
        **dataclasses.asdict(entry),
        "where": where,
        "forms": forms if entry.case_sensitive else f"{forms}, any case",
    }


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(f"{file} cannot be read: {said}.", next_action="Give a CSV file in UTF-8.") from error
