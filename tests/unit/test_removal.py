"""A removal that is broken off half-way leaves files and rows as they were."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from foundry_tui.domain.queue import Removed
from foundry_tui.operations.removal import remove_with_files
from foundry_tui.operations.trash import Removal
from foundry_tui.store.database import Database


async def test_a_removal_cancelled_while_it_moves_puts_everything_back(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "home" / "foundry" / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir(parents=True)
    move = Removal._move

    def slowly(self: Removal, place: Path) -> None:
        move(self, place)
        time.sleep(0.2)

    async def rows(_connection: Any) -> Removed:
        return Removed((), folders=tuple(f"foundry/{folder.name}" for folder in folders))

    monkeypatch.setattr(Removal, "_move", slowly)
    removing = asyncio.create_task(
        remove_with_files(
            database,
            home=tmp_path / "home",
            library=tmp_path / "home" / "library",
            rows=rows,
            what="A book",
            moment=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )
    while folders[0].exists():
        await asyncio.sleep(0.01)
    removing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await removing
    await asyncio.sleep(0.5)  # a thread left behind would still be moving

    assert all(folder.is_dir() for folder in folders)
