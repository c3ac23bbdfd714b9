"""``doctor``: what is right, what is not, and what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import run_async
from foundry_tui.cli.out import json_line, result

if TYPE_CHECKING:
    from foundry_tui.operations.doctor import Finding
    from foundry_tui.settings import Settings

_MARKS = {"ok": "✓ ok     ", "warning": "! warning", "problem": "✗ problem"}


@click.command(cls=Verb, examples=("foundry-tui doctor", "foundry-tui doctor --json"))
@click.option("--no-engines", is_flag=True, help="Ask no speech engine; some are asked over the network.")
@click.option("--thorough", is_flag=True, help="Prove every index of the database too; a large one takes minutes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.pass_context
def doctor(context: click.Context, no_engines: bool, thorough: bool, as_json: bool) -> None:
    """Look at everything a home needs and say what to do about what is not right.

    Home, folders, free space, database, schema, work whose worker is gone, half-written files and every speech engine;
    each line is ok, a warning or a problem. Nothing is changed. Ends with 1 where there is a problem.
    """
    state = context.find_object(Globals) or Globals()
    findings = run_async(_findings(state.settings(), engines=not no_engines, thorough=thorough))
    if as_json:
        from foundry_tui.operations.doctor import finding_json

        json_line([finding_json(finding) for finding in findings])
    else:
        for finding in findings:
            result(f"{_mark(finding.level)}  {finding.subject}: {finding.sentence}")
            if finding.action and finding.level != "ok":
                result(f"             {finding.action}")
    from foundry_tui.operations.doctor import PROBLEM, worst

    context.exit(1 if worst(findings) == PROBLEM else 0)


async def _findings(settings: Settings, *, engines: bool, thorough: bool) -> list[Finding]:
    from foundry_tui.foundry import EngineRoom
    from foundry_tui.operations.doctor import Patient, examine
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
