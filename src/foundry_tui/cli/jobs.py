"""``jobs``: the pieces of work behind productions, one by one."""

from __future__ import annotations

from typing import Any

import click

from foundry_tui.cli.globals import Globals, Noun
from foundry_tui.cli.opening import with_foundry
from foundry_tui.cli.out import Column, as_called, fields, json_line, listing, result, results

_STATUSES = ("pending", "processing", "failed", "success", "cancelled")
_COLUMNS = (
    Column("JOB", "job_id", 8, right=True),
    Column("STATUS", "status", 10),
    Column("REASON", "reason", 12),
    Column("AUDIOBOOK", "audiobook_id", 14),
    Column("STEP", "step", 24),
    Column("TRY", "tries", 5, right=True),
    Column("BOOK", "title", 28),
    Column("WORKER OR ERROR", "last", 400),
)
_JOB_ID = click.argument("job_id", type=click.IntRange(1))
_JSON = click.option("--json", "as_json", is_flag=True, help="As one JSON object.")


@click.group(cls=Noun)
def jobs() -> None:
    """Jobs, one by one: list, show, retry, cancel."""


@jobs.command(
    "list",
    examples=(
        "foundry-tui jobs list",
        "foundry-tui jobs list --status failed",
        "foundry-tui jobs list --reason poisoned --json",
    ),
)
@click.option("--status", "statuses", type=click.Choice(_STATUSES), multiple=True, help="Only these; may be repeated.")
@click.option("--reason", help="Only with this reason: poisoned, attempts, error, retry, recovered, disk_full …")
@click.option("--production", "audiobook_id", metavar="AUDIOBOOK_ID", help="Only of this production.")
@click.option("--last", "count", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_obj
def list_(
    state: Globals, statuses: tuple[str, ...], reason: str | None, audiobook_id: str | None, count: int, as_json: bool
) -> None:
    """Show the newest jobs: one is one try of one step, until it succeeds, fails or is replaced.

    REASON tells failures apart: poisoned jobs killed their workers again and again, attempts ran out of tries, error
    is one that trying again cannot mend. Those that wait say why too: retry, recovered, paused, disk_full.
    """
    from foundry_tui.domain.status import Status
    from foundry_tui.operations.jobs import job_json

    wanted = [Status(status) for status in statuses]
    found = with_foundry(
        state,
        lambda foundry: foundry.jobs.list(statuses=wanted, reason=reason, audiobook_id=audiobook_id, limit=count),
    )
    shown = [job_json(row) for row in found]
    if not as_json:
        for row in shown:
            row["tries"] = f"{row['attempt']}/{row['max_attempts']}"
            row["last"] = row["worker"] if row["status"] == "processing" else row["error"]
    listing(shown, _COLUMNS, as_json=as_json, empty="There are no such jobs.")


@jobs.command("show", examples=("foundry-tui jobs show 12", "foundry-tui jobs show 12 --json"))
@_JOB_ID
@_JSON
@click.pass_obj
def show(state: Globals, job_id: int, as_json: bool) -> None:
    """Show one job with everything that is known of it: tries, worker, progress, its last error and the trace."""
    from foundry_tui.operations.jobs import job_json

    told = job_json(with_foundry(state, lambda foundry: foundry.jobs.show(job_id)))
    if as_json:
        json_line(told)
        return
    trace = told.pop("trace")
    fields((name.replace("_", " "), _spoken(value)) for name, value in told.items())
    if trace:
        result()
        results(str(trace).splitlines())


@jobs.command("retry", examples=("foundry-tui jobs retry 12",))
@_JOB_ID
@_JSON
@click.pass_obj
def retry(state: Globals, job_id: int, as_json: bool) -> None:
    """Try a failed or cancelled job again, a poisoned one too: its production goes on at that step.

    What is finished stays. The step gets a new job, whose number is said.
    """
    made = with_foundry(state, lambda foundry: foundry.jobs.retry(job_id))
    if as_json:
        json_line({"job_id": job_id, "new_job_id": made})
        return
    result(f"Job {made} tries job {job_id} again")
    result(as_called("Next: foundry-tui --run-all"))


@jobs.command("cancel", examples=("foundry-tui jobs cancel 12",))
@_JOB_ID
@_JSON
@click.pass_obj
def cancel(state: Globals, job_id: int, as_json: bool) -> None:
    """Cancel a job that waits or runs, and with it its production; everything finished so far is kept.

    One that is being worked on stops at its next chunk.
    """
    now = with_foundry(state, lambda foundry: foundry.jobs.cancel(job_id))
    if as_json:
        json_line({"job_id": job_id, "cancelled": now})
        return
    result(f"{'Cancelled' if now else 'Stopping at the next chunk:'} job {job_id}")


def _spoken(value: Any) -> Any:
    """A field as a line shows it; None leaves it out."""
    if isinstance(value, bool):
        return "yes" if value else None
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each not in {None, ""}) or None
    return value
