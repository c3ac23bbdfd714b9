"""Ids: what may name a folder, and the calendar seconds that name books and productions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from foundry_tui.errors import UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")
_SECONDS = "%Y%m%d%H%M%S"
BOOK_ID_MAX = 20
NARRATOR_ID_MAX = 100


def checked_book_id(text: str) -> str:
    """Return ``text`` if it may touch a path; raise UsageError saying what a book id looks like."""
    return _checked(text, "book id", BOOK_ID_MAX)


def checked_narrator_id(text: str) -> str:
    """Return ``text`` if it may touch a path; raise UsageError saying what a narrator id looks like."""
    return _checked(text, "narrator id", NARRATOR_ID_MAX)


def _checked(text: str, what: str, longest: int) -> str:
    if len(text) <= longest and _NAME.fullmatch(text):
        return text
    raise UsageError(
        f"{text!r} is no {what}: it takes 1 to {longest} of a-z, 0-9 and _, and starts with a letter or digit.",
        next_action="Choose another id.",
    )


def calendar_id(moment: datetime) -> str:
    """YYYYMMDDHHMMSS of ``moment`` in UTC."""
    return moment.astimezone(UTC).strftime(_SECONDS)


def next_calendar_id(wanted: str, newest_taken: str | None) -> str:
    """``wanted``, or the calendar second after ``newest_taken`` where that one is not older."""
    if newest_taken is None or newest_taken < wanted:
        return wanted
    return (datetime.strptime(newest_taken, _SECONDS).replace(tzinfo=UTC) + timedelta(seconds=1)).strftime(_SECONDS)
