"""A production's steps with what was tried, and windows into its chunks. Runs in the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.desk import ChunkLine, StepStory, Window
from foundry_tui.domain.status import Status
from foundry_tui.store.tables import audio_chunks, jobs, production_steps


async def steps_with_jobs(connection: AsyncConnection, audiobook_id: str) -> list[StepStory]:
    """The steps of a production in order, each with its newest job."""
    step, job = production_steps.c, jobs.c
    query = (
        select(
            step.step_number,
            step.step_name,
            step.position,
            step.status,
            step.started_at,
            step.finished_at,
            step.requeues,
            step.key_parts,
            step.result,
            job.attempt,
            job.max_attempts,
            job.reason,
            job.worker_id,
            job.error_code,
            job.error_message,
            job.error_trace,
            job.progress,
            job.started_at.label("job_started"),
            job.finished_at.label("job_finished"),
        )
        .select_from(production_steps.outerjoin(jobs, job.job_id == step.job_id))
        .where(step.audiobook_id == audiobook_id)
        .order_by(step.position)
    )
    stories = []
    for row in (await connection.execute(query)).mappings():
        begun, ended = row["job_started"], row["job_finished"]
        stories.append(
            StepStory(
                step_number=row["step_number"],
                step_name=row["step_name"],
                position=row["position"],
                status=Status(row["status"]),
                started_at=row["started_at"],
                finished_at=row["finished_at"],
                requeues=row["requeues"],
                attempt=row["attempt"] or 0,
                max_attempts=row["max_attempts"] or 0,
                reason=row["reason"],
                worker_id=row["worker_id"],
                error_code=row["error_code"],
                error_message=row["error_message"],
                error_trace=row["error_trace"],
                progress=row["progress"] or {},
                seconds=max(0.0, ended - begun) if begun and ended else None,
                key_parts=row["key_parts"] or {},
                result=row["result"] or {},
            )
        )
    return stories


_chunk = audio_chunks.c
# All but the measurements: a list of thousands does not need those.
_SHOWN = (
    _chunk.chapter_number,
    _chunk.chunk_index,
    _chunk.status,
    _chunk.key_parts,
    _chunk.take,
    _chunk.attempts,
    _chunk.samples,
    _chunk.sample_rate,
    _chunk.flags,
    _chunk.error,
    _chunk.artifact,
)


async def chunk_window(
    connection: AsyncConnection,
    audiobook_id: str,
    *,
    only: str = "all",
    around: tuple[int, int] | None = None,
    index: int = 0,
    before: int = 60,
    after: int = 120,
) -> Window[ChunkLine]:
    """The chunks around ``around``; ``only`` is all, flagged or failed."""
    where = _chunks(audiobook_id, only)
    count = int(await connection.scalar(select(func.count()).select_from(audio_chunks).where(*where)) or 0)
    at = index
    if around is not None:
        ahead = or_(
            _chunk.chapter_number < around[0],
            and_(_chunk.chapter_number == around[0], _chunk.chunk_index < around[1]),
        )
        at = int(await connection.scalar(select(func.count()).select_from(audio_chunks).where(*where, ahead)) or 0)
    at = max(0, min(at, count - 1))
    first = max(0, at - before)
    lines = await chunk_lines(connection, audiobook_id, only=only, offset=first, limit=before + after)
    return Window(count, first, tuple(lines), at)


async def chunk_lines(
    connection: AsyncConnection, audiobook_id: str, *, only: str = "all", offset: int, limit: int
) -> list[ChunkLine]:
    """``limit`` chunks from the ``offset``-th on, in the order they are heard."""
    query = select(*_SHOWN).where(*_chunks(audiobook_id, only))
    query = query.order_by(_chunk.chapter_number, _chunk.chunk_index).offset(offset).limit(limit)
    return [_chunk_line(row) for row in (await connection.execute(query)).mappings()]


def _chunks(audiobook_id: str, only: str) -> list[ColumnElement[bool]]:
    where = [_chunk.audiobook_id == audiobook_id]
    failed = _chunk.status == Status.FAILED.value
    if only == "failed":
        where.append(failed)
    elif only == "flagged":
        where.append(or_(failed, cast(_chunk.flags, Text).not_in(["[]", "null", ""])))
    return where


def _chunk_line(row: RowMapping) -> ChunkLine:
    parts: Any = row["key_parts"] or {}
    samples, rate = row["samples"], row["sample_rate"]
    return ChunkLine(
        chapter_number=row["chapter_number"],
        chunk_index=row["chunk_index"],
        status=Status(row["status"]),
        text=str(parts.get("text", "")),
        take=row["take"],
        attempts=row["attempts"],
        seconds=samples / rate if samples and rate else None,
        flags=tuple(str(flag) for flag in row["flags"] or ()),
        error=row["error"],
        artifact=row["artifact"],
    )
