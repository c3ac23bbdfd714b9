"""Voices fetched over a line that breaks: gone on from, proven, in place when whole. A real server on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from fakes.press import Press
from foundry_tui.errors import EngineUnreachable, SpeechRejected, UsageError, VoiceMissing
from foundry_tui.voices.download import ATTEMPTS, Digest, Downloads, Part
from foundry_tui.voices.install import Installer, split_name

MODEL = os.urandom(3_000_000)
CONFIG = json.dumps({"audio": {"sample_rate": 22050}, "espeak": {"voice": "en-us"}}).encode()
NAME = "en_US-amy-low"
FOLDER = "en/en_US/amy/low"


class Shop:
    """Serves files by path; ``cuts`` says after how many bytes each of the next model answers breaks off."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {f"{FOLDER}/{NAME}.onnx": MODEL, f"{FOLDER}/{NAME}.onnx.json": CONFIG}
        self.cuts: list[int] = []
        self.ranges: list[str] = []
        self.understands_ranges = True
        self.headers: dict[str, str] = {}
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        data = self.files.get(path)
        if data is None:
            return web.Response(status=404)
        asked = request.headers.get("Range", "")
        large = path.endswith(".onnx")
        if large:
            self.ranges.append(asked)
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.understands_ranges else 0
        if first >= len(data):
            return web.Response(status=416)
        rest = data[first:]
        answer = web.StreamResponse(status=206 if first else 200, headers=self.headers if large else {})
        answer.content_length = len(rest)
        await answer.prepare(request)
        if large and self.cuts:
            await answer.write(rest[: self.cuts.pop(0)])
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
            return answer
        await answer.write(rest)
        return answer

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/{path:.*}", self.serve)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner


