"""A worker that is gone is not said to be at work: not in the queue, and not in the console's head."""

from __future__ import annotations

import os

import pytest

from foundry_tui.cli.productions import _status
from foundry_tui.console.header_facts import _workers
from foundry_tui.console.inner import Glance
from foundry_tui.domain.desk import Counts
from foundry_tui.domain.productions import Production
from foundry_tui.domain.queue import QueueRow
from foundry_tui.domain.status import Status
from foundry_tui.operations.productions import queue_json
from foundry_tui.pipeline.worker_id import new_worker_id

HERE = str(new_worker_id())
DEAD = HERE.replace(f":{os.getpid()}:", ":999999:")


def row(status: Status, worker_id: str | None) -> dict[str, object]:
    made = Production("20250101000001", "alice", "anna", "eng", status)
    return queue_json(QueueRow(made, "Alice", None, "Anna", worker_id=worker_id))


@pytest.mark.parametrize(
    ("status", "worker_id", "said"),
    [
        (Status.PROCESSING, DEAD, "worker gone"),
        (Status.PROCESSING, HERE, "processing"),
        (Status.PROCESSING, "elsewhere:boot.1:7:1.00:x", "processing"),
        (Status.PENDING, DEAD, "pending"),
        (Status.PENDING, None, "pending"),
    ],
    ids=["dead", "alive", "elsewhere", "given back", "nobody's"],  # its own words hold a process's number
)
def test_the_queue_says_whose_worker_is_gone(status: Status, worker_id: str | None, said: str) -> None:
    assert _status(row(status, worker_id)) == said
    assert row(status, worker_id)["worker_gone"] == (said == "worker gone")


def test_the_console_counts_them_apart() -> None:
    def words(*workers: str, gone: int, daemon: int | None = None) -> str:
        return _workers(Glance(Counts({}, 0, 0, workers=workers), 1, "own", 2, daemon, gone_workers=gone))

    assert words("own", gone=0) == "workers 2"
    assert words("own", "a", "b", gone=0) == "workers 2, 2 elsewhere"
    assert words("own", "a", "b", gone=1) == "workers 2, 1 elsewhere, 1 gone"
    assert words("b", gone=1) == "workers 2, 1 gone"
    assert words("a", "b", gone=1, daemon=7) == "workers 2, daemon 7, 1 gone"
