"""Who works here: a name for this process that tells, on the same machine, whether it still lives."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PARTS = 5
_START_TICKS = 19  # the 22nd field, counted behind the name in parentheses
_SAME_START_S = 0.05  # start times of one process agree far better than this; a reused pid is seconds later
_SINCE_1970_S = 1e9  # start times from here on are moments of the wall clock, as older names have them


@dataclass(frozen=True, slots=True)
class WorkerId:
    """host, boot, pid and process start name one process of all time; the uuid tells two pools in it apart.

    ``started`` is in seconds since the boot where the system tells it so (Linux), else since 1970.
    """

    host: str
    boot: str
    pid: int
    started: float
    unique: str

    def __str__(self) -> str:
        """``host:boot:pid:started:uuid``."""
        return f"{self.host}:{self.boot}:{self.pid}:{self.started:.2f}:{self.unique}"

    @classmethod
    def parse(cls, text: str) -> WorkerId | None:
        """The parts of a written name; None where it is none of ours."""
        parts = text.rsplit(":", _PARTS - 1)
        if len(parts) != _PARTS:
            return None
        try:
            return cls(parts[0], parts[1], int(parts[2]), float(parts[3]), parts[4])
        except ValueError:
            return None


def new_worker_id() -> WorkerId:
    """A name for a pool of this process."""
    pid = os.getpid()
    return WorkerId(_host(), boot_id(), pid, _started_s(pid), uuid.uuid4().hex[:8])


def _started_s(pid: int, *, by_the_clock: bool = False) -> float:
    """When a process began. psutil reckons from the wall clock, and gives a living process another start once that is
    set: by NTP after the boot, after a suspend. The kernel's own count from the boot stays as it was (proc(5), stat).
    """
    if not by_the_clock:
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            return int(fields[_START_TICKS]) / os.sysconf("SC_CLK_TCK")
        except FileNotFoundError:
            pass  # gone, or no Linux: psutil says which
    return float(psutil.Process(pid).create_time())


def _host() -> str:
    return socket.gethostname().replace(":", "_")[:64]


@lru_cache(maxsize=1)
def boot_id() -> str:
    """What changes whenever this machine starts anew, and the pid namespace: containers of one host share the boot."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip().replace("-", "")[:16]
    except OSError:
        boot = f"b{psutil.boot_time():.0f}"
    return f"{boot}.{_pid_namespace()}"


def _pid_namespace() -> str:
    try:
        return Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return "0"


def is_dead(worker_id: str) -> bool:
    """Whether a worker of this host and boot is gone for sure; a stopped one lives, another host's may.

    A worker of this host from before it last started is dead; so is a zombie, which waits only to be reaped.
    """
    worker = WorkerId.parse(worker_id)
    if worker is None or worker.host != _host():
        return False
    boot, _, namespace = worker.boot.partition(".")
    own_boot, _, own_namespace = boot_id().partition(".")
    if boot != own_boot:
        return True
    if namespace != own_namespace:
        return False  # its pids mean nothing here
    try:
        started_s = _started_s(worker.pid, by_the_clock=worker.started >= _SINCE_1970_S)
        if abs(started_s - worker.started) > _SAME_START_S:
            return True
        return bool(psutil.Process(worker.pid).status() == psutil.STATUS_ZOMBIE)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return True
    except psutil.AccessDenied:
        return False


def spoken_name(worker_id: str | None) -> str:
    """A worker as a person would call it: ``process 4711 on press-1``."""
    worker = WorkerId.parse(worker_id or "")
    return f"process {worker.pid} on {worker.host}" if worker else (worker_id or "an unknown worker")
