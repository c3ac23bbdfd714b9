"""What an action of the console is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """Something an operator can do. ``weight`` orders the footer's hints (0: never); ``command`` follows ``:``."""

    id: str
    keys: tuple[str, ...]
    short: str
    description: str
    scope: str
    weight: int = 0
    writes: bool = False
    dangerous: bool = False
    command: str = ""

    @property
    def name(self) -> str:
        """Without its scope."""
        return self.id.partition(".")[2]


def described(
    id: str,  # noqa: A002 - it is the action's id
    keys: str,
    short: str,
    description: str,
    weight: int = 0,
    *,
    writes: bool = False,
    dangerous: bool = False,
    command: str = "",
) -> Action:
    """An action as the tables write it down: its keys with spaces between them, its scope from its id."""
    scope = id.partition(".")[0]
    split = tuple(keys.split()) if keys else ()
    return Action(id, split, short, description, scope, weight, writes or dangerous, dangerous, command)
