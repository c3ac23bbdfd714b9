"""``doctor``: what is right, what is not, what to do, and doing it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import run_async
from foundry_tui.cli.out import as_called, complain, json_line, result, warn
from foundry_tui.errors import FoundryError

if TYPE_CHECKING:
    from foundry_tui.operations.doctor import Finding
    from foundry_tui.settings import Settings

_MARKS = {"ok": "✓ ok     ", "warning": "! warning", "problem": "✗ problem"}


@click.command(
    cls=Verb, examples=("foundry-tui doctor", "foundry-tui doctor --json", "foundry-tui doctor --repair --thorough")
)
@click.option("--repair", is_flag=True, help="Mend first what can be mended; whatever is removed goes to the trash.")
@click.option("--no-engines", is_flag=True, help="Ask no speech engine; some are asked over the network.")
@click.option("--thorough", is_flag=True, help="Prove every index and every published audiobook too: minutes, maybe.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array; with --repair an object {repaired, findings}.")
@click.pass_context
def doctor(context: click.Context, repair: bool, no_engines: bool, thorough: bool, as_json: bool) -> None:
    """Look at everything a home needs and say what to do about what is not right.

    Home, folders, free space, database, schema, work whose worker is gone, rows and files without each other,
    published audiobooks, half-written files and every speech engine; each line is ok, a warning or a problem.
    Nothing is changed unless --repair asks for it, and it may be asked for while others work. Ends with 1 where there
    is a problem.
    """
    state = context.find_object(Globals) or Globals()
    repaired = _close_secrets(state) if repair else []
    settings = state.settings()
    if repair:
        repaired += run_async(_mended(settings))
    findings = run_async(_findings(settings, engines=not no_engines, thorough=thorough))
    if as_json:
        from foundry_tui.operations.doctor import finding_json

        told = [finding_json(finding) for finding in findings]
        json_line({"repaired": repaired, "findings": told} if repair else told)
    else:
        for line in repaired:
            result(f"repaired   {line}")
        _show(findings)
    from foundry_tui.operations.doctor import PROBLEM, worst

    context.exit(1 if worst(findings) == PROBLEM else 0)


def _show(findings: list[Finding]) -> None:
    for finding in findings:
        result(f"{_mark(finding.level)}  {finding.subject}: {finding.sentence}")
        if finding.action and finding.level != "ok":
            result(f"             {as_called(finding.action)}")
    mendable = [finding for finding in findings if finding.repair]
    if mendable:
        count = f"{len(mendable)} of these" if len(mendable) > 1 else "One of these"
        warn(as_called(f"{count} can be mended: foundry-tui doctor --repair"))


def _close_secrets(state: Globals) -> list[str]:
    """Before the settings are read, which refuse a file of keys that others may read."""
    from foundry_tui.operations.repairs import open_secrets
    from foundry_tui.settings import find_home

    top, _ = find_home(state.home, os.environ)
    tree = top / "alpha" if (state.environment or os.environ.get("FOUNDRY_ENV")) == "alpha" else top
    closed = open_secrets(tree)
    for path in closed:
        path.chmod(0o600)
    return [f"Only you may read {path} now." for path in closed]


async def _mended(settings: Settings) -> list[str]:
    from foundry_tui.foundry import open_foundry

    if not settings.is_ready:
        return []
    try:
        async with open_foundry(settings) as foundry:
            return list(await foundry.repairs.mend())
    except FoundryError as error:
        complain(error)  # what the doctor says of it comes next
        return []


async def _findings(settings: Settings, *, engines: bool, thorough: bool) -> list[Finding]:
    from foundry_tui.engine_room import EngineRoom
    from foundry_tui.operations.doctor import Patient, examine
    from foundry_tui.settings import FOLDERS
    from foundry_tui.voices.engines import engine_names

    room = EngineRoom(settings)
    patient = Patient(
        home=settings.home,
        library=settings.library,
        database_url=settings.database_url,
        is_ready=settings.is_ready,
        default_engine=settings.default_engine,
        engine_names=engine_names() if engines else (),
        open_engine=room.get,
        folders=FOLDERS,
    )
    try:
        return [finding async for finding in examine(patient, thorough=thorough)]
    finally:
        await room.close()


def _mark(level: str) -> str:
    """Glyph and word, so that neither colour nor a full font is needed."""
    mark = _MARKS[level]
    try:
        mark.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return {"ok": "ok     ", "warning": "warning", "problem": "problem"}[level]
    return mark
