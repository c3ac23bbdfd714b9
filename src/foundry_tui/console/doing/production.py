"""What is done with an opened production: words changed, chunks spoken again, steps requeued, the forecast read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from foundry_tui.console.doing import forecasting
from foundry_tui.console.screens.choice import confirm
from foundry_tui.domain.desk import ChunkLine, StepStory
from foundry_tui.domain.money import dollars
from foundry_tui.domain.plain import plain
from foundry_tui.domain.status import Status
from foundry_tui.errors import FoundryError

if TYPE_CHECKING:
    from foundry_tui.console.screens.production import ProductionScreen

_STOPPED = (Status.FAILED, Status.CANCELLED)
_SPEAKING = "audio_generation"


async def perform(screen: ProductionScreen, name: str) -> None:
    """Do an action of the screen's scope."""
    if name == "change":
        await change_words(screen)
    elif name == "undo":
        await restore_words(screen)
    elif name == "forecast":
        await forecasting.show(screen.console, [_made(screen)])
    elif name == "retake":
        await retake(screen)
    elif name == "requeue":
        await requeue(screen)


def _made(screen: ProductionScreen) -> tuple[str, str]:
    assert screen.opened is not None
    return screen.audiobook_id, screen.opened.line.book_name


def _status(screen: ProductionScreen) -> Status:
    assert screen.opened is not None
    return screen.opened.line.production.status


def _chosen(screen: ProductionScreen) -> ChunkLine:
    row = screen.shown.cursor_row
    assert row is not None
    assert isinstance(row.data, ChunkLine)
    return row.data


async def change_words(screen: ProductionScreen) -> None:
    """The editor for the chunk under the cursor; then what runs again, and the rebuild."""
    console, chunk = screen.console, _chosen(screen)
    place = (screen.audiobook_id, chunk.chapter_number, chunk.chunk_index)
    text = await console.ask(lambda inner: inner.foundry.chunk_texts.of(*place))
    if text is None:
        return

    async def store(words: str) -> str | None:
        try:
            await console.house.call(lambda inner: inner.foundry.chunk_texts.edit(*place, words))
        except FoundryError as error:
            return error.sentence()
        return None

    from foundry_tui.console.screens.chunk_editor import ChunkEditor

    assert screen.opened is not None
    narrator_id = screen.opened.line.production.narrator_id
    if await console.push_screen_wait(ChunkEditor(text, narrator_id, store)) is None:
        return
    console.house.note_change()
    said = f"Chunk {chunk.chunk_index} of chapter {chunk.chapter_number} has its new words."
    if text.elsewhere:
        said = f"{text.elsewhere + 1:,} chunks have their new words."
    await forecasting.offer(console, [_made(screen)], said, title="Kept")


async def restore_words(screen: ProductionScreen) -> None:
    """The chunk says what the book says again."""
    console, chunk = screen.console, _chosen(screen)
    place = (screen.audiobook_id, chunk.chapter_number, chunk.chunk_index)
    text = await console.ask(lambda inner: inner.foundry.chunk_texts.of(*place))
    if text is None:
        return
    if not text.overridden:
        console.say("It says what the book says: nothing was changed here.", "warn")
        return
    if await console.ask(lambda inner: inner.foundry.chunk_texts.restore(*place)) is not None:
        console.house.note_change()
        await forecasting.offer(console, [_made(screen)], "It says what the book says again.", title="Kept")


async def retake(screen: ProductionScreen) -> None:
    """Speak the chosen chunks again. Of what is finished it is said beforehand what that makes run."""
    console = screen.console
    places = [chunk.place for chunk in screen.chosen_chunks()]
    what = f"chunk {places[0][1]} of chapter {places[0][0]}" if len(places) == 1 else f"{len(places)} chunks"
    if _status(screen) is Status.SUCCESS:
        assert screen.opened is not None
        step = next((each.step_number for each in screen.opened.steps if each.step_name == _SPEAKING), "")
        chapters = sorted({chapter for chapter, _ in places})
        many = f"chapters {', '.join(map(str, chapters[:8]))}{' …' if len(chapters) > 8 else ''}"
        where = f"chapter {chapters[0]}" if len(chapters) == 1 else many
        lead = [[(f"Only {what} is spoken again; of the sound only {where} is mastered and coded anew.", "")]]
        if len(places) > 1:
            lead = [[(f"Only these {what} are spoken again; of the sound only {where} are mastered anew.", "")]]
        title = "Retake?"
        if not await forecasting.agreed(console, screen.audiobook_id, step, title=title, lead=lead, retaken=places):
            return
    elif not await _agreed_to_pay(screen, places, what):
        return
    done = await console.ask(lambda inner: inner.redo.retake(screen.audiobook_id, places))
    if done is None:
        return
    await console.ask(lambda inner: inner.woken())
    screen.shown.forget_marks()
    console.say(f"Retake of {what}: only that and what follows from it is made again.", "ok")
    screen.tables_changed()


async def _agreed_to_pay(screen: ProductionScreen, places: Sequence[tuple[int, int]], what: str) -> bool:
    """Whether other takes are free, or wanted for what they cost."""
    price = await screen.console.ask(lambda inner: inner.redo.costs(screen.audiobook_id, places))
    if not price:
        return price is not None
    words = f"Another take of {what} costs {dollars(price)}."
    return bool(await screen.console.push_screen_wait(confirm("Retake?", words, "Buy it")) == "yes")


async def requeue(screen: ProductionScreen) -> None:
    """From the step under the cursor, or from where it stopped. Done steps are asked about first."""
    console, status = screen.console, _status(screen)
    row = screen.shown.cursor_row
    story = row.data if row is not None and isinstance(row.data, StepStory) else None
    step = story.step_number if story is not None else None
    if step is None and status is Status.SUCCESS:
        console.say("It is finished: go to the Steps ( [ ) and press r on the one to be made again.", "warn")
        return
    if step is None or status in _STOPPED:
        done = await console.ask(lambda inner: inner.redo.requeue([screen.audiobook_id]))
        queued = bool(done)
    else:
        title = f"Requeue {plain(step, 40)}?"
        if status is Status.SUCCESS and not await forecasting.agreed(console, screen.audiobook_id, step, title=title):
            return
        again = await console.ask(lambda inner: inner.foundry.steering.requeue(screen.audiobook_id, step=step))
        done, queued = again, bool(again and again.queued)  # type: ignore[assignment]
    if done is None:
        return
    await console.ask(lambda inner: inner.woken())
    words = f"Requeued from {step or 'where it stopped'}." if queued else "It is in the queue already."
    console.say(words, "ok" if queued else "")
    screen.tables_changed()
