"""What a database driver raises, said in the words of the error tree."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, IntegrityError

from foundry_tui.errors import DatabaseUnavailable, DiskFull, FoundryError, HomeUnusable, UsageError

_FULL = ("database or disk is full", "no space left", "disk i/o error")
_READ_ONLY = ("readonly database", "read-only", "permission denied")
_CANNOT_OPEN = ("unable to open database file",)
_NO_DATABASE = ("file is not a database", "malformed", "file is encrypted", "unsupported file format")
_TOO_LARGE = ("too large to convert to sqlite integer", "integer out of range", "bigint out of range")
_NO_TABLES = ("no such table", "undefinedtable", "does not exist")


def reason_of(error: BaseException) -> str:
    """The driver's own first line, without SQLAlchemy's wrapping."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def translated(error: DBAPIError, where: str) -> FoundryError | None:
    """The error of the tree that says what ``error`` means, or None where it is the caller's (a broken rule) or ours.

    ``where`` is the database's address without its password.
    """
    if isinstance(error, IntegrityError):
        return None
    reason = reason_of(error)
    said = reason.casefold()
    if any(sign in said for sign in _FULL):
        # A server's own disk cannot be seen from here: only a file's place is one to look at.
        place = {} if "://" in where else {"path": where}
        return DiskFull(f"The database at {where} cannot be written: {reason}.", details=place)
    if any(sign in said for sign in _READ_ONLY):
        return HomeUnusable(f"The database at {where} cannot be written: {reason}.")
    if any(sign in said for sign in _CANNOT_OPEN):
        return HomeUnusable(f"The database at {where} cannot be opened: its folder is missing or closed to you.")
    if any(sign in said for sign in _NO_DATABASE):
        return DatabaseUnavailable(
            f"{where} is not a usable database: {reason}.",
            next_action="Move it aside, or put a backup (*.bak) in its place.",
        )
    if any(sign in said for sign in _TOO_LARGE):
        return UsageError("A number is larger than any that the database can hold.", next_action="Give a smaller one.")
    if "database is locked" in said:
        return DatabaseUnavailable(
            f"The database at {where} stayed locked by another program.",
            next_action="Close the program that holds it open, then try again.",
        )
    if any(sign in said for sign in _NO_TABLES) and "role" not in said and "database" not in said:
        return DatabaseUnavailable(
            f"The database at {where} has not got Foundry's tables: {reason}.",
            next_action="Run `foundry-tui init`.",
        )
    if _is_connection_trouble(error):
        return DatabaseUnavailable(f"The database at {where} cannot be reached: {reason}.")
    return None


def _is_connection_trouble(error: DBAPIError) -> bool:
    return error.connection_invalidated or type(error.orig).__name__ in {
        "OperationalError",
        "ConnectionTimeout",
        "InvalidPassword",
        "InvalidCatalogName",
        "AdminShutdown",
        "CannotConnectNow",
        "TooManyConnections",
    }
