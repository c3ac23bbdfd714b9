"""A ZIP archive from outside: nothing is unpacked to disk, and sizes, ratios and names are checked first."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from urllib.parse import unquote

from foundry_tui.errors import SourceUnreadable
from foundry_tui.text.decode import decode

TOTAL_LIMIT_BYTES = 600 * 1024 * 1024
MEMBER_LIMIT_BYTES = 120 * 1024 * 1024
RATIO_LIMIT = 200
RATIO_FREE_BYTES = 10 * 1024 * 1024
MEMBERS_LIMIT = 20_000


class Archive:
    """Read-only access to the members of a ZIP; every failure is SourceUnreadable."""

    def __init__(self, data: bytes) -> None:
        """Open and check the archive's own table before a byte is unpacked."""
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as broken:
            raise SourceUnreadable(f"The file is no complete ZIP archive: {broken}.") from broken
        members = self._zip.infolist()
        if len(members) > MEMBERS_LIMIT:
            raise SourceUnreadable(f"The archive holds {len(members)} files: more than a book needs.")
        if sum(member.file_size for member in members) > TOTAL_LIMIT_BYTES:
            raise SourceUnreadable("The archive would unpack to more than a book can hold.")
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            name = member.filename.replace("\\", "/")
            if name.startswith("/") or ".." in name.split("/") or "\x00" in name:
                raise SourceUnreadable(f"The archive holds a file outside itself: {name!r}.")
            self._members[posixpath.normpath(name)] = member

    def holds(self, name: str) -> bool:
        """Whether there is a member of that name (percent signs in it may be encoded)."""
        return self._find(name) is not None

    def names(self) -> tuple[str, ...]:
        """Every member's name."""
        return tuple(self._members)

    def read(self, name: str) -> bytes:
        """A member's bytes, never more than the limits allow."""
        member = self._find(name)
        if member is None:
            raise SourceUnreadable(f"The archive holds no {name!r}.")
        size, packed = member.file_size, max(1, member.compress_size)
        if size > MEMBER_LIMIT_BYTES or (size > RATIO_FREE_BYTES and size / packed > RATIO_LIMIT):
            raise SourceUnreadable(f"{name!r} would unpack from {packed} to {size} bytes: that is no book.")
        try:
            with self._zip.open(member) as file:
                data = file.read(size + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            NotImplementedError,
            ValueError,
        ) as broken:
            raise SourceUnreadable(f"{name!r} in the archive is damaged: {broken}.") from broken
        if len(data) > size:
            raise SourceUnreadable(f"{name!r} is larger than the archive says.")
        return data

    def text(self, name: str) -> str:
        """A member as text."""
        return decode(self.read(name))[0]

    def _find(self, name: str) -> zipfile.ZipInfo | None:
        return self._members.get(name) or self._members.get(posixpath.normpath(unquote(name)))
