"""What works everywhere: panes, help, commands, themes, workers, leaving."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from foundry_tui.console.actions import ACTIONS, BY_ID
from foundry_tui.console.contract import ScopedScreen
from foundry_tui.console.doing import leaving
from foundry_tui.console.screens.command import CommandScreen
from foundry_tui.console.screens.reading import HelpScreen
from foundry_tui.console.sinks import KINDS, choose_sink
from foundry_tui.console.themes import THEMES
from foundry_tui.domain.desk import ProductionView

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp


async def perform(app: ConsoleApp, name: str) -> None:
    """Do an app action."""
    if name.startswith("pane_"):
        _to_panes(app)
        app.go_to(int(name.removeprefix("pane_")) - 1)
    elif name in {"next_pane", "previous_pane"}:
        app.go_to(app.panes.index(app.pane) + (1 if name == "next_pane" else -1))
    elif name == "zoom":
        app.zoom()
    elif name == "help":
        _help(app)
    elif name == "command":
        app.push_screen(CommandScreen(list(known_commands(app))), lambda typed: _typed(app, typed))
    elif name == "palette":
        app.action_command_palette()
    elif name == "theme":
        names = list(THEMES)
        app.set_theme(names[(names.index(app.theme) + 1) % len(names)] if app.theme in names else names[0])
    elif name == "quit":
        app.run_worker(leaving.leave(app), group="leave", exclusive=True, exit_on_error=False)
    elif name == "workers":
        await _workers(app)
    elif name == "hand_over":
        app.run_worker(leaving.hand_over(app, stay=True), group="leave", exclusive=True, exit_on_error=False)
    elif name == "doctor":
        from foundry_tui.console.doing.doctor import show_findings

        app.run_worker(show_findings(app), group="doctor", exclusive=True, exit_on_error=False)
    elif name == "lexicon":
        _lexicon(app)
    elif name == "sample":
        from foundry_tui.console.doing.welcome import bring_sample

        app.run_worker(bring_sample(app), group="sample", exclusive=True, exit_on_error=False)


def _lexicon(app: ConsoleApp) -> None:
    from foundry_tui.console.screens.lexicon import LexiconScreen
    from foundry_tui.domain.books import Book

    if not isinstance(app.screen, LexiconScreen):
        row = app.catalog.list.cursor_row
        app.push_screen(LexiconScreen(row.data if row is not None and isinstance(row.data, Book) else None))


def _typed(app: ConsoleApp, typed: str | None) -> None:
    app.call_later(obey, app, typed or "")


def _to_panes(app: ConsoleApp) -> None:
    while isinstance(app.screen, ScopedScreen):
        app.pop_screen()


def _help(app: ConsoleApp) -> None:
    scope = app.screen.scope if isinstance(app.screen, ScopedScreen) else app.pane.scope
    app.push_screen(HelpScreen([scope, "list", "app"], app.keys, readonly=app.readonly))


async def _workers(app: ConsoleApp) -> None:
    if app.readonly:
        app.say("This console is read-only: it has no workers.", "warn")
        return
    running = app.glance.workers if app.glance is not None else 0
    if running:
        app.say("The workers finish the chunks in hand, then stop.")
        await app.ask(lambda inner: inner.stop_workers())
    else:
        wanted = app.settings.workers
        app.say(f"{wanted} workers start.")
        await app.ask(lambda inner: inner.start_workers(wanted))
    app.house.note_change()


def known_commands(app: ConsoleApp) -> dict[str, Callable[[], object]]:
    """Every word after ``:`` with what it does."""
    commands: dict[str, Callable[[], object]] = {}
    for action in ACTIONS:
        if action.command and not (app.readonly and action.writes):
            commands[action.command] = lambda chosen=action.id: app.run_act(chosen)  # type: ignore[misc]
    for view in ProductionView:
        commands[str(view)] = lambda chosen=view: _show_view(app, chosen)  # type: ignore[misc]
    for name in THEMES:
        commands[f"theme {name}"] = lambda chosen=name: app.set_theme(chosen)  # type: ignore[misc]
    for kind in KINDS:
        commands[f"sink {kind}"] = lambda chosen=kind: set_sink(app, chosen)  # type: ignore[misc]
    for level in ("debug", "info", "warning", "error"):
        commands[f"level {level}"] = lambda chosen=level: _show_level(app, chosen)  # type: ignore[misc]
    return commands


async def obey(app: ConsoleApp, typed: str) -> None:
    """Do what was typed after ``:``."""
    words = typed.strip().removeprefix(":").strip()
    if not words:
        return
    known = known_commands(app)
    if words in known:
        known[words]()
        return
    if words in BY_ID:
        await app.act(words)
        return
    head, _, rest = words.partition(" ")
    if head == "filter":
        pane = app.pane
        if rest:
            await pane.open_filter(rest)
        else:
            pane.back()
        return
    fitting = [name for name in known if name.startswith(words)]
    if len(fitting) == 1:
        known[fitting[0]]()
        return
    near = f" Did you mean {', '.join(sorted(fitting)[:4])}?" if fitting else " ? lists the keys."
    app.say(f"There is no command {head!r}.{near}", "warn")


def _show_view(app: ConsoleApp, view: ProductionView) -> None:
    _to_panes(app)
    app.go_to(2)
    app.queue.show_view(view)


def _show_level(app: ConsoleApp, level: str) -> None:
    from foundry_tui.domain.status import Level

    _to_panes(app)
    app.go_to(3)
    app.events.level = Level(level)
    app.events.begin_again()


def set_sink(app: ConsoleApp, kind: str) -> None:
    """Sound goes there from now on."""
    app.sink = choose_sink(wanted=kind)
    app.sound.sink = app.sink
    app.narrators.sound = app.sink.said
    app.narrators.retitle()
    app.say(f"Sound: {app.sink.said}. {app.sink.hint}".strip())
