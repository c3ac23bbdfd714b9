"""What panes, screens and actions may ask of the app, so that none of them imports it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, runtime_checkable

from textual.screen import Screen

from foundry_tui.console.house import House

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner
    from foundry_tui.console.sinks import Sink
    from foundry_tui.console.sound import Sound
    from foundry_tui.settings import Settings

Result = TypeVar("Result")


class Console(Protocol):
    """The app as its parts see it."""

    house: House
    settings: Settings
    readonly: bool
    unicode: bool
    keys: Mapping[str, str]
    sink: Sink
    sound: Sound
    theme: str

    async def ask(self, work: Callable[[Inner], Awaitable[Result]]) -> Result | None:
        """``work`` in the house; an error is said, and None comes back."""
        ...

    async def act(self, action_id: str) -> None:
        """Do an action of the registry, or say why not."""
        ...

    def say(self, words: str, style: str = "", *, keep: bool = True, stays: bool = False) -> None:
        """The flash line, and the screen that lies over it."""
        ...

    def pane_focused(self, pane: Any) -> None:
        """Keys go to ``pane`` now."""
        ...

    def push_screen(self, screen: Any, callback: Any = None) -> Any:
        """Lay a screen over the panes."""
        ...

    async def push_screen_wait(self, screen: Any) -> Any:
        """Lay a screen over the panes and wait for its answer (from a worker)."""
        ...

    async def play(self, name: str, said: str, wav: bytes, seconds: float) -> str:
        """Let it be heard where the operator is; returns what to tell them."""
        ...

    def copy(self, text: str) -> str:
        """To the operator's own clipboard; returns what to tell them."""
        ...


@runtime_checkable
class SayingScreen(Protocol):
    """A screen that lies over the flash line, and says by itself what is said there."""

    def say(self, words: str, style: str = "") -> None:
        """Where the operator looks."""
        ...


class ScopedScreen(Screen[Any]):
    """A screen whose keys come from the registry, under a scope of its own; ``lacks`` names what its lists cannot."""

    scope = ""
    lacks: ClassVar[frozenset[str]] = frozenset({"list.filter", "list.sort", "list.reverse", "list.mark_all"})

    async def perform(self, name: str) -> bool:
        """Do an action; False where it is not this screen's."""
        raise NotImplementedError

    def reason(self, action_id: str) -> str | None:
        """Why an action cannot be done now."""
        del action_id
        return None

    def say(self, words: str, style: str = "") -> None:
        """The flash line of this screen."""

    def tables_changed(self) -> None:
        """Somebody has written: read again."""


def home_relative(path: Path, home: Path) -> str:
    """A path as short as it is clear."""
    return str(path.relative_to(home)) if path.is_relative_to(home) else str(path)
