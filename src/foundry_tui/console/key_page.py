"""The key page of the documentation, from the registry."""

from __future__ import annotations

from foundry_tui.console.actions import SCOPES, of_scope, shown_key

_HEAD = """# Keys of the console

Made from the console's own table of actions by `python docs/update_keys.py`; a test fails when it is stale. `?` shows
the same in the console, for the pane you are in, as your own keymap has it.

An action marked † changes something: a console started with `--readonly` has none of them. One marked ‡ asks first,
with No under your finger.

Move any key in config.toml, by the action's id (several keys with spaces between them):

```toml
[keys]
"queue.requeue" = "u"
"list.filter" = "/ ctrl+f"
```
"""


def key_page() -> str:
    """docs/reference/keys.md."""
    parts = [_HEAD]
    for scope, title in SCOPES.items():
        parts.append(f"## {title}\n\n| key | id | what it does |\n| --- | --- | --- |")
        for action in of_scope(scope):
            keys = " ".join(f"`{shown_key(key)}`" for key in action.keys)
            mark = " ‡" if action.dangerous else " †" if action.writes else ""
            command = f" `:{action.command}`" if action.command else ""
            parts.append(f"| {keys} | {action.id} | {action.description}{mark}{command} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"
