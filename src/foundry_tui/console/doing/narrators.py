"""What is done with narrators: added and changed from real voices, heard, given a sample, taken off the roster."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from foundry_tui.console.doing.picking import pick_engine, pick_voice
from foundry_tui.console.screens.choice import confirm
from foundry_tui.console.screens.form import Field, FormScreen
from foundry_tui.domain.books import Narrator
from foundry_tui.domain.plain import plain
from foundry_tui.errors import FoundryError

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp


def _narrators(app: ConsoleApp) -> list[Narrator]:
    return [row.data for row in app.narrators.list.chosen() if isinstance(row.data, Narrator)]


async def perform(app: ConsoleApp, name: str) -> None:
    """Do a roster action."""
    if name == "add":
        await edit(app, None)
    elif name == "change":
        await edit(app, _narrators(app)[0])
    elif name == "play":
        await play_sample(app)
    elif name == "sample":
        await make_samples(app)
    elif name == "audition":
        await audition(app)
    elif name == "remove":
        await remove(app)


async def edit(app: ConsoleApp, narrator: Narrator | None) -> None:
    """A form for a new narrator, or for one that is there."""
    before = narrator or Narrator("", "", "eng", engine=app.settings.default_engine)
    settings = " ".join(f"{name}={value}" for name, value in before.settings.items())

    async def submit(values: Mapping[str, str]) -> str | None:
        given = {name: value for name, value in values.items() if name not in {"narrator_id", "settings"}}
        changed = values["settings"].split()
        try:
            if narrator is None:
                name = given.pop("narrator_name")
                narrator_id = values["narrator_id"] or id_of(name)
                entry = await app.house.call(
                    lambda inner: inner.foundry.roster.add(
                        narrator_id,
                        narrator_name=name,
                        settings=changed,
                        **given,
                    )
                )
            else:
                gone = [f"{name}=" for name in narrator.settings if not any(s.startswith(f"{name}=") for s in changed)]
                entry = await app.house.call(
                    lambda inner: inner.foundry.roster.edit(narrator.narrator_id, settings=[*changed, *gone], **given)
                )
        except FoundryError as error:
            return error.sentence()
        remarks = " ".join(entry.remarks)
        app.say(f"{plain(entry.narrator.narrator_name, 60)}: saved. {remarks}".strip(), "warn" if remarks else "ok")
        return None

    own_id = () if narrator is not None else (Field("narrator_id", "Id", hint="made from the name where it is empty"),)
    fields = (
        Field("narrator_name", "Name", before.narrator_name),
        *own_id,
        Field("language", "Language", before.language, hint="eng, fra, de …"),
        Field("engine", "Engine", before.engine or "", hint="empty: the default engine",
              pick=lambda values: pick_engine(app, values["engine"])),
        Field("voice", "Voice", before.voice or "", hint="one the engine really has",
              pick=lambda values: pick_voice(app, values["engine"], values["language"], values["voice"])),
        Field("gender", "Gender", before.gender or ""),
        Field("accent", "Accent", before.accent or ""),
        Field("settings", "Settings", settings, hint="rate=0.95 pitch_percent=-2 …"),
        Field("fallback_narrator_id", "Stand-in", before.fallback_narrator_id or "", hint="who speaks if it cannot"),
        Field("description", "Notes", before.description or ""),
    )  # fmt: skip
    title = f"Change {narrator.narrator_name}" if narrator is not None else "A new narrator"
    if await app.push_screen_wait(FormScreen(title, fields, submit)) is not None:
        app.house.note_change()


def id_of(name: str) -> str:
    """``Rowan Whitmore`` is rowan_whitmore."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_name.casefold()).strip("_")[:100]


async def play_sample(app: ConsoleApp) -> None:
    """Play the sample of the narrator under the cursor, or stop it."""
    narrator = _narrators(app)[0]
    playing = app.sound.playing
    if playing is not None:
        await app.sound.stop()
        if playing.name == narrator.narrator_id:
            app.say("Stopped.")
            return
    heard = await app.ask(lambda inner: inner.auditions.sample(narrator.narrator_id))
    if heard is not None:
        await app.play(narrator.narrator_id, plain(narrator.narrator_name, 60), heard.wav, heard.seconds)


async def make_samples(app: ConsoleApp) -> None:
    """Speak and keep the samples of the chosen narrators."""
    chosen = _narrators(app)
    made = 0
    for narrator in chosen:
        app.say(f"{plain(narrator.narrator_name, 60)} speaks …", stays=True)

        async def speak(inner, narrator=narrator):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return await inner.auditions.keep(await inner.auditions.speak(narrator.narrator_id))

        if await app.ask(speak) is None:
            break
        made += 1
    app.narrators.list.forget_marks()
    app.house.note_change()
    if made:
        who = plain(chosen[0].narrator_name, 60) if made == 1 else f"{made} narrators"
        app.say(f"{who}: the sample is kept; p plays it.", "ok")


async def audition(app: ConsoleApp) -> None:
    """Hear one narrator, or two against each other."""
    from foundry_tui.console.screens.audition import AuditionScreen

    chosen = _narrators(app)[:2]
    book = app.catalog.list.cursor_row
    app.push_screen(AuditionScreen(chosen, book_id=book.id if book is not None else None))


async def remove(app: ConsoleApp) -> None:
    """Take narrators off the roster, after a question."""
    chosen = _narrators(app)
    names = "\n".join(f"  {plain(each.narrator_name, 60)}" for each in chosen[:6])
    words = f"{len(chosen)} narrator{'s' if len(chosen) > 1 else ''}:\n{names}\n\nOne with productions is not removed."
    if await app.push_screen_wait(confirm("Take off the roster?", words, "Remove")) != "yes":
        return
    removed = 0
    for narrator in chosen:
        gone = await app.ask(lambda inner, who=narrator.narrator_id: inner.foundry.roster.remove(who))  # type: ignore[misc]
        removed += gone is not None
    app.narrators.list.forget_marks()
    app.house.note_change()
    if removed:
        app.say(f"{removed} removed.", "ok")


async def open_row(app: ConsoleApp) -> None:
    """The narrator's own page is the form."""
    if app.readonly:
        await audition(app)
    else:
        await edit(app, _narrators(app)[0])
