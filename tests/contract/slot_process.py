"""``python slot_process.py URL LOG speak|hang``: requests through two shared slots, each noted as + and - in LOG."""

from __future__ import annotations

import asyncio
import os
import sys

from foundry_tui.pipeline.slots import SharedEngine
from foundry_tui.store.database import Database


async def main() -> None:
    url, log, what = sys.argv[1:]
    database = Database.connect(url)
    shared = SharedEngine(database, "engine:x", concurrency=2)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def speak() -> None:
        async with shared.turn():
            if what == "hang":
                await asyncio.Event().wait()
            os.write(file, b"+ ")
            await asyncio.sleep(0.01)
            os.write(file, b"- ")

    speaking = asyncio.gather(*(speak() for _ in range(8)))
    if what == "hang":
        while len(await database.fetch("SELECT 1 FROM resource_slots WHERE holder IS NOT NULL")) < 2:
            await asyncio.sleep(0.02)
        print("holds", flush=True)  # noqa: T201
    await speaking
    await shared.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
