"""logs/foundry.log: rotating, shared by every process of a home; never book text, never secrets."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path

_LOG = "foundry.log"
_MAX_BYTES = 5_000_000
_KEPT = 5
_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s %(process)d %(name)s: %(message)s"
_HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_NAMED_SECRET = re.compile(
    r"(?i)\b([\w-]*(?:api[_-]?key|token|secret|passw(?:or)?d|credential)[\w-]*[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&]+)"
)
_BEARER = re.compile(r"(?i)\b(authorization[\"']?\s*[=:]\s*[\"']?(?:bearer|basic)?\s*|bearer\s+)([^\s\"',;]+)")
_URL_PASSWORD = re.compile(r"(\w+://[^/\s:@]*:)([^@\s/]+)(@)")
_SHORTEST_SECRET = 6


class Redacting(logging.Formatter):
    """Take secrets out of every line: named ones, passwords in addresses, and the environment's own."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(_FORMAT, "%Y-%m-%d %H:%M:%S")
        self._values = sorted(
            {value for name, value in environ.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET},
            key=len,
            reverse=True,
        )

    def format(self, record: logging.LogRecord) -> str:
        """The record's line and its trace, without secrets."""
        return self.hidden(super().format(record))

    def hidden(self, text: str) -> str:
        """``text`` without secrets."""
        for value in self._values:
            text = text.replace(value, _HIDDEN)
        text = _BEARER.sub(rf"\1{_HIDDEN}", text)
        text = _NAMED_SECRET.sub(rf"\1{_HIDDEN}", text)
        return _URL_PASSWORD.sub(rf"\1{_HIDDEN}\3", text)


class _SharedFile(RotatingFileHandler):
    """A rotating file that notices when another process has rotated it away, and follows."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):
            stream = self.stream
            if stream is not None and not _is_same(stream.fileno(), Path(self.baseFilename)):
                stream.close()
                self.stream = self._open()
        super().emit(record)


def _is_same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def open_log(home: Path, level: str, environ: Mapping[str, str] | None = None) -> None:
    """Send this process's log to the home's file; a home that is not there, or cannot be written, keeps no log."""
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, (_SharedFile, logging.NullHandler))]:
        root.removeHandler(old)
        old.close()
    handler: logging.Handler = logging.NullHandler()
    folder = home / "logs"
    if folder.is_dir():
        with contextlib.suppress(OSError):
            handler = _SharedFile(folder / _LOG, maxBytes=_MAX_BYTES, backupCount=_KEPT, encoding="utf-8")
    handler.setFormatter(Redacting(os.environ if environ is None else environ))
    root.addHandler(handler)
    # Other people's libraries may log what they send: their warnings are enough.
    root.setLevel(logging.WARNING)
    logging.getLogger("foundry_tui").setLevel(level.upper())


def log_is_open() -> bool:
    """Whether this process has a log file to point an operator at."""
    return any(isinstance(handler, _SharedFile) for handler in logging.getLogger().handlers)
