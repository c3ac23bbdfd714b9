"""logs/foundry.log: rotating, shared by every process of a home; never book text, never secrets."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path

from foundry_tui.pipeline.redact import redacted

_LOG = "foundry.log"
_MAX_BYTES = 5_000_000
_KEPT = 5
_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s %(process)d %(name)s: %(message)s"


class Redacting(logging.Formatter):
    """Take secrets out of every line: named ones, passwords in addresses, and the environment's own."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(_FORMAT, "%Y-%m-%d %H:%M:%S")
        self._environ = environ

    def format(self, record: logging.LogRecord) -> str:
        """The record's line and its trace, without secrets."""
        return redacted(super().format(record), self._environ)


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
