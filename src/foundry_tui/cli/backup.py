"""``backup`` and ``restore``: a home taken to safety, and brought back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import run_async, with_foundry
from foundry_tui.cli.out import json_line, result, warn

if TYPE_CHECKING:
    from foundry_tui.operations.doctor import Finding
    from foundry_tui.operations.restore import RestoreReport
    from foundry_tui.settings import Settings


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui backup --to /mnt/backup",
        "foundry-tui backup --to /mnt/backup --library",
        "foundry-tui backup --to /mnt/backup/home.tar --json",
    ),
)
@click.option("--to", type=click.Path(path_type=Path), help="A folder to make it in, or a file ending in .tar.")
@click.option("--library", is_flag=True, help="The published files too; without it they can be published again.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_obj
def backup(state: Globals, to: Path | None, library: bool, as_json: bool) -> None:
    """Back up the home, at work or not: every row of one moment, sources, chapters and sound, each with its checksum.

    In a folder it makes a new folder foundry_backup_TIME, and shares files that have not changed with the one before,
    so that the next costs only what is new. Without --to it goes into the home's own backups/, which does not help
    against a lost disk. Logs and trash are left out.
    """
    made = with_foundry(state, lambda foundry: foundry.backups.make(to, library=library))
    if as_json:
        json_line(made.to_json())
        return
    shared = f", {made.linked:,} of them shared with the backup before" if made.linked else ""
    result(f"Backed up to {made.place}")
    result(f"{made.files:,} files{shared}, {made.size_bytes / 1e6:,.1f} MB; {made.rows:,} rows")
    if made.missing:
        warn(f"{made.missing:,} files that rows name are not there; they are made again after a restore.")
    result(f"Bring it back: foundry-tui --home EMPTY_FOLDER restore {made.place}")


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui --home /srv/new restore /mnt/backup/foundry_backup_20261121041200",
        "foundry-tui restore /mnt/backup/home.tar",
    ),
)
@click.argument("backup_", metavar="BACKUP", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_context
def restore(context: click.Context, backup_: Path, as_json: bool) -> None:
    """Bring a backup back into an empty home, and prove it: checksums, row counts, then the doctor.

    Nothing is overwritten: a home that holds anything is refused. Work that was in hand goes on at its last finished
    chunk with the next run. Ends with 1 where the doctor finds a problem.
    """
    state = context.find_object(Globals) or Globals()
    done, findings = run_async(_restored(state.settings(), backup_.expanduser().absolute()))
    if as_json:
        from foundry_tui.operations.doctor import finding_json

        json_line({**done.to_json(), "doctor": [finding_json(finding) for finding in findings]})
    else:
        result(f"Restored {done.home} as it was at {done.made_at}")
        result(f"{done.files:,} files with their checksums, {done.rows:,} rows")
        for line in done.remarks:
            warn(line)
        for finding in findings:
            warn(f"{finding.level}: {finding.sentence} {finding.action or ''}")
        if not findings:
            result("The doctor finds nothing wrong")
    context.exit(1 if any(finding.level == "problem" for finding in findings) else 0)


async def _restored(settings: Settings, backup_: Path) -> tuple[RestoreReport, list[Finding]]:
    from foundry_tui.engine_room import EngineRoom
    from foundry_tui.foundry import open_foundry
    from foundry_tui.operations.doctor import OK, Patient, examine
    from foundry_tui.operations.restore import restore as bring_back
    from foundry_tui.settings import FOLDERS

    done = await bring_back(
        backup_,
        home=settings.home,
        database_file=settings.database_file,
        database_url=settings.database_url,
        folders=FOLDERS,
    )
    async with open_foundry(settings):
        pass  # an older backup's schema is brought up to date
    room = EngineRoom(settings)
    patient = Patient(
        home=settings.home,
        library=settings.library,
        database_url=settings.database_url,
        is_ready=settings.is_ready,
        default_engine=settings.default_engine,
        engine_names=(),
        open_engine=room.get,
    )
    found = [finding async for finding in examine(patient, thorough=True) if finding.level != OK]
    # That the disk is small is no news of the restore, nor that a library is not there which was not in the backup.
    known = {"disk"} if done.with_library else {"disk", "published"}
    return done, [finding for finding in found if finding.subject not in known]
