"""Engine options: plain values from settings or the command line, checked in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from foundry_tui.errors import UsageError


class Options:
    """What an engine was given. Each option read is known; ``finish`` refuses the rest."""

    def __init__(self, engine: str, given: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> None:
        self.engine = engine
        self.given = dict(given)
        self.known: set[str] = set()
        self.environment = os.environ if environment is None else environment

    def text(self, name: str, default: str = "", variable: str | None = None) -> str:
        """A string: as given, else from the environment variable, else the default; an empty one is none."""
        self.known.add(name)
        given = self.given.get(name)
        from_outside = self.environment.get(variable) if variable else None
        return next((found for value in (given, from_outside) if value and (found := str(value).strip())), default)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number within its range."""
        self.known.add(name)
        value = self.given.get(name)
        if value is None:
            return default
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise self._wrong(name, f"a number from {low} to {high}") from error
        if not low <= number <= high:
            raise self._wrong(name, f"a number from {low} to {high}")
        return number

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within its range."""
        number = self.number(name, default, low, high)
        if number != int(number):
            raise self._wrong(name, "a whole number")
        return int(number)

    def switch(self, name: str, default: bool) -> bool:
        """True or false, also as the words for them."""
        self.known.add(name)
        value = self.given.get(name)
        if value is None:
            return default
        word = str(value).strip().casefold()
        if word in {"true", "yes", "on", "1"}:
            return True
        if word in {"false", "no", "off", "0"}:
            return False
        raise self._wrong(name, "true or false")

    def words(self, name: str) -> tuple[str, ...]:
        """A list of strings, or one string of them with commas between."""
        self.known.add(name)
        value = self.given.get(name)
        items = value.split(",") if isinstance(value, str) else value or ()
        return tuple(str(item).strip() for item in items if str(item).strip())

    def cores(self) -> int:
        """The option ``concurrency``; without it the cores this process may use."""
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return self.whole("concurrency", usable or 1, 1, 64)

    def finish(self) -> None:
        """UsageError where an option was given that nobody read."""
        unknown = sorted(self.given.keys() - self.known)
        if unknown:
            raise UsageError(
                f"The engine {self.engine} has no option {unknown[0]!r}.",
                next_action=f"Its options: {', '.join(sorted(self.known)) or 'none'}.",
            )

    def _wrong(self, name: str, wanted: str) -> UsageError:
        return UsageError(
            f"The option {name} of the engine {self.engine} is no {wanted.removeprefix('a ')}.",
            next_action=f"Give {wanted}.",
        )
