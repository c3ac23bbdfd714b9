"""A failure in full: the sentence, what to do, what was tried, where the files are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType

from foundry_tui.console.screens.reading import Line, ReadingScreen
from foundry_tui.domain.desk import Opened
from foundry_tui.domain.plain import plain, plain_lines
from foundry_tui.domain.status import Status

if TYPE_CHECKING:
    from foundry_tui.console.contract import Console
    from foundry_tui.domain.events import Event


class ErrorScreen(ReadingScreen):
    """What an operator needs to put it right; ``r`` puts it back from here too."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "requeue", show=False)]

    def __init__(self, title: str, lines: Sequence[Line], audiobook_id: str) -> None:
        super().__init__(title, lines)
        self._audiobook_id = audiobook_id
        self.keys_here = "r requeues it · esc closes · y copies"

    def action_requeue(self) -> None:
        """Back into the queue, from the step that failed."""
        console = cast("Console", self.app)
        if console.readonly:
            self.hint("This console is read-only.")
            return
        self.run_worker(self._requeue(console), group="redo", exclusive=True, exit_on_error=False)

    async def _requeue(self, console: Console) -> None:
        done = await console.ask(lambda inner: inner.redo.requeue([self._audiobook_id]))
        if done is None:
            return
        await console.ask(lambda inner: inner.woken())
        console.house.note_change()
        self.dismiss(None)
        console.say("Requeued, from the step that failed." if done else "It is in the queue already.", "ok")


def error_screen(opened: Opened, events: Sequence[Event]) -> ErrorScreen:
    """From what was opened, and the newest warnings and errors of it."""
    made = opened.line.production
    lines: list[Line] = [
        [(plain(opened.line.book_name, 200), "bold"), (f"  {made.audiobook_id}", "dim")],
        [(f"read by {plain(opened.line.narrator_name, 120)}", "dim")],
        [("What to do: ", "bold"), ("mend what the sentence below names, then press r.", "")],
        [],
    ]
    failed = [step for step in opened.steps if step.status is Status.FAILED or step.error_message]
    for step in failed:
        lines.append([(f"✗ {step.step_number}", "bad"), (f"  {step.error_code or ''}", "dim")])
        lines += [[(f"  {text}", "")] for text in plain_lines(step.error_message or "").splitlines()]
        attempts = f"attempt {step.attempt} of {step.max_attempts}" if step.max_attempts else ""
        reason = {"poisoned": "its workers died again and again: it waits for you", "attempts": "no attempt is left"}
        said = reason.get(step.reason or "", "")
        lines.append([(f"  {attempts}{'; ' if attempts and said else ''}{said}", "dim")])
        lines.append([])
    if not failed and made.error_message:
        lines += [[(text, "bad")] for text in plain_lines(made.error_message).splitlines()]
        lines.append([])
    if opened.lost:
        lines.append([("These chunks could not be spoken:", "warn")])
        lines += [
            [
                (f"  chapter {each.chapter_number}, chunk {each.chunk_index}: ", "dim"),
                (plain(each.error or "", 300), ""),
            ]
            for each in opened.lost
        ]
        lines.append([])
    if events:
        lines.append([("What led to it (UTC)", "dim")])
        lines += [
            [
                (f"  {plain(event.timestamp or '')}  ", "dim"),
                (plain(event.message, 400), "bad" if event.level == "error" else "warn"),
            ]
            for event in events[-30:]
        ]
        lines.append([])
    for step in failed:
        if step.error_trace:
            lines.append([(f"Trace of {step.step_number}", "dim")])
            lines += [[(f"  {text}", "dim")] for text in plain_lines(step.error_trace).splitlines()[-60:]]
    return ErrorScreen(f"Why it failed: {plain(opened.line.book_name, 60)}", lines, made.audiobook_id)
