"""The names of speech rules as an operator types them: ``NAME``, ``eng:NAME``, and ``+NAME`` to switch one on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from foundry_tui.errors import UsageError
from foundry_tui.text.rules.table import all_rules, languages


def require_rules(typed: Iterable[str], language: str | None = None) -> None:
    """Raise UsageError for the first name that is no rule of ``language`` (where None: of any), with those near it."""
    tongues = [language] if language else sorted(languages())
    known = {tongue: {rule.name for rule in all_rules(tongue)} for tongue in tongues}
    for word in sorted(typed):
        of, _, name = word.removeprefix("+").rpartition(":")
        if of and of not in known and not language:
            raise UsageError(
                f"There are no speech rules of {of!r}.", next_action=f"There are some of {', '.join(sorted(known))}."
            )
        names = set[str]().union(*known.values()) if language or not of else known[of]
        if name not in names:
            near = difflib.get_close_matches(name, sorted(names), n=3) or sorted(names)
            where = "for this book" if language else f"of {of}" if of else "in any language"
            raise UsageError(
                f"There is no speech rule {word!r} {where}.",
                next_action=f"{'Did you mean' if len(near) <= 3 else 'The rules are'} {', '.join(near)}"
                f"{'?' if len(near) <= 3 else '.'}",
            )
