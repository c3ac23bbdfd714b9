"""The machine's load as the header tells it: calm figures, never waited for, nothing while nothing is made."""

from __future__ import annotations

import asyncio

from foundry_tui.console.load import CpuMeter, RoomFigure
from foundry_tui.errors import DatabaseUnavailable


def test_the_processor_is_told_in_steps_of_five_of_what_was_busy_since() -> None:
    seen = iter([(100.0, 1000.0), (101.0, 1002.0), (101.1, 1002.1), (102.2, 1012.0)])
    meter = CpuMeter(read=lambda: next(seen))
    assert meter.percent() == 50
    assert meter.percent() == 50, "asked again at once it says the same"
    assert meter.percent() == 10, "1.2 of 10 seconds"


def test_where_the_kernel_tells_nothing_the_load_does() -> None:
    assert CpuMeter(read=lambda: None, load=lambda: (1e9, 0.0, 0.0)).percent() == 100

    def untold() -> tuple[float, float, float]:
        raise OSError

    assert CpuMeter(read=lambda: None, load=untold).percent() is None


async def test_the_room_is_reckoned_once_for_many_looks_and_told_when_it_is_known() -> None:
    now, asked, told = [0.0], [], []

    async def reckon() -> int:
        asked.append(now[0])
        now[0] += 0.2
        return 5_000_000

    room = RoomFigure(reckon, lambda: told.append(True), clock=lambda: now[0])
    assert room.bytes_needed(0) == 0
    assert not asked, "an empty queue needs no reckoning"
    assert room.bytes_needed(2) is None
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (room.bytes_needed(2), len(told)) == (5_000_000, 1)
    room.bytes_needed(3)
    await asyncio.sleep(0)
    assert len(asked) == 1, "it rests for fifty times as long as it took"
    now[0] += 15.0
    room.bytes_needed(3)
    await asyncio.sleep(0)
    assert len(asked) == 2
    await room.close()


async def test_a_database_that_is_away_costs_no_header() -> None:
    async def reckon() -> int:
        raise DatabaseUnavailable("It is away.")

    room = RoomFigure(reckon, lambda: None)
    assert room.bytes_needed(1) is None
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert room.bytes_needed(1) is None
    await room.close()
