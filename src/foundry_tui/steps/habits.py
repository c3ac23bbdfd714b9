"""What looks like a bad take and is only the voice's way: found out on a few chunks, then believed of all."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from foundry_tui.audio.check import Flag
from foundry_tui.domain.status import Status
from foundry_tui.domain.takes import Take

# These judge the colour of a sound; a voice may simply have it. Missing or repeated words are never a habit.
_MAY_BE_HABITS = frozenset({"noise", "truncated_end"})
_PROVE_A_HABIT = 8
_CHUNKS_PROVE_A_HABIT = 3  # that show the same in two takes each

Place = tuple[int, int]  # chapter number, chunk index


class Habits:
    """The ways of one voice, as far as its takes have shown them.

    ``kept`` are the takes of this voice that stand already: what most of them show is the voice's own way, and nobody
    has to find that out again.

    Where it is not known yet, no more chunks are asked for again at once than could prove it: with sixteen requests
    under way a voice that never pauses would otherwise cost sixteen takes for nothing, and money where they are sold.
    """

    def __init__(self, kept: Collection[Take] = ()) -> None:
        self._habits = habits_of(kept)  # names of flags, like all names here
        self._refused: dict[Place, set[str]] = {}
        self._shown_again: defaultdict[str, set[Place]] = defaultdict(set)
        self._on_trial: defaultdict[str, set[Place]] = defaultdict(set)
        self._news = asyncio.Event()

    def strange(self, fatal: Sequence[Flag]) -> list[Flag]:
        """Those of ``fatal`` that are no habit."""
        return [flag for flag in fatal if flag.name not in self._habits]

    async def faults(self, place: Place, fatal: Sequence[Flag]) -> list[Flag]:
        """What of ``fatal`` speaks against the take of ``place``: the take has to be refused for it.

        Waits where enough other chunks are being asked for again for the same reason: if they sound so again, this
        take is as good as any.
        """
        excused = self._shown_by(place, fatal)
        while faults := [flag for flag in self.strange(fatal) if flag.name not in excused]:
            named = {flag.name for flag in faults}
            # A chunk asked for again already waits for nobody, or two could wait for each other.
            if place in self._refused or not named <= _MAY_BE_HABITS or all(self._wants(name) for name in named):
                break
            await self._news.wait()
        self._refuse(place, {flag.name for flag in faults})
        return faults

    def settled(self, place: Place) -> None:
        """The chunk at ``place`` has its take, or never will: it proves nothing more."""
        for places in self._on_trial.values():
            places.discard(place)
        self._tell()

    def _shown_by(self, place: Place, fatal: Sequence[Flag]) -> set[str]:
        """What a new take of the same chunk shows again: no bad luck there, and not to be refused.

        Only where it was none on several chunks is it the voice's way everywhere: one text may sound so by itself, or
        be cut twice, and the check would be off for all the others.
        """
        again = {flag.name for flag in fatal} & self._refused.get(place, set()) & _MAY_BE_HABITS
        for name in again:
            self._shown_again[name].add(place)
            if len(self._shown_again[name]) >= _CHUNKS_PROVE_A_HABIT:
                self._habits.add(name)
        if again:
            self._tell()
        return again

    def _wants(self, name: str) -> bool:
        """Whether another chunk would help to tell ``name`` from bad luck."""
        return len(self._on_trial[name] | self._shown_again[name]) < _CHUNKS_PROVE_A_HABIT

    def _refuse(self, place: Place, names: set[str]) -> None:
        if names:
            self._refused.setdefault(place, set()).update(names)
        for name in names & _MAY_BE_HABITS:
            self._on_trial[name].add(place)

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def habits_of(takes: Collection[Take]) -> set[str]:
    """Names of the flags by which most of a voice's believed takes would have been refused; few takes prove nothing."""
    seen = Counter(name for take in takes if take.status is Status.SUCCESS for name in set(take.flags))
    return {name for name in _MAY_BE_HABITS if seen[name] >= _PROVE_A_HABIT and 2 * seen[name] > len(takes)}
