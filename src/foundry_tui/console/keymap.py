"""The operator's own keys: ``[keys]`` in config.toml moves any action of the registry to another key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundry_tui.console.actions import BY_ID, FORBIDDEN, SCOPES, of_scope, shown_key
from foundry_tui.errors import UsageError

_TYPED = {"?": "question_mark", ":": "colon", "/": "slash", "+": "plus", "-": "minus", "*": "asterisk", " ": "space",
          "[": "left_square_bracket", "]": "right_square_bracket", "esc": "escape", ",": "comma", ".": "full_stop",
          "!": "exclamation_mark", "#": "number_sign", "=": "equals_sign", ";": "semicolon"}  # fmt: skip


def keymap_of(table: Mapping[str, Any]) -> dict[str, str]:
    """``{"queue.requeue": "u"}`` checked: action id to key (several with spaces), as Textual takes it.

    Raises UsageError for an unknown action, a key terminals take for themselves, or two actions on one key.
    """
    keymap: dict[str, str] = {}
    for name, keys in table.items():
        if name not in BY_ID:
            raise UsageError(f"[keys] names no action {name!r}.", next_action="See docs/reference/keys.md.")
        if not isinstance(keys, str) or not keys.strip():
            raise UsageError(f"[keys] {name} is {keys!r}.", next_action='It takes a key in quotes, such as "u".')
        named = [_TYPED.get(key, key) for key in (keys.split() or [" "])]
        for key in named:
            if key in FORBIDDEN or key.startswith(("alt+", "cmd+", "super+")):
                raise UsageError(f"[keys] {name}: terminals take {key} for themselves.", next_action="Choose another.")
        keymap[name] = ",".join(named)
    _check_clashes(keymap)
    return keymap


def keys_of(action_id: str, keymap: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of an action as they stand."""
    moved = keymap.get(action_id)
    return tuple(moved.split(",")) if moved is not None else BY_ID[action_id].keys


def shown_keys(action_id: str, keymap: Mapping[str, str]) -> str:
    """The keys of an action as an operator reads them."""
    return " ".join(shown_key(key) for key in keys_of(action_id, keymap))


def _check_clashes(keymap: Mapping[str, str]) -> None:
    for scope in SCOPES:
        taken: dict[str, str] = {}
        for action in of_scope("app", "list", scope):
            for key in keys_of(action.id, keymap):
                other = taken.setdefault(key, action.id)
                if other != action.id:
                    raise UsageError(
                        f"[keys] {action.id} and {other} are both on {shown_key(key)}.", next_action="Move one of them."
                    )
