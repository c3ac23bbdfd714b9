"""Two workers in two network namespaces, as two machines: one is cut off in the middle of a book, and then healed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from runtimes import Case
from test_runtimes import reference

from foundry_tui.store.database import Database
from foundry_tui.store.upgrade import upgrade
from servers_plugin import PostgresServer, missing, postgres_cluster

NET = "10.213.77"
pytestmark = pytest.mark.torture


def ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)


@dataclass(frozen=True)
class Host:
    """A network namespace with one wire to here, and a host name of its own."""

    name: str
    number: int

    @property
    def wire(self) -> str:
        return f"v{self.name}"

    @property
    def gateway(self) -> str:
        return f"{NET}.{self.number * 4 + 1}"

    def build(self) -> None:
        ip("netns", "add", self.name)
        ip("link", "add", self.wire, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("addr", "add", f"{self.gateway}/30", "dev", self.wire)
        ip("link", "set", self.wire, "up")
        ip("-n", self.name, "addr", "add", f"{NET}.{self.number * 4 + 2}/30", "dev", "eth0")
        ip("-n", self.name, "link", "set", "eth0", "up")
        ip("-n", self.name, "link", "set", "lo", "up")

    def cut(self) -> None:
        ip("link", "set", self.wire, "down")

    def heal(self) -> None:
        ip("link", "set", self.wire, "up")

    def remove(self) -> None:
        ip("netns", "del", self.name, check=False)
        ip("link", "del", self.wire, check=False)

    @property
    def prefix(self) -> list[str]:
        """What makes a command run there."""
        here = 'hostname "$0" && exec "$@"'
        return ["ip", "netns", "exec", self.name, "unshare", "--uts", "sh", "-c", here, self.name]


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("unshare") is None:
        missing("network namespaces need root, iproute2 and util-linux")
    pair = (Host(f"fa{os.getpid() % 10_000}", 1), Host(f"fb{os.getpid() % 10_000}", 2))
    try:
        try:
            for host in pair:
                host.build()
        except subprocess.CalledProcessError as error:
            missing(f"this machine gives no network namespaces: {error.stderr.decode()}")
        yield pair
    finally:
        for host in pair:
            host.remove()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with postgres_cluster("-c", "listen_addresses=*", port=port) as cluster:
        with (cluster.sockets / "data" / "pg_hba.conf").open("a", encoding="ascii") as rules:
            rules.write(f"host all all {NET}.0/24 trust\n")
        cluster.stop()
        cluster.start()
        yield cluster


async def holder(case: Case) -> str:
    """The host that holds the book's own step, once chunks are being spoken."""
    while True:
        rows = await case.rows(
            "SELECT worker_id FROM jobs WHERE status = 'processing' AND name = 'STEP3_audio_generation'"
        )
        if rows and case.requests().total() >= 6 and len(case.speakers()) == 2:
            return str(rows[0]["worker_id"]).partition(":")[0]
        await asyncio.sleep(0.05)


async def test_a_machine_cut_off_in_the_middle_of_a_book(
    hosts: tuple[Host, Host], server: PostgresServer, tmp_path: Path
) -> None:
    local = server.url("house")
    with contextlib.ExitStack() as stack:
        server.run("CREATE DATABASE house")
        database = Database.connect(local)
        await upgrade(database)
        await database.close()
        case = Case(tmp_path / "home", local, "procrastinate", chapters=6, sentences=8)
        stack.callback(case.stop)
        await case.order()
        workers = {}
        for host in hosts:
            case.url = f"postgresql://foundry@{host.gateway}:{server.port}/house"
            workers[host.name] = case.start(host.prefix, latency_s=0.4, lease_s=8.0)
        case.url = local
        case.running.update(worker.pid for worker in workers.values())
        cut = await asyncio.wait_for(holder(case), 60)
        (lost,) = [host for host in hosts if host.name == cut]
        (other,) = [host for host in hosts if host.name != cut]
        lost.cut()
        assert await asyncio.to_thread(workers[other.name].wait, 150) == 0, "the other machine finishes the book alone"
        rows = "SELECT * FROM audio_chunks ORDER BY chapter_number, chunk_index"
        before, jobs = await case.rows(rows), await case.rows("SELECT * FROM jobs ORDER BY job_id")
        lost.heal()
        assert await asyncio.to_thread(workers[lost.name].wait, 90) == 0
        case.running.clear()
        assert await case.rows(rows) == before, "whoever was cut off writes nothing more"
        assert await case.rows("SELECT * FROM jobs ORDER BY job_id") == jobs
        await case.finished(await reference({}, case, tmp_path))
        told = await case.rows("SELECT message FROM audiobook_process_events WHERE kind = 'recovered'")
        assert any(cut in row["message"] for row in told)
