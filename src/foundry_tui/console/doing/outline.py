"""What is decided about a book's sections: said beforehand, kept, and then offered for a rebuild."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from foundry_tui.console.doing import forecasting
from foundry_tui.console.screens.choice import Choice
from foundry_tui.console.screens.form import Field, FormScreen
from foundry_tui.console.screens.pick import Option, PickScreen
from foundry_tui.console.screens.preview import Line, PreviewScreen
from foundry_tui.console.screens.reading import ReadingScreen
from foundry_tui.console.widgets.columns import Column
from foundry_tui.domain.plain import plain
from foundry_tui.errors import FoundryError

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner
    from foundry_tui.console.screens.outline import OutlineScreen
    from foundry_tui.operations.sections import OutlineSection

_LISTED = 6


async def perform(screen: OutlineScreen, name: str) -> None:
    """Do an action of the sections' scope."""
    if name == "view":
        screen.app.push_screen(
            ReadingScreen(f"Every word of {plain(screen.title_of_book, 50)}", screen.receipt_lines())
        )
    elif name == "forecast":
        if screen.productions:
            await forecasting.show(screen.console, screen.productions)
        else:
            screen.console.say("Nothing was made of this book yet: m in the Catalog makes an audiobook of it.")
    elif name == "undo":
        await undo(screen)
    elif not screen.chosen():
        screen.console.say("There is no section to do that with.", "warn")
    elif name in {"keep", "leave_out"}:
        await include(screen, kept=name == "keep")
    elif name == "change":
        await rename(screen)
    elif name == "merge":
        await merge(screen)
    elif name == "split":
        await split(screen)


async def include(screen: OutlineScreen, *, kept: bool) -> None:
    """Have the chosen sections narrated, or left out."""
    sections = [each for each in screen.chosen() if each.kept is not kept]
    if not sections:
        screen.console.say("It is narrated already." if kept else "It is left out already.", "warn")
        return
    words = sum(each.words for each in sections)
    what = f"{'Narrate' if kept else 'Leave out'} {_count(sections)}, {words:,} words"
    if await _agreed(screen, what, [_title(each) for each in sections]):
        action = "include" if kept else "leave_out"
        done = await _decide(screen, action, sections)
        if done:
            await _kept(screen, f"{_count(sections[:done])} {'narrated' if kept else 'left out'} from now on.")


async def rename(screen: OutlineScreen) -> None:
    """Another title for the section under the cursor."""
    section = screen.chosen()[0]

    async def submit(values: Mapping[str, str]) -> str | None:
        if not values["title"]:
            return "Give it a title."
        return await _complaint(screen, lambda inner: _decided(inner, screen, "rename", section, values["title"]))

    from foundry_tui.console.screens.outline import made_words

    form = FormScreen(
        "Rename the section",
        (Field("title", "Title", section.title, hint="as it is heard and shown in players"),),
        submit,
        words=made_words(screen.productions),
    )
    if await screen.console.push_screen_wait(form) is not None:
        await _kept(screen, "The section has its new title.")


async def merge(screen: OutlineScreen) -> None:
    """Join the section to the one before it."""
    section = screen.chosen()[0]
    outline = screen.outline
    place = outline.sections.index(section) if outline is not None and section in outline.sections else 0
    before = outline.sections[place - 1] if outline is not None and place else None
    if before is None or not before.kept:
        screen.console.say("A section is joined to the narrated one right before it; there is none here.", "warn")
        return
    what = "Join it to the one before"
    if await _agreed(screen, what, [_title(before), f"+ {_title(section)}"]) and await _decide(
        screen, "merge", [section]
    ):
        await _kept(screen, f"It is a part of {plain(before.title, 60)!r} from now on.")