@pytest.fixture
def shop() -> Iterator[Shop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    found = Shop()
    runner = asyncio.run_coroutine_threadsafe(found.start(), loop).result()
    yield found
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


def part(shop: Shop, digest: Digest | None = None) -> Part:
    return Part(f"{shop.url}/{FOLDER}/{NAME}.onnx", f"{NAME}.onnx", digest)


async def test_a_broken_line_is_gone_on_from(tmp_path: Path, shop: Shop) -> None:
    shop.cuts = [1_000_000, 700_000]
    seen: list[tuple[int, int | None]] = []
    downloads = Downloads(tmp_path, sleep=at_once, on_progress=lambda _, done, total: seen.append((done, total)))
    digest = Digest("sha256", hashlib.sha256(MODEL).hexdigest())
    fetched = await downloads.fetch(part(shop, digest))
    assert fetched.path.read_bytes() == MODEL
    assert fetched.proven
    assert shop.ranges[0] == ""
    first, second = (int(asked.removeprefix("bytes=").rstrip("-")) for asked in shop.ranges[1:])
    assert 0 < first <= 1_000_000
    assert first < second <= 1_700_000
    assert seen[-1] == (len(MODEL), len(MODEL))
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.onnx"]


async def test_a_line_that_keeps_breaking_is_an_error_and_the_next_run_goes_on(tmp_path: Path, shop: Shop) -> None:
    shop.cuts = [100_000] * ATTEMPTS
    downloads = Downloads(tmp_path, sleep=at_once)
    with pytest.raises(EngineUnreachable) as raised:
        await downloads.fetch(part(shop))
    assert "goes on where it stopped" in raised.value.action
    assert not (tmp_path / f"{NAME}.onnx").exists(), "nothing half is in its place"
    asked = len(shop.ranges)
    assert (await downloads.fetch(part(shop))).path.read_bytes() == MODEL
    assert shop.ranges[asked] != ""


async def test_a_server_without_ranges_begins_anew(tmp_path: Path, shop: Shop) -> None:
    shop.understands_ranges, shop.cuts = False, [500_000]
    assert (await Downloads(tmp_path, sleep=at_once).fetch(part(shop))).path.read_bytes() == MODEL


async def test_a_wrong_checksum_leaves_nothing(tmp_path: Path, shop: Shop) -> None:
    shop.files[f"{FOLDER}/{NAME}.onnx.sha256"] = b"0" * 64 + b"  model.onnx\n"
    with pytest.raises(SpeechRejected, match="checksum"):
        await Downloads(tmp_path, sleep=at_once).fetch(part(shop))
    assert list(tmp_path.iterdir()) == []


async def test_checksums_are_taken_from_wherever_they_are_offered(tmp_path: Path, shop: Shop) -> None:
    downloads = Downloads(tmp_path, sleep=at_once)
    assert not (await downloads.fetch(part(shop))).proven
    shop.headers = {"X-Linked-Etag": f'"{hashlib.sha256(MODEL).hexdigest()}"'}
    assert (await downloads.fetch(part(shop))).proven
    shop.headers = {"X-Linked-Etag": f'"{"1" * 64}"'}
    with pytest.raises(SpeechRejected):
        await downloads.fetch(part(shop))
    shop.headers = {}
    assert (await downloads.fetch(part(shop, Digest("md5", hashlib.md5(MODEL).hexdigest())))).proven


async def test_a_catalog_says_where_files_are_and_what_they_come_to(tmp_path: Path, shop: Shop) -> None:
    moved = f"elsewhere/{NAME}.onnx"
    shop.files[moved] = MODEL
    facts = {"size_bytes": len(MODEL), "md5_digest": hashlib.md5(MODEL).hexdigest()}
    files = {moved: facts, f"{FOLDER}/{NAME}.onnx.json": {"size_bytes": len(CONFIG)}}
    shop.files["voices.json"] = json.dumps({NAME: {"language": {"code": "en_US"}, "files": files}}).encode()
    installer = Installer("piper", {"download_url": shop.url, "models": str(tmp_path)})
    (offer,) = await installer.offers()
    assert (offer.voice, offer.installed, offer.size_bytes) == (NAME, False, len(MODEL) + len(CONFIG))
    config, model = await installer.install(NAME)
    assert model.proven
    assert config.path.read_bytes() == CONFIG
    assert (await installer.offers())[0].installed
    with pytest.raises(VoiceMissing) as raised:
        await installer.install("en_US-any-low")
    assert NAME in raised.value.action


async def test_what_cannot_be_installed_is_said(tmp_path: Path, shop: Shop) -> None:
    with pytest.raises(UsageError, match="espeak"):
        Installer("espeak", {})
    with pytest.raises(UsageError, match="which voice"):
        split_name("piper")
    assert split_name("kokoro") == ("kokoro", "")
    installer = Installer("piper", {"download_url": shop.url, "models": str(tmp_path)})
    with pytest.raises(UsageError, match="amy"):
        await installer.install("../amy")
    with pytest.raises(VoiceMissing):
        await installer.install("fr_FR-nobody-low")
    with pytest.raises(VoiceMissing, match="holds no"):
        await installer.install_from(NAME, tmp_path)


def test_the_verb_installs_and_lists(tmp_path: Path, shop: Shop) -> None:
    shop.cuts = [900_000]
    models = tmp_path / "models"
    press = Press(tmp_path / "home", {"FOUNDRY_PIPER_MODELS": str(models), "FOUNDRY_PIPER_DOWNLOAD_URL": shop.url})
    done = press.run("voices", "install", f"piper:{NAME}", "--sha256", hashlib.sha256(MODEL).hexdigest())
    assert "checksum right" in done.stdout
    assert f"{NAME}.onnx: 3.0 of 3.0 MB" in done.stderr
    assert (models / f"{NAME}.onnx").read_bytes() == MODEL
    other = tmp_path / "others"
    press.environment["FOUNDRY_PIPER_MODELS"] = str(other)
    press.run("voices", "install", f"piper:{NAME}", "--from", str(models))
    assert (other / f"{NAME}.onnx.json").read_bytes() == CONFIG
    assert "espeak" in press.run("voices", "--language", "eng").stdout
    assert press.run("voices", "list", "--language", "eng", "--json").stdout.startswith("[")


def test_an_unknown_engine_or_voice_names_what_is_near(tmp_path: Path) -> None:
    press = Press(tmp_path / "home")
    press.run("init")
    wrong = press.run("voices", "--engine", "espaek", expect=2)
    assert "Did you mean espeak?" in wrong.stderr
    facts = ("--name", "Nora", "--language", "eng", "--engine", "espeak", "--voice", "en-gd")
    wrong = press.run("narrator", "add", "nora2", *facts, expect=2)
    assert "Near it: en-gb" in wrong.stderr
