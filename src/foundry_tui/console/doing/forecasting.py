"""What would run again and why, shown beforehand; and the rebuild, if it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from foundry_tui.console.forecast_words import any_runs, forced, forecast_lines
from foundry_tui.console.screens.choice import Choice
from foundry_tui.console.screens.preview import Line, PreviewScreen
from foundry_tui.domain.plain import plain

if TYPE_CHECKING:
    from foundry_tui.console.contract import Console

_MOST = 12  # productions told one by one; more are counted
_NO = Choice("n", "Not now", "")


async def show(console: Console, made: Sequence[tuple[str, str]], *, title: str = "What runs again") -> None:
    """What would run of these productions (audiobook_id, book's name), and a rebuild on one key."""
    lines, runs = await lines_of(console, made)
    if lines is None:
        return
    choices = [Choice("n", "Close", "")]
    if runs and not console.readonly:
        choices.append(Choice("y", "Rebuild", "yes"))
    if await console.push_screen_wait(PreviewScreen(title, lines, choices)) == "yes":
        await rebuild(console, runs)


async def offer(console: Console, made: Sequence[tuple[str, str]], said: str, *, title: str) -> None:
    """Something was kept (``said``): say what it makes run, and offer to rebuild now."""
    lines, runs = await lines_of(console, made)
    if not lines or not runs:
        console.say(said, "ok")
        return
    lines = [[(said, "ok")], [], *lines]
    answer = await console.push_screen_wait(PreviewScreen(title, lines, [_NO, Choice("y", "Rebuild now", "yes")]))
    if answer == "yes":
        await rebuild(console, runs)
    else:
        console.say(f"{said} w says what will run again; nothing runs until you ask for it.", "ok")


async def lines_of(console: Console, made: Sequence[tuple[str, str]]) -> tuple[list[Line] | None, list[str]]:
    """The forecast of each production under its name, and the ids of those of which anything would run."""
    lines: list[Line] = []
    runs: list[str] = []
    for place, (audiobook_id, name) in enumerate(made[:_MOST]):
        found = await console.ask(lambda inner, of=audiobook_id: inner.foretold(of))  # type: ignore[misc]
        if found is None:
            return None, []
        if any_runs(found):
            runs.append(audiobook_id)
        if len(made) > 1:
            lines += (
                [
                    [],
                ]
                if place
                else []
            )
            lines.append([(plain(name, 60), "bold"), (f"  {plain(audiobook_id, 20)}", "dim")])
        lines += forecast_lines(found)
    if len(made) > _MOST:
        lines.append([(f"… and {len(made) - _MOST} more productions", "dim")])
        runs += [audiobook_id for audiobook_id, _ in made[_MOST:]]
    return lines, runs


async def agreed(
    console: Console,
    audiobook_id: str,
    step_number: str,
    *,
    title: str,
    lead: Sequence[Line] = (),
    retaken: Sequence[tuple[int, int]] = (),
) -> bool:
    """Whether the operator wants ``step_number`` and what follows run again, having read what that is and costs."""
    found = await console.ask(lambda inner: inner.foretold(audiobook_id, retaken))
    if found is None:
        return False
    lines = [*lead, *([[]] if lead else []), *forecast_lines(forced(found, step_number))]
    return bool(
        await console.push_screen_wait(PreviewScreen(title, lines, [Choice("n", "No", ""), Choice("y", "Yes", "yes")]))
    )


async def rebuild(console: Console, audiobook_ids: Sequence[str], said: str = "") -> None:
    """Put them back at the first step that would run; ``said`` is told before what came of it."""
    done = await console.ask(lambda inner: inner.rebuilt(audiobook_ids))
    if done is None:
        return
    await console.ask(lambda inner: inner.woken())
    console.house.note_change()
    left = len(audiobook_ids) - len(done)
    words = [said] if said else []
    if done:
        words.append(
            "It is in the queue again." if len(done) == 1 else f"{len(done)} productions are in the queue again."
        )
    if left:
        what = "It waits" if left == 1 and not done else f"{left} wait{'s' if left == 1 else ''}"
        words.append(f"{what} in the queue already, or a worker has {'it' if left == 1 else 'them'} in hand.")
    console.say(" ".join(words), "ok" if done or said else "warn")
