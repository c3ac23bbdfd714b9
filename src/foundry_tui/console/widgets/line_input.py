"""A line to type on that never draws what a terminal would obey: not from a title to be changed, not from a paste."""

from __future__ import annotations

from textual.widgets import Input

from foundry_tui.domain.plain import without_controls


class LineInput(Input):
    """An ``Input`` whose value has no control characters."""

    def validate_value(self, value: str) -> str:
        """Take out what is no text."""
        return without_controls(value)
