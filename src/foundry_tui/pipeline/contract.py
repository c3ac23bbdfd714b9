"""What a step is to the pipeline, and what the pipeline is to a step.

A recipe is a list of steps; a step turns named artifacts into named artifacts. The pipeline claims it, keeps its
lease, fences its writes, retries it and tells its story; it knows no step by name. Recipes are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.corrections import Corrections
from foundry_tui.domain.productions import Production, Step
from foundry_tui.domain.status import Level
from foundry_tui.domain.takes import Take


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is; ``done`` of ``total`` in ``unit``, and seconds of audio made so far by this run."""

    done: int = 0
    total: int = 0
    unit: str = "chunks"
    audio_s: float = 0.0
    message: str = ""
    waits_for: str = ""  # what it stands still for: room on the disk


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What a step hands back: ``result`` for the steps after it, ``totals`` merged into its production."""

    result: Mapping[str, Any]
    message: str
    totals: Mapping[str, Any] = field(default_factory=dict)
    published: bool = False  # sets the production's publish_date in the same transaction
    manifest_sha: str | None = None


class Parts(Protocol):
    """Chunks of this run handed out to whoever has a worker free; only their takes come back."""

    async def hand_out(self, places: Sequence[tuple[int, int]], brief: Mapping[str, Any]) -> None:
        """Offer chunks, in order, in parts; those that an earlier run has handed out already are left out.

        ``brief`` is what whoever takes a part must agree with.
        """
        ...

    async def take_back(self) -> Sequence[tuple[int, int]]:
        """The chunks of one part nobody has begun: the caller's to speak now. Empty when none waits."""
        ...

    async def ended(self) -> Sequence[Take]:
        """The takes of parts that have ended elsewhere since this was last asked."""
        ...

    @property
    def open(self) -> bool:
        """Whether a part has not ended yet, as far as ``ended`` last saw."""
        ...

    async def wait(self) -> None:
        """Let the time pass after which it is worth while to ask again."""
        ...


class StepContext(Protocol):
    """One claimed run of one step. Every durable write here carries the fence; LeaseLost is raised when it is stale."""

    production: Production
    book: Book
    narrator: Narrator
    step: Step
    attempt: int
    worker_id: str
    results: Mapping[str, Mapping[str, Any]]  # by step_name, of the steps before this one

    @property
    def parts(self) -> Parts | None:
        """What of this run others may do; None where it does all of its work itself."""
        ...

    async def event(
        self,
        kind: str,
        message: str,
        *,
        level: Level = Level.INFO,
        details: Mapping[str, Any] | None = None,
        step_name: str | None = None,
    ) -> None:
        """Append an event under this step (``step_name`` names a phase of it)."""
        ...

    def progress(self, progress: Progress) -> None:
        """Tell how far the step is; cheap, coalesced, never one write a tick."""
        ...

    def checkpoint(self) -> None:
        """Call at every chunk border: raises Draining, Cancelled or LeaseLost when no new chunk may be begun."""
        ...

    async def takes(self) -> Mapping[tuple[int, int], Take]:
        """Every take of this production by (chapter number, chunk index)."""
        ...

    async def record(self, takes: Sequence[Take]) -> None:
        """Insert or replace takes; a successful one counts as durable progress."""
        ...

    async def begin_chunks(self, places: Iterable[tuple[int, int]]) -> None:
        """Name the chunks in hand, so that a worker's death is laid to them (poison: two deaths on the same chunk)."""
        ...

    async def takes_lost(self) -> Mapping[tuple[int, int], int]:
        """Deaths of workers laid to each chunk under suspicion (0: none has a name yet); cheap, kept in memory.

        Speak these last, the most suspicious of them first; one with two deaths is to be given up.
        """
        ...

    async def forget_takes(self, keep: Iterable[tuple[int, int]]) -> None:
        """Drop the rows of chunks the book no longer has; ``keep`` are those it still has."""
        ...

    async def find_takes(self, input_keys: Sequence[str]) -> Mapping[str, Take]:
        """Successful takes of any production by their key: audio is found wherever the chunk moved."""
        ...

    async def corrections(self) -> Corrections:
        """What the operator decided about the words of this production's book, in its language."""
        ...

    async def send_back(self, step_name: str, reason: str, places: Iterable[tuple[int, int]] = ()) -> None:
        """Make an earlier step (and its chunks at ``places``) pending again, and this one wait for it.

        Costs no attempt, happens at most twice a run of the production; raises Interrupted so that this run ends here.
        """
        ...

    async def durable(self) -> None:
        """Say that something durable was finished besides takes: it resets the count of attempts."""
        ...


class StepHandler(Protocol):
    """The work of one step. All three may be called again at any time after a crash."""

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        """Everything the result depends on, as named parts: the step's key is their hash."""
        ...

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        """Whether the artifacts of an earlier run with the same key still stand (sizes and times, no hashing)."""
        ...

    async def run(self, context: StepContext) -> StepOutcome:
        """Do the work; raises FoundryError, whose ``retryable`` decides what happens next."""
        ...


@runtime_checkable
class LooksAhead(Protocol):
    """A step that can say beforehand what running now would cost."""

    async def ahead(self, context: StepContext, *, closely: bool = False) -> Sequence[str]:
        """What a run would do that is not done yet, in words; changes nothing. ``closely``: seconds may be spent."""
        ...


@runtime_checkable
class PartHandler(Protocol):
    """The work of a step that others can do parts of."""

    async def run_part(self, context: StepContext, places: Sequence[tuple[int, int]], brief: Mapping[str, Any]) -> str:
        """Make and record the takes at ``places``, those that failed too; returns what was done, in words."""
        ...


@dataclass(frozen=True, slots=True)
class StepSpec:
    """A step's place in a recipe. ``needs``: "cpu", or "engine" where it speaks with its narrator's."""

    number: str  # STEP1_parsing
    name: str  # parsing
    handler: StepHandler
    max_attempts: int = 3
    needs: str = "cpu"


@dataclass(frozen=True, slots=True)
class Recipe:
    """An ordered list of steps with a name."""

    name: str
    steps: tuple[StepSpec, ...]

    def position(self, number_or_name: str) -> int:
        """Place of a step, counted from 0, by ``STEP3_audio_generation``, ``audio_generation``, ``STEP3`` or ``3``."""
        wanted = number_or_name.strip().casefold()
        for place, step in enumerate(self.steps):
            head, _, _ = step.number.partition("_")
            if wanted in {
                step.number.casefold(),
                step.name.casefold(),
                head.casefold(),
                head.casefold().removeprefix("step"),
            }:
                return place
        raise KeyError(number_or_name)
