"""The jobs of a home: listed with what each stands for, one tried again or cancelled by its number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from foundry_tui.domain.status import Status
from foundry_tui.pipeline.contract import Recipe
from foundry_tui.pipeline.worker_id import spoken_name
from foundry_tui.store import job_queries as rows
from foundry_tui.store.database import Database
from foundry_tui.store.job_queries import JobRow
from foundry_tui.store.productions import get_production

_PAGE = 500


class Jobs:
    """What an operator may ask of jobs."""

    def __init__(
        self, database: Database, recipes: Callable[[], Mapping[str, Recipe]], now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._recipes = recipes
        self._now = now

    async def list(
        self,
        *,
        statuses: Sequence[Status] = (),
        reason: str | None = None,
        audiobook_id: str | None = None,
        limit: int = 200,
    ) -> tuple[JobRow, ...]:
        """At most ``limit`` jobs, newest first. Raises NotFound for a production that is not there."""
        found: list[JobRow] = []
        async with self._database.read() as connection:
            if audiobook_id is not None:
                await get_production(connection, audiobook_id)
            while len(found) < limit:
                page = await rows.list_jobs(
                    connection,
                    statuses=statuses,
                    reason=reason,
                    audiobook_id=audiobook_id,
                    before=found[-1].job.job_id if found else None,
                    limit=min(_PAGE, limit - len(found)),
                )
                if not page:
                    break
                found += page
        return tuple(found)

    async def show(self, job_id: int) -> JobRow:
        """One job; raises NotFound."""
        async with self._database.read() as connection:
            return await rows.get_job(connection, job_id)

    async def retry(self, job_id: int) -> int:
        """Try a failed or cancelled job again, poisoned ones too; the new job. Raises NotFound and Conflict."""
        plans = {name: recipe.steps for name, recipe in self._recipes().items()}
        async with self._database.write() as connection:
            return await rows.retry_job(connection, job_id, plans, self._now().timestamp())

    async def cancel(self, job_id: int) -> bool:
        """True when it is cancelled now, False when its worker stops at the next chunk. Raises NotFound, Conflict."""
        async with self._database.write() as connection:
            return await rows.cancel_job(connection, job_id, self._now().timestamp())


def job_json(row: JobRow) -> dict[str, Any]:
    """As ``jobs list --json`` and ``jobs show --json`` print it; times are UTC, ISO 8601."""
    job = row.job
    return {
        "job_id": job.job_id,
        "status": str(job.status),
        "reason": job.reason,
        "paused": job.paused,
        "poisoned": row.poisoned,
        "current": row.current,
        "step": job.name,
        "audiobook_id": row.audiobook_id,
        "book_id": row.book_id,
        "title": row.book_name,
        "priority": job.priority,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "deaths": job.deaths,
        "worker": spoken_name(job.worker_id) if job.worker_id else None,
        "lease_expires_at": _moment(job.lease_expires_at),
        "run_after": _moment(job.run_after),
        "created_at": _moment(job.created_at),
        "started_at": _moment(job.started_at),
        "finished_at": _moment(job.finished_at),
        "progress": dict(job.progress),
        "error_code": job.error_code,
        "error": job.error_message,
        "trace": job.error_trace,
    }


def _moment(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None
