"""Answers of speech services, told in our own errors."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from foundry_tui.domain.plain import plain
from foundry_tui.errors import EngineBusy, EngineRefused, EngineUnreachable, TextRefused, VoiceError

LONGEST_RETRY_AFTER_S = 600.0
# Malformed, too large, not to be processed: said of one request's body, and the next text may fare better.
ABOUT_THE_TEXT = frozenset({400, 413, 422})
_QUOTED = 200


def retry_after_s(headers: Mapping[str, str] | None) -> float | None:
    """Seconds a server asked to wait (RFC 9110 §10.2.3: seconds or a date), at most ten minutes."""
    value = (headers or {}).get("Retry-After", "").strip()
    if not value:
        return None
    try:
        seconds = float(value) if value.isdigit() else parsedate_to_datetime(value).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER_S)


def error_for_status(engine: str, status: int, headers: Mapping[str, str] | None = None, said: str = "") -> VoiceError:
    """The error an HTTP status means: busy (408, 425, 429, 5xx) may pass, every other refusal is for good."""
    details = {"status": status, "said": said[:300]} if said else {"status": status}
    if status in {500, 502, 504}:
        return EngineUnreachable(f"{engine} failed with HTTP {status}.", details=details)
    if status in {408, 425, 429} or status >= 500:
        wait = retry_after_s(headers)
        asked = f" and asks to wait {wait:.0f} s" if wait else ""
        return EngineBusy(f"{engine} is busy (HTTP {status}){asked}.", details=details, retry_after_s=wait)
    if status in {401, 403}:
        return EngineRefused(f"{engine} refused the key (HTTP {status}).", details=details)
    if status == 402:
        return EngineRefused(
            f"{engine} says the account is out of credit (HTTP {status}).",
            next_action="Top it up, then requeue the step.",
            details=details,
        )
    return EngineRefused(f"{engine} refused the request (HTTP {status}).", details=details)


def text_refused(engine: str, status: int, words: str = "", said: str = "") -> TextRefused:
    """The refusal of one text; ``words`` are the service's own, for nothing else tells what it has against it."""
    because = f": {plain(words, _QUOTED)}" if words else "."
    details = {"status": status, "said": said[:300]} if said else {"status": status}
    return TextRefused(f"{engine} refused the text (HTTP {status}){because}", details=details)
