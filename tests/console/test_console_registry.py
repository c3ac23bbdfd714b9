"""One registry behind the keys, the footer, the help, the palette, the commands and the key page."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundry_tui.console.actions import ACTIONS, BY_ID, FORBIDDEN, SCOPES, bindings_for, hints, of_scope
from foundry_tui.console.key_page import key_page
from foundry_tui.console.keymap import keymap_of, keys_of
from foundry_tui.console.screens.reading import HelpScreen
from foundry_tui.errors import UsageError


def test_the_key_page_is_what_the_registry_says(repository: Path) -> None:
    page = repository / "docs" / "reference" / "keys.md"
    assert page.read_text("utf-8") == key_page(), "stale: run python docs/update_keys.py"


def test_no_action_sits_on_a_key_that_terminals_keep_for_themselves() -> None:
    for action in ACTIONS:
        for key in action.keys:
            assert key not in FORBIDDEN
            assert not key.startswith(("alt+", "cmd+"))


def test_a_key_means_one_thing_in_a_scope() -> None:
    assert keymap_of({}) == {}
    for scope in SCOPES:
        keys = [key for action in of_scope("app", "list", scope) for key in action.keys]
        twice = {key for key in keys if keys.count(key) > 1} if scope not in {"app", "list"} else set()
        assert not twice


def test_a_letter_means_one_thing_everywhere() -> None:
    meaning: dict[str, set[str]] = {}
    for action in ACTIONS:
        for key in action.keys:
            meaning.setdefault(key, set()).add(action.name)
    assert {key: names for key, names in meaning.items() if len(names) > 1} == {}


def test_every_action_is_bound_described_and_dangers_write() -> None:
    for scope in SCOPES:
        bound = {binding.id for binding in bindings_for(scope)}
        assert bound == {action.id for action in of_scope(scope) if action.keys}
    for action in ACTIONS:
        assert action.description.endswith(".")
        assert action.writes or not action.dangerous


def test_the_help_lists_every_action_of_its_scopes() -> None:
    for scope in ("catalog", "narrators", "queue", "events", "production"):
        text = HelpScreen([scope, "list", "app"], {}, readonly=False).plain_text()
        for action in of_scope(scope, "list", "app"):
            assert action.description in text


def test_the_footer_hints_at_eight_keys_at_most() -> None:
    for scope in ("catalog", "narrators", "queue", "events", "production"):
        chosen = hints(of_scope(scope, "list", "app"))
        assert 4 <= len(chosen) <= 8
        assert chosen == sorted(chosen, key=lambda action: -action.weight)


def test_a_key_can_be_moved() -> None:
    keymap = keymap_of({"queue.requeue": "u", "list.filter": "/ ctrl+f"})
    assert keys_of("queue.requeue", keymap) == ("u",)
    assert keys_of("list.filter", keymap) == ("slash", "ctrl+f")
    assert keys_of("queue.cancel", keymap) == BY_ID["queue.cancel"].keys


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"queue.fly": "u"}, "names no action"),
        ({"queue.requeue": "ctrl+j"}, "terminals take"),
        ({"queue.requeue": "alt+r"}, "terminals take"),
        ({"queue.requeue": "x"}, "both on x"),
        ({"catalog.make": "q"}, "both on q"),
        ({"queue.requeue": 3}, "is 3"),
    ],
)
def test_a_keymap_that_cannot_be_is_refused_in_words(table: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        keymap_of(table)
    assert words in refused.value.message
