"""How a worker pool behaves, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Every time the pipeline keeps, in seconds; the defaults are the promises of the design."""

    workers: int = 2  # jobs at once; chunks in flight are the step's own affair
    lease_s: float = 60.0
    heartbeat_s: float = 15.0
    fence_after: float = 0.75  # of a lease without a heartbeat: stop and write nothing more
    progress_s: float = 1.0  # the database sees a job's progress at most this often
    control_s: float = 2.0  # how often a quiet job asks whether it is to stop
    poll_min_s: float = 0.5
    poll_max_s: float = 5.0
    reconcile_s: float = 5.0
    turn_wait_s: float = 30.0  # a job handed in whose turn does not come here is let go, for another machine
    drain_s: float = 30.0
    retry_base_s: float = 5.0
    retry_cap_s: float = 300.0
    retry_floor_s: float = 1.0
    longest_wait_s: float = 3600.0  # whatever a server asks for; what is scheduled later, a clock set back has left so
    deaths_before_poison: int = 3  # workers lost in a row without progress
    chunk_deaths_before_poison: int = 2
    most_send_backs: int = 2  # a run of a production may go back to an earlier step this often
    part_chunks: int = 0  # chunks of a part, where a book is spoken by several workers at once; 0: by one
    sync_s: float = 1.0  # what was committed longer ago than this survives a power cut
    mark_delay_s: float = 0.1  # chunks in hand wait this long for a transaction to ride on
    room_margin_bytes: int = 64 * 1024 * 1024  # this much more than was wanting must be free before a step goes on
    room_again_s: float = 60.0  # between tries where free space cannot be measured: a quota, a server's disk
    room_patience_s: float = 900.0  # a run with nothing else to do waits this long for room on the disk