async def split(screen: OutlineScreen) -> None:
    """Begin a new section at a paragraph of this one."""
    section = screen.chosen()[0]
    if section.chapter_number is None:
        screen.console.say("It is left out: narrate it first (K), then split it.", "warn")
        return
    book_id, language, chapter = (
        screen.book_id,
        screen.outline.language if screen.outline else None,
        section.chapter_number,
    )
    blocks = await screen.console.ask(lambda inner: inner.foundry.sections.blocks(book_id, language, chapter=chapter))
    if not blocks:
        screen.console.say("It has no paragraph to be split at.", "warn")
        return
    # The first one is where the section begins already.
    options = [Option(f"{place}", (each.kind, plain(each.words, 200))) for place, each in enumerate(blocks)][1:]
    columns = (Column("KIND", 10), Column("A NEW SECTION BEGINS WITH", 30, share=1))
    title = f"Split {plain(section.title, 40)}"
    chosen = await screen.console.push_screen_wait(PickScreen(title, columns, options))
    if chosen is None:
        return
    block = blocks[int(chosen)]

    async def submit(values: Mapping[str, str]) -> str | None:
        return await _complaint(
            screen,
            lambda inner: inner.foundry.sections.decide(
                book_id, "split", text_hash=block.text_hash, title=values["title"], language=language
            ),
        )

    from foundry_tui.console.screens.outline import made_words

    fields = (Field("title", "Title", plain(block.words, 60), hint="of the new section"),)
    form = FormScreen("The new section", fields, submit, done="Split", words=made_words(screen.productions))
    if await screen.console.push_screen_wait(form) is not None:
        await _kept(screen, "A new section begins there from now on.")


async def undo(screen: OutlineScreen) -> None:
    """Take back what was decided about the chosen section, else the newest decision there is."""
    decided = screen.outline.decided if screen.outline is not None else ()
    if not decided:
        screen.console.say("Nothing was decided about this book yet.", "warn")
        return
    mine = [override for section in screen.chosen() for override in screen.decisions_of(section)]
    ids = mine or [decided[-1].override_id]
    told = [
        f"{each.action.replace('_', ' ')} {plain(each.title or each.anchor or each.text_hash, 60)}"
        for each in decided
        if each.override_id in ids
    ]
    if not await _agreed(screen, "Take back" if mine else "Take back the newest decision", told):
        return
    if await screen.console.ask(lambda inner: inner.foundry.sections.undo(screen.book_id, ids)) is not None:
        await _kept(screen, f"{len(ids)} decision{'s' if len(ids) > 1 else ''} taken back.")


async def _agreed(screen: OutlineScreen, what: str, listed: Sequence[str]) -> bool:
    """Said beforehand: what, and which productions follow. Where none does there is nothing to ask."""
    made = screen.productions
    if not made:
        return True
    from foundry_tui.console.screens.outline import made_words

    lines: list[Line] = [[(f"{what}:", "bold")], *([(f"  {words}", "")] for words in listed[:_LISTED])]
    if len(listed) > _LISTED:
        lines.append([(f"  … and {len(listed) - _LISTED} more", "dim")])
    lines += [[], [(made_words(made), "")], [("Nothing runs until it is rebuilt; u takes a decision back.", "dim")]]
    choices = [Choice("n", "No", ""), Choice("y", "Yes", "yes")]
    return bool(await screen.console.push_screen_wait(PreviewScreen(f"{what}?", lines, choices)))


async def _decide(screen: OutlineScreen, action: str, sections: Sequence[OutlineSection]) -> int:
    """How many were decided before one could not be."""
    done = 0
    for section in sections:
        kept = await screen.console.ask(
            lambda inner, section=section: _decided(inner, screen, action, section)  # type: ignore[misc]
        )
        if kept is None:
            break
        done += 1
    return done


async def _decided(inner: Inner, screen: OutlineScreen, action: str, section: OutlineSection, title: str = "") -> int:
    language = screen.outline.language if screen.outline is not None else None
    return await inner.foundry.sections.decide(
        screen.book_id, action, anchor=section.anchor, text_hash=section.text_hash, title=title, language=language
    )


async def _complaint(screen: OutlineScreen, work: Callable[[Inner], Awaitable[int]]) -> str | None:
    try:
        await screen.console.house.call(work)
    except FoundryError as error:
        return error.sentence()
    return None


async def _kept(screen: OutlineScreen, said: str) -> None:
    screen.list.forget_marks()
    screen.read_again()
    screen.console.house.note_change()
    await forecasting.offer(screen.console, screen.productions, said, title="Kept")


def _title(section: OutlineSection) -> str:
    return f"{plain(section.title, 50) or '(no title)'}, {section.words:,} words"


def _count(sections: Sequence[OutlineSection]) -> str:
    return plain(repr(sections[0].title), 60) if len(sections) == 1 else f"{len(sections)} sections"
