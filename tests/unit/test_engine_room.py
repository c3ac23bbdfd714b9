"""The open engines of a process: what their breakers do is told, and nothing that costs money speaks unnoted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from fakes.standin_engine import StandinEngine
from foundry_tui.engine_room import EngineRoom
from foundry_tui.errors import EngineRefused, EngineUnknown, EngineUnreachable
from foundry_tui.settings import Settings, load_settings
from foundry_tui.store.database import Database
from foundry_tui.voices import breaker as breakers
from foundry_tui.voices import engines
from foundry_tui.voices.protocol import VoiceSettings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, environ={})


async def told(database: Database) -> list[tuple[str, str]]:
    return [
        (row["kind"], row["level"]) for row in await database.fetch("SELECT kind, level FROM app_events ORDER BY seq")
    ]


async def test_a_breaker_tells_the_event_log(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = {"is": True}
    engine = StandinEngine(fail=lambda *_: EngineUnreachable("The line is dead.") if down["is"] else None)
    monkeypatch.setattr(engines, "open_engine", lambda _name, _options: engine)
    room = EngineRoom(settings, database)
    guard = await room.get("espeak")
    for number in range(10):
        guard.breaker.failed(EngineUnreachable(f"The line is dead, {number}."))
    assert guard.breaker.state == breakers.OPEN
    guard.breaker._until = 0.0
    down["is"] = False
    await guard.synthesize("Hello", "one", VoiceSettings())
    await room.close()
    assert await told(database) == [
        ("breaker_open", "warning"),
        ("breaker_half_open", "info"),
        ("breaker_closed", "info"),
    ]
    (row,) = await database.fetch("SELECT message, details FROM app_events WHERE kind = 'breaker_open'")
    assert "The line is dead, 9." in row["message"]
    assert "engine_unreachable" in str(row["details"])


async def test_without_a_database_nothing_that_costs_money_speaks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = StandinEngine()
    engine.profile = dataclasses.replace(engine.profile, cost_per_million_characters=15.0)
    monkeypatch.setattr(engines, "open_engine", lambda _name, _options: engine)
    room = EngineRoom(settings)
    with pytest.raises(EngineRefused, match="ledger"):
        await (await room.get("openai")).synthesize("Hello", "one", VoiceSettings())
    assert not engine.spoken
    await room.close()


async def test_an_audition_is_a_purchase_of_its_own(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = StandinEngine()
    engine.profile = dataclasses.replace(engine.profile, cost_per_million_characters=15.0)
    monkeypatch.setattr(engines, "open_engine", lambda _name, _options: engine)
    room = EngineRoom(settings, database)
    guard = await room.get("openai")
    for _ in range(2):
        await guard.synthesize("Hello there", "one", VoiceSettings())
    rows = await database.fetch("SELECT audiobook_id, status, price_micros FROM spend")
    assert [tuple(row.values()) for row in rows] == [("", "paid", 165)] * 2
    await room.close()


async def test_an_unknown_engine_names_what_is_near(settings: Settings) -> None:
    with pytest.raises(EngineUnknown, match="Did you mean elevenlabs"):
        await EngineRoom(settings).get("elevenlab")
