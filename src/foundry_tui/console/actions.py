"""The one registry of actions: what the footer, the help, the palette, the command line and the key page all read.

A key is written as Textual names it (``question_mark``); ``shown_key`` is how an operator reads it. A letter means one
thing everywhere. ``writes`` actions are gone with ``--readonly``; ``dangerous`` ones ask first, with No focused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.binding import Binding

from foundry_tui.console.action import Action
from foundry_tui.console.action import described as _a
from foundry_tui.console.actions_of_screens import ACTIONS_OF_SCREENS

__all__ = [
    "ACTIONS",
    "BY_ID",
    "FORBIDDEN",
    "PANE_SCOPES",
    "SCOPES",
    "Action",
    "bindings_for",
    "hints",
    "of_scope",
    "shown_key",
]

SCOPES: Mapping[str, str] = {
    "app": "Everywhere",
    "list": "In every list",
    "catalog": "Catalog",
    "narrators": "Narrators",
    "queue": "Queue",
    "events": "Events",
    "production": "A production, opened",
    "editor": "The words of a chunk",
    "sections": "The sections of a book",
    "lexicon": "The lexicon",
    "suggestions": "Names of a book the lexicon may want",
    "doctor": "The doctor's findings",
    "audition": "An audition",
}
# What can be done from the panes; the other scopes are screens that must be open.
PANE_SCOPES = ("catalog", "narrators", "queue", "events")
# Taken by terminals and multiplexers: backspace, tab, line feed, enter, prefixes, flow control, suspend, quit.
FORBIDDEN = frozenset(
    {"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+a", "ctrl+b", "ctrl+space", "ctrl+@", "ctrl+s"}
) | {
    "ctrl+q",
    "ctrl+z",
    "ctrl+backslash",
}
_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "asterisk": "*",
    "space": "space",
    "escape": "esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "ctrl+p": "ctrl+p",
    "shift+tab": "shift+tab",
    "up": "↑",
    "down": "↓",
    "home": "Home",
    "end": "End",
}


ACTIONS: tuple[Action, ...] = (
    _a("app.help", "question_mark", "help", "Every key that works here, by group.", 5, command="help"),
    _a("app.command", "colon", "command", "A command line: :queue, :failed, :theme light …; tab completes."),
    _a("app.palette", "ctrl+p", "palette", "Find any action by its words."),
    _a("app.pane_1", "1", "catalog", "Go to the Catalog.", command="catalog"),
    _a("app.pane_2", "2", "narrators", "Go to the Narrators.", command="narrators"),
    _a("app.pane_3", "3", "queue", "Go to the Queue.", command="queue"),
    _a("app.pane_4", "4", "events", "Go to the Events.", command="events"),
    _a("app.next_pane", "tab", "next pane", "Go to the next pane."),
    _a("app.previous_pane", "shift+tab", "previous pane", "Go to the pane before."),
    _a("app.zoom", "z", "zoom", "Give this pane the whole screen, or give it back.", 2, command="zoom"),
    _a("app.theme", "T", "theme", "The next theme; `:theme NAME` picks one."),
    _a("app.workers", "W", "workers", "Start this console's workers, or let them finish and stop.", command="workers"),
    _a(
        "app.hand_over",
        "B",
        "hand over",
        "Hand the work to a background daemon that outlives this connection.",
        writes=True,
        command="handover",
    ),
    _a("app.doctor", "D", "doctor", "What is well with this home and what is not.", command="doctor"),
    _a("app.lexicon", "L", "lexicon", "Words and how they are said, for a book, a language or all.", command="lexicon"),
    _a(
        "app.sample",
        "S",
        "sample",
        "Bring in the sample book and the starter narrators.",
        writes=True,
        command="sample",
    ),
    _a("app.quit", "q", "quit", "Leave. Work that is running is asked about first.", 4, command="quit"),
    _a("list.down", "down j", "down", "The next row."),
    _a("list.up", "up k", "up", "The row before."),
    _a("list.page_down", "pagedown", "page down", "A screenful on."),
    _a("list.page_up", "pageup", "page up", "A screenful back."),
    _a("list.first", "home g", "first", "The first row."),
    _a("list.last", "end G", "last", "The last row; in the event log also: follow again."),
    _a("list.open", "enter", "open", "Open the row.", 90),
    _a("list.mark", "space", "mark", "Mark the row and go on; actions then apply to every marked row.", 40),
    _a("list.mark_all", "asterisk", "mark all", "Mark every row shown by the filter, or unmark all."),
    _a("list.filter", "slash", "filter", "Filter as you type; enter keeps the filter, esc clears it.", 60),
    _a("list.sort", "o", "sort", "Sort by the next column; O turns the order round.", 30),
    _a("list.reverse", "O", "reverse", "Turn the order round."),
    _a("list.copy", "y", "copy", "Copy the row's text to your terminal's clipboard (OSC 52)."),
    _a("list.back", "escape", "back", "Close one layer: filter, marks, zoom, or this screen. Never quits."),
    _a("catalog.add", "a", "add", "Add books from files.", 85, writes=True, command="add"),
    _a(
        "catalog.make",
        "m",
        "make",
        "Make an audiobook of the book: choose who speaks, enter.",
        88,
        writes=True,
        command="make",
    ),
    _a("catalog.make_now", "M", "make now", "Make it at once with the default narrator.", 20, writes=True),
    _a("catalog.change", "c", "change", "Change title, author, language, narrator.", 50, writes=True),
    _a(
        "catalog.sections",
        "i",
        "sections",
        "Which sections are narrated, and what is left out and why.",
        45,
        command="sections",
    ),
    _a("catalog.remove", "d", "remove", "Remove the book; its files go to the trash.", 25, dangerous=True),
    _a("narrators.add", "a", "add", "A new narrator, from an engine's real voices.", 85, writes=True),
    _a("narrators.change", "c", "change", "Change the narrator.", 50, writes=True),
    _a("narrators.play", "p", "play", "Play the narrator's sample, or stop it.", 88),
    _a("narrators.sample", "s", "make sample", "Speak and keep the narrator's sample.", 70, writes=True),
    _a("narrators.audition", "t", "try", "Speak a passage of your choice in this voice.", 80),
    _a("narrators.remove", "d", "remove", "Take the narrator off the roster.", 25, dangerous=True),
    _a(
        "queue.requeue",
        "r",
        "requeue",
        "Put a failed or cancelled production back, from the step that needs it.",
        88,
        writes=True,
        command="requeue",
    ),
    _a("queue.hold", "h", "hold", "Hold the production, or let it go on.", 70, writes=True, command="hold"),
    _a(
        "queue.cancel",
        "x",
        "cancel",
        "Cancel it at the next chunk border; finished work is kept.",
        65,
        dangerous=True,
        command="cancel",
    ),
    _a("queue.error", "e", "error", "Why it failed, and what to do.", 80),
    _a("queue.forecast", "w", "what runs", "What would run again and why; rebuild it if you like.", 60),
    _a("queue.sooner", "plus", "sooner", "Raise its priority.", 24, writes=True),
    _a("queue.later", "minus", "later", "Lower its priority.", 23, writes=True),
    _a("queue.view", "v", "view", "Unfinished, failed, finished or all productions.", 35),
    _a("events.level", "l", "level", "Everything, from info, only warnings and errors, only errors.", 80),
    _a("events.of_production", "f", "follow one", "Only the events of this row's production, or all again.", 70),
    _a("events.export", "E", "save", "Save the events shown by the filter to a file.", 50),
    *ACTIONS_OF_SCREENS,
)
BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}
_NAMES |= {"right_square_bracket": "]", "left_square_bracket": "["}


def shown_key(key: str) -> str:
    """A key as an operator reads it."""
    return _NAMES.get(key, key)


def of_scope(*scopes: str, readonly: bool = False) -> list[Action]:
    """The actions of these scopes, in the registry's order."""
    return [action for action in ACTIONS if action.scope in scopes and not (readonly and action.writes)]


def bindings_for(scope: str, *names: str) -> list[Binding]:
    """Textual bindings of a scope (only ``names`` of it); each has an id, so that config.toml can move its key."""
    return [
        Binding(",".join(action.keys), f"app.act('{action.id}')", action.description, show=False, id=action.id)
        for action in of_scope(scope)
        if action.keys and (not names or action.name in names)
    ]


def hints(actions: Iterable[Action], most: int = 8) -> list[Action]:
    """What the footer shows: the heaviest ``most``, each key once (the nearer scope wins), the help always last."""
    seen: set[str] = set()
    chosen: list[Action] = []
    for action in sorted((each for each in actions if each.weight), key=lambda each: -each.weight):
        if action.keys and action.keys[0] not in seen:
            seen.add(action.keys[0])
            chosen.append(action)
    helps = [action for action in chosen if action.id == "app.help"]
    return [action for action in chosen if action.id != "app.help"][: most - len(helps)] + helps
