"""``db``: the tables themselves, moved to another database or rid of what is old."""

from __future__ import annotations

import click

from foundry_tui.cli.globals import Globals, Noun
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import json_line, note, result


@click.group(cls=Noun)
def db() -> None:
    """The database: copy it to another one, forget what is old."""


@db.command(
    "copy",
    examples=(
        "foundry-tui db copy --to postgresql://foundry@db.example.org/foundry",
        "foundry-tui --database-url postgresql://foundry@localhost/foundry db copy --to sqlite:////srv/home/foundry.db",
    ),
)
@click.option(
    "--to", required=True, metavar="URL", envvar="FOUNDRY_COPY_TO", help="An empty database; or FOUNDRY_COPY_TO."
)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_obj
def copy(state: Globals, to: str, as_json: bool) -> None:
    """Copy every row to an empty database, from SQLite to PostgreSQL or back, and prove the copy row by row.

    The one you have is not changed, and nothing is left in the other if it does not prove right. Stop every run and
    daemon first. Files stay where they are; the home works on the copy once database_url in config.toml names it.
    """
    copied = with_foundry(state, lambda foundry: foundry.copy_database(to))
    if as_json:
        json_line(copied)
        return
    for table, count in copied["rows"].items():
        result(f"{count:>10,}  {table}")
    result(f"Copied to {copied['to']}, and proved row by row")
    note('To work on it: put database_url = "…" into config.toml.')


@db.command("prune", examples=("foundry-tui db prune", "foundry-tui db prune --days 30 --json"))
@click.option("--days", type=click.IntRange(1), help="Instead of what [retention] in config.toml says.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_obj
def prune(state: Globals, days: int | None, as_json: bool) -> None:
    """Forget what is old: small talk of finished productions, events of the house, replaced jobs, rotated logs.

    The story itself stays: of every step the first and last event of each status, and everything loud; of an
    unfinished production everything. The daemon does this once a day by itself.
    """
    pruned = with_foundry(state, lambda foundry: foundry.upkeep.prune(days=days))
    if as_json:
        json_line(pruned.to_json())
        return
    result(
        f"Forgot {pruned.production_events:,} events of productions, {pruned.app_events:,} of the house,"
        f" {pruned.jobs:,} jobs and {pruned.logs:,} log files"
    )
