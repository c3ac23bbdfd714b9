"""What a run of a pool did, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field

from foundry_tui.pipeline.context import Ended


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A job some other worker holds: what a run waits for. ``worker`` is as a person would call it."""

    job_id: int
    name: str
    audiobook_id: str
    worker: str


@dataclass(slots=True)
class PoolSummary:
    """Filled while the pool runs; by audiobook_id where it is about productions."""

    outcomes: dict[str, str] = field(default_factory=dict)  # the kind of the last claim's end (see context.Ended)
    messages: dict[str, str] = field(default_factory=dict)  # the last sentence about it
    requeued: tuple[str, ...] = ()  # failed ones put back at the start
    adopted: list[str] = field(default_factory=list)  # put there by raw SQL
    recovered: list[str] = field(default_factory=list)  # sentences
    jobs_run: int = 0

    def took(self, ended: Ended) -> None:
        """Count one claim's end; what another worker took over is its to tell."""
        self.jobs_run += 1
        if ended.kind not in {"lost", "part"}:
            self.outcomes[ended.audiobook_id] = ended.kind
            self.messages[ended.audiobook_id] = ended.message

    def with_outcome(self, kind: str) -> tuple[str, ...]:
        """The productions whose last claim ended so."""
        return tuple(sorted(made for made, ended in self.outcomes.items() if ended == kind))

    @property
    def failed(self) -> tuple[str, ...]:
        """The productions that ended in failure."""
        return self.with_outcome("failed")

    @property
    def finished(self) -> tuple[str, ...]:
        """The productions that are done."""
        return self.with_outcome("finished")
