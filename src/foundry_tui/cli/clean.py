"""``clean``: space given back."""

from __future__ import annotations

import sys

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import Column, json_line, listing, note, result
from foundry_tui.errors import UsageError

_COLUMNS = (
    Column("BOOK", "book_id", 20),
    Column("NARRATOR", "narrator_id", 24),
    Column("LANG", "language", 4),
    Column("WHAT", "kind", 16),
    Column("FILES", "files", 8, right=True),
    Column("FREES", "frees", 12, right=True),
    Column("AGAIN", "again", 40),
)


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui clean --dry-run",
        "foundry-tui clean --published",
        "foundry-tui clean --published --paid --yes   # what it cost is then gone",
    ),
)
@click.option("--published", is_flag=True, help="Also the spoken chunks of audiobooks that stand in the library.")
@click.option("--paid", is_flag=True, help="With --published: also chunks that cost money.")
@click.option("--dry-run", is_flag=True, help="Say what it would free, and free nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def clean(state: Globals, published: bool, paid: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Give back space: delete what can be made again.

    What a crash left behind and the coded chapters of finished productions go; with --published their spoken chunks
    too, and doubles of what lies in the library on another disk. Published audiobooks stay, and so does everything in
    a folder in which a production is waiting, being made or failed. A later run makes again what it needs.
    """
    plan = with_foundry(state, lambda foundry: foundry.clean.plan(published=published, paid=paid))
    if not as_json:
        shown = [{**item.to_json(), "frees": _mb(item.frees)} for item in plan.items]
        listing(shown, _COLUMNS, as_json=False, empty="There is nothing to free.")
        for line in plan.kept:
            note(line)
    if dry_run or not plan.items:
        if as_json:
            json_line({**plan.to_json(), "freed_bytes": 0})
        elif plan.items:
            result(f"It would free {_mb(plan.frees)}.")
        return
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise UsageError(f"Nothing was deleted: it would free {_mb(plan.frees)}.", next_action="Say --yes.")
        click.confirm(f"Delete them, and free {_mb(plan.frees)}?", abort=True, err=True)
    freed = with_foundry(state, lambda foundry: foundry.clean.carry_out(plan))
    if as_json:
        json_line({**plan.to_json(), "freed_bytes": freed})
    else:
        result(f"Freed {_mb(freed)}.")


def _mb(size: int) -> str:
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
