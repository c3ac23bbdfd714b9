"""``produce`` and ``queue``: order audiobooks, see what is still to be made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import Column, as_called, json_line, listing, note, result, warn
from foundry_tui.cli.wanted import wanted, wanted_options
from foundry_tui.domain.money import MICROS, dollars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from foundry_tui.domain.queue import QueueRow
    from foundry_tui.foundry import Foundry
    from foundry_tui.operations.disk_room import RoomNeeded
    from foundry_tui.operations.money import Price
    from foundry_tui.operations.productions import Produced

_COLUMNS = (
    Column("AUDIOBOOK", "audiobook_id", 14),
    Column("BOOK", "book_id", 20),
    Column("TITLE", "title", 32),
    Column("AUTHOR", "author", 22),
    Column("NARRATOR", "narrator_id", 20),
    Column("STATUS", "status_shown", 20),
    Column("PRIO", "priority", 5, right=True),
    Column("NEXT STEP", "next_step", 24),
    Column("COST", "cost", 22),
    Column("SPACE", "space", 9, right=True),
    Column("WHY", "error", 400),
)


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui produce pg11 --narrator nora",
        "foundry-tui produce pg11 --narrator nora --priority 10 --mp3",
        "foundry-tui produce pg11 --narrator nora --edition epub,srt --credits",
        "foundry-tui produce pg11 --narrator nora --allow-gaps   # finish even if a chunk cannot be spoken",
    ),
)
@click.argument("book_id")
@click.option("--narrator", help="Who speaks. Else the book's own narrator, else the default one of config.toml.")
@click.option("--language", help="ISO 639 code. Else the book's; another one needs a source in that language.")
@click.option("--priority", type=int, help="Higher is worked on first; 0 where nothing is said.")
@click.option("--mp3", is_flag=True, default=None, help="Make an MP3 of every chapter beside the M4B.")
@wanted_options
@click.option("--allow-gaps", is_flag=True, default=None, help="Finish without chunks that cannot be spoken.")
@click.option("--cap", "cap_usd", type=float, metavar="USD", help="What it may cost at most; 0 is no cap.")
@click.option("--yes", is_flag=True, help="Order what costs money without being asked.")
@click.option("--json", "as_json", is_flag=True, help="The production as one JSON object.")
@click.pass_obj
def produce(
    state: Globals,
    book_id: str,
    narrator: str | None,
    language: str | None,
    priority: int | None,
    mp3: bool | None,
    editions: Sequence[str],
    spoken_credits: bool | None,
    one_file: bool | None,
    allow_gaps: bool | None,
    cap_usd: float | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Order an audiobook: a book, a narrator and a language.

    The order waits in the queue until `foundry-tui --run-all`, or a worker that runs already, takes it. Asking again
    for the same book, narrator and language while that one is not finished answers with it; nothing is made twice.

    The price is said beforehand, and asked about on a terminal where there is one. A cap holds whatever happens: a step
    that would pass it stops, and says what was spent.
    """
    from foundry_tui.operations.money import CAP, checked_cap

    told = {"mp3": mp3, "allow_gaps": allow_gaps}
    options: dict[str, Any] = {name: True for name, given in told.items() if given}
    options |= wanted(editions, spoken_credits, one_file)
    if checked_cap(cap_usd) is not None:
        options[CAP] = cap_usd

    async def order(foundry: Foundry) -> tuple[Produced, Price | None]:
        price = await foundry.money.price(book_id, narrator=narrator, language=language)
        if price is not None and not price.free:
            warn(price.sentence())
            over = foundry.money.over_cap(price, cap_usd)
            if over is not None:
                warn(over)
            if not yes and sys.stdin.isatty() and not as_json:
                click.confirm("Order it?", abort=True, err=True)
        made = await foundry.productions.produce(
            book_id, narrator=narrator, language=language, priority=priority, options=options
        )
        if price is not None:
            await foundry.money.note(made.production.audiobook_id, price)
        return made, price

    made, price = with_foundry(state, order)
    for line in made.remarks:
        warn(line)
    if as_json:
        json_line({**made.to_json(), "price": price.to_json() if price else None})
        return
    production = made.production
    what = f"{production.book_id}, {production.narrator_id}, {production.language}"
    result(f"{'Ordered' if made.created else 'In the queue'} {production.audiobook_id}: {what}")
    if price is not None and price.free:
        result(price.sentence())
    result(as_called("Next: foundry-tui --run-all"))


@click.command(cls=Verb, examples=("foundry-tui queue", "foundry-tui queue --json"))
@click.option("--cancelled", is_flag=True, help="Cancelled productions too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def queue(state: Globals, cancelled: bool, as_json: bool) -> None:
    """Show every production that is not yet successful, oldest first, and the step each needs next.

    Pending ones are taken by the next run, highest priority first, then oldest. A failed one says why; `requeue` tries
    its failed step again, and so does every `--run-all`. SPACE is about what each will still write to the disk.
    """
    from foundry_tui.operations.productions import queue_json

    async def read(foundry: Foundry) -> tuple[list[QueueRow], RoomNeeded]:
        rows = await foundry.productions.queue(unfinished_only=not cancelled)
        return rows, await foundry.disk_room.needed(rows)

    rows, room = with_foundry(state, read)
    shown = [{**queue_json(row), "space_needed_bytes": room.by_id[row.audiobook_id]} for row in rows]
    if not as_json:
        for row in shown:
            row["status_shown"] = _status(row)
            row["error"] = " ".join(filter(None, (row["substitution"] and f"{row['substitution']}.", row["error"])))
            row["cost"] = _cost(row["money"])
            row["space"] = _space(row["space_needed_bytes"])
    listing(shown, _COLUMNS, as_json=as_json, empty="Nothing to do: every production is finished.")
    if rows and not as_json:
        note(room.sentence())


def _status(row: dict[str, object]) -> str:
    if row["poisoned"]:
        return "failed (poisoned)"
    if row["worker_gone"]:
        return "worker gone"  # whoever runs next takes it up
    return f"{row['status']} (paused)" if row["paused"] else str(row["status"])


def _space(needed: int | None) -> str:
    if needed is None:
        return ""
    return f"{needed / 1e9:.1f} GB" if needed >= 1e9 else f"{needed / 1e6:.0f} MB"


def _cost(money: dict[str, Any]) -> str:
    """What was spent of what it was said to cost: "$1.20 of $7.68"; "free"; nothing where nobody knows yet."""
    price, used = money["price_usd"], money["spent_usd"]
    if money["free"]:
        return "free"
    of = f" of {dollars(round(price * MICROS))}" if price else ""
    return f"{dollars(round(used * MICROS))}{of}" if used or price else ""
