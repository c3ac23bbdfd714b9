"""The purse: the money ledger as the engines and the steps use it. Every write is on the disk before it is believed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TypeVar

from foundry_tui.domain.money import Charge, SpendStatus, Standing, Ticket
from foundry_tui.errors import DatabaseUnavailable
from foundry_tui.store import spend as rows
from foundry_tui.store.database import Database

_log = logging.getLogger(__name__)
_AWAY_PAUSE_S = 0.5
_AWAY_TRIES = 60
Answer = TypeVar("Answer")


class Purse:
    """Reserves and settles. Caps in micros; None: no cap."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        *,
        production_cap_micros: int | None = None,
        day_cap_micros: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._now = now
        self._day_cap = day_cap_micros
        self._sleep = sleep
        self.production_cap_micros = production_cap_micros

    async def reserve(self, charge: Charge) -> Ticket:
        """Write the price down before the request is sent; raises SpendingCap."""

        async def write() -> Ticket:
            async with self._database.write(synced=True, may_wait=True) as connection:
                return await rows.reserve(connection, charge, day_cap_micros=self._day_cap, now=self._moment())

        return await self._patiently(write)

    async def settle(self, ticket: Ticket, status: SpendStatus) -> None:
        """Write down how a request ended; one whose end nobody knows stays as it is."""
        if status is SpendStatus.RESERVED:
            return

        async def write() -> None:
            async with self._database.write(synced=True) as connection:
                await rows.settle(connection, ticket.spend_id, status, self._moment())

        await self._patiently(write)

    async def found(self, request_key: str, input_key: str) -> None:
        """The sound of a request nobody knew the end of is there: it was paid."""

        async def write() -> None:
            async with self._database.write(synced=True) as connection:
                await rows.found(connection, request_key, input_key, self._moment())

        await self._patiently(write)

    async def delivered(self, input_key: str, prefix: str) -> None:
        """The take made of the requests with this prefix is recorded: if it is ever gone, the chunk is bought anew."""

        async def write() -> None:
            async with self._database.write(synced=True) as connection:
                await rows.delivered(connection, input_key, prefix)

        await self._patiently(write)

    async def paid_requests(self, input_key: str) -> frozenset[str]:
        """The request keys under which a chunk was paid for, but for those whose take is recorded."""

        async def read() -> frozenset[str]:
            async with self._database.read() as connection:
                return await rows.paid_requests(connection, input_key)

        return await self._patiently(read)

    async def paid_keys(self, input_keys: Iterable[str]) -> frozenset[str]:
        """Which of these chunks something was paid for."""
        keys = list(input_keys)

        async def read() -> frozenset[str]:
            async with self._database.read() as connection:
                return await rows.paid_keys(connection, keys)

        return await self._patiently(read)

    async def standing(self, audiobook_id: str, cap_micros: int | None) -> Standing:
        """How a production stands against its cap and today's."""

        async def read() -> Standing:
            async with self._database.read() as connection:
                return await rows.standing(
                    connection,
                    audiobook_id,
                    cap_micros=cap_micros,
                    day_cap_micros=self._day_cap,
                    now=self._moment(),
                )

        return await self._patiently(read)

    def _moment(self) -> float:
        return self._now().timestamp()

    async def _patiently(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """``work``, again while the database cannot be reached: a request that was sent must not go unwritten."""
        for _ in range(_AWAY_TRIES):
            try:
                return await work()
            except DatabaseUnavailable as error:
                _log.warning("the money ledger: %s It is tried again.", error.message)
                await self._sleep(_AWAY_PAUSE_S)
        return await work()
