"""The chunks in hand: named in the job's row, so that a worker's death is laid to the right one.

The mark is no transaction of its own: it is part of the progress that every recorded take and every heartbeat writes
anyway, and waits at most ``mark_delay_s`` for one of them. Only in a job that was claimed before, on which a worker
may have died, does a chunk wait until its mark is durable; and chunks that were in hand at two deaths, so that nobody
knows which of them kills, are handed out one at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from foundry_tui.store.chunks import Mark

Place = tuple[int, int]


class InHand:
    """Which places are being worked on by this claim; lives on one loop."""

    def __init__(self, too_many: int) -> None:
        self._too_many = too_many
        self._marks: Mapping[Place, Mark] = {}
        self._in_hand: set[Place] = set()
        self._waiting: set[Place] = set()
        self._recorded: set[Place] = set()
        self._alone: set[Place] = set()
        self._moved = asyncio.Condition()

    def learn(self, marks: Mapping[Place, Mark]) -> None:
        """What earlier deaths say of this production's chunks."""
        self._marks = marks

    @property
    def wary(self) -> bool:
        """Whether workers have died on chunks before, so that marks must be durable first."""
        return bool(self._marks)

    def deaths(self) -> dict[Place, int]:
        """Deaths laid to each chunk under suspicion; 0 where none has a name yet."""
        return {place: mark.deaths for place, mark in self._marks.items() if mark.suspect}

    def places(self) -> list[list[int]]:
        """As the job's row keeps them."""
        return [list(place) for place in sorted(self._in_hand)]

    def take(self, places: Iterable[Place]) -> set[Place]:
        """``places`` is all that the step has in hand now; returns those of them that must be waited for."""
        named = set(places) - self._recorded - self._waiting
        fresh = named - self._in_hand
        suspects = {place for place in fresh if self._suspect(place)}
        self._in_hand = (named - suspects) | (self._in_hand & self._alone)
        self._waiting |= suspects
        return suspects

    def _suspect(self, place: Place) -> bool:
        mark = self._marks.get(place)
        # One with too many deaths is not spoken any more, so it need not wait.
        return mark is not None and mark.suspect and mark.deaths < self._too_many

    async def wait_turn(self, suspects: set[Place]) -> None:
        """Return once no other suspect is in hand; the turn ends when they are recorded, or the caller's task does."""
        task = asyncio.current_task()
        async with self._moved:
            try:
                await self._moved.wait_for(lambda: not self._alone)
            except BaseException:
                self._waiting -= suspects
                raise
            self._waiting -= suspects
            self._alone = set(suspects)
            self._in_hand |= suspects
        if task is not None:
            task.add_done_callback(lambda _: self._release(suspects))

    def record(self, places: Iterable[Place]) -> None:
        """These are out of hand for the rest of this claim."""
        done = set(places)
        self._recorded |= done
        self._in_hand -= done
        if self._alone & done:
            self._release(done)

    def _release(self, places: set[Place]) -> None:
        if not self._alone & places:
            return
        self._in_hand -= self._alone
        self._alone = set()
        self._wake()

    def _wake(self) -> None:
        async def wake() -> None:
            async with self._moved:
                self._moved.notify_all()

        task = asyncio.ensure_future(wake())
        _waking.add(task)
        task.add_done_callback(_waking.discard)


_waking: set[asyncio.Future[None]] = set()  # the loop itself keeps no task alive
