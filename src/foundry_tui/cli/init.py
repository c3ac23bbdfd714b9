"""``init``: make a home."""

from __future__ import annotations

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import run_async
from foundry_tui.cli.out import as_called, json_line, result


@click.command(cls=Verb, examples=("foundry-tui init", "foundry-tui --home /srv/foundry init"))
@click.option("--no-sample", is_flag=True, help="Leave the sample book out.")
@click.option("--no-seeds", is_flag=True, help="Leave the seed books and narrators out.")
@click.option("--json", "as_json", is_flag=True, help="What was made, as one JSON object.")
@click.pass_obj
def init(state: Globals, no_sample: bool, no_seeds: bool, as_json: bool) -> None:
    """Make a home: its folders, config.toml, database, narrators and a sample book.

    Run again it makes only what is missing and changes nothing that is there. The narrators and books of the seeds
    are ready to use; the sample book, The Tin Kettle Line, is short enough to try everything with.
    """
    settings = state.settings()
    from foundry_tui.log_file import open_log
    from foundry_tui.operations.setup import set_up
    from foundry_tui.settings import FOLDERS
    from foundry_tui.settings_file import default_config

    report = run_async(
        set_up(
            settings.home,
            database_url=settings.database_url,
            folders=FOLDERS,
            config=default_config(),
            sample=not no_sample,
            seeds=not no_seeds,
        )
    )
    open_log(settings.home, settings.log_level)
    if as_json:
        json_line(report.to_json())
        return
    result(f"Home: {report.home}")
    for line in report.made:
        result(f"  {line}")
    if not report.made:
        result("  Everything was there already.")
    result("Next:")
    for line in report.next_commands:
        result(f"  {as_called(line)}")
