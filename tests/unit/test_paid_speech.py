"""Speech that costs money, through the real steps: what is paid for is kept, what is refused is free, fallbacks show."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fakes.house import MADE, QUICK, House, Speaker, open_house
from fakes.standin_engine import StandinEngine
from foundry_tui.audio.take_file import write_take
from foundry_tui.domain.books import Narrator
from foundry_tui.domain.money import Charge, SpendStatus, Ticket, dollars, price_micros
from foundry_tui.errors import (
    ArtifactBroken,
    DiskFull,
    EngineBusy,
    EngineDown,
    EngineMissing,
    EngineRefused,
    EngineUnreachable,
    FoundryError,
    NotFound,
    SpeechRejected,
    SpendingCap,
    TextRefused,
    UsageError,
    VoiceMissing,
)
from foundry_tui.operations.forecast import Forecast
from foundry_tui.operations.money import Money
from foundry_tui.operations.purse import Purse
from foundry_tui.operations.redo import Redo
from foundry_tui.pipeline.contract import Recipe
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.steps import paid_takes
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.steps.recipes import build_recipes
from foundry_tui.steps.space import free_bytes
from foundry_tui.steps.toolbox import StepSettings, Toolbox
from foundry_tui.storage import LocalLibrary
from foundry_tui.store import roster
from foundry_tui.store.retake import next_takes
from foundry_tui.store.tables import audiobook_productions, narrators
from foundry_tui.text.options import ParseOptions
from foundry_tui.voices.guard import GuardedEngine
from foundry_tui.voices.protocol import Speech, VoiceSettings
from foundry_tui.voices.till import CHARGED, Order, owed

PRICE = 20.0


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuPool]:
    pool = CpuPool()
    yield pool
    pool.close()


@dataclasses.dataclass
class Dear(Speaker):
    """A speaker that costs money."""

    name: str = "standin"
    natural_takes: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.profile = dataclasses.replace(self.profile, name=self.name, cost_per_million_characters=PRICE)


class DearHouse:
    """A house whose engine costs money, and which knows a second engine and narrator."""

    def __init__(self, house: House, purse: Purse, others: dict[str, StandinEngine] | None = None) -> None:
        self.house = house
        self.purse = purse
        self.others = others or {}
        self.gone = False  # the narrator's own engine

    async def get(self, name: str) -> GuardedEngine:
        async def soon(_: float) -> None:
            await asyncio.sleep(0)

        engine = self.others.get(name) if name != "standin" else None if self.gone else self.house.speaker
        if engine is None:
            raise EngineMissing(f"There is no {name} here.")
        return GuardedEngine(engine, attempts=2, sleep=soon, till=self.purse)

    async def narrator(self, narrator_id: str) -> Narrator:
        async with self.house.database.read() as connection:
            return await roster.get_narrator(connection, narrator_id)

    def recipes(self) -> Mapping[str, Recipe]:
        tools = Toolbox(
            home=self.house.home,
            trash=lambda: self.house.home / "trash",
            engines=self,
            cpu=self.house.cpu,
            library=LocalLibrary(self.house.home / "library"),
            settings=StepSettings(default_engine="standin", mastering_profile="r128"),
            free_bytes=free_bytes,
            purse=self.purse,
            narrator=self.narrator,
        )
        return build_recipes(tools)

    async def run(self) -> None:
        await WorkerPool(self.house.database, self.recipes(), settings=QUICK).run_until_idle()

    async def foretold(self, *retaken: tuple[int, int]) -> str:
        """What speaking the book again would do."""
        told = await Forecast(self.house.database, self.recipes, lambda: datetime.now(UTC)).of(MADE, retaken=retaken)
        return "; ".join(next(step.reasons for step in told if step.step_number.startswith("STEP3")))


def purse_of(house: House, cap: int | None = None) -> Purse:
    return Purse(house.database, lambda: datetime.now(UTC), production_cap_micros=cap)


async def ledger(house: House) -> dict[str, int]:
    rows = await house.database.fetch("SELECT status, count(*) AS n FROM spend GROUP BY status")
    return {row["status"]: row["n"] for row in rows}


async def test_a_refused_take_is_kept_and_bought_again_aloud(tmp_path: Path, cpu: CpuPool) -> None:
    def half(text: str, nth: int):  # type: ignore[no-untyped-def]
        return (lambda pcm: pcm[: len(pcm) // 6 * 2]) if "one of chapter one" in text and nth == 1 else None

    async with open_house(tmp_path, cpu, Dear(spoil=half)) as house:
        await DearHouse(house, purse_of(house)).run()
        assert await house.value("SELECT status FROM audiobook_productions") == "success"
        texts = await house.value("SELECT count(DISTINCT input_key) FROM audio_chunks")
        assert await ledger(house) == {"paid": texts + 1}
        (again,) = await house.told("retake")
        assert "more: " in again
        assert "$" in again
        kept = list((tmp_path / "foundry/small/eng/anna/paid").glob("*.flac"))
        assert [path.stem.split("-")[1] for path in kept] == ["1"], "the refused take is kept"
        (price,) = await house.told("price")
        assert f"{texts} chunks" in price
        totals = await house.value("SELECT totals FROM audiobook_productions")
        assert '"requests": ' + str(texts + 1) in str(totals)


async def test_a_refused_take_that_is_judged_again_is_not_promised_for_nothing(tmp_path: Path, cpu: CpuPool) -> None:
    def half(text: str, nth: int):  # type: ignore[no-untyped-def]
        return (lambda pcm: pcm[: len(pcm) // 6 * 2]) if "one of chapter one" in text and nth == 1 else None

    def closed(text: str, nth: int) -> Exception | None:
        return EngineRefused("The account is closed.") if "one of chapter one" in text and nth == 2 else None

    async with open_house(tmp_path, cpu, Dear(spoil=half, fail=closed)) as house:
        dear = DearHouse(house, purse_of(house))
        await dear.run()
        bad = next(text for text in house.speaker.spoken if "one of chapter one" in text)
        house.speaker.fail = None
        await house.requeue("audio_generation")
        await dear.run()
        assert await house.value("SELECT status FROM audiobook_productions") == "success"
        first, again = await house.told("price")
        assert "before a stop" not in first
        assert f"if it is no good, new takes cost up to {dollars(price_micros(2 * len(bad), PRICE))} more" in again


async def test_an_order_says_its_price_and_whether_its_cap_can_hold_it(tmp_path: Path, cpu: CpuPool) -> None:
    async with open_house(tmp_path, cpu, Dear()) as house:
        dear = DearHouse(house, purse_of(house, cap=1_000))
        parts = {"default_engine": "standin", "default_narrator": None, "options": ParseOptions()}
        money = Money(house.database, house.home, dear.purse, dear.get, **parts)  # type: ignore[arg-type]
        price = await money.price("small", narrator="anna")
        assert price is not None
        assert price.micros
        assert f"It costs {dollars(price.micros)} at most, takes that have to be repeated apart" in price.sentence()
        assert "cap of $0.001 cannot hold that" in str(money.over_cap(price, None))
        assert money.over_cap(price, 0) is None, "no cap"
        assert money.over_cap(price, price.micros / 1_000_000) is None
        assert money.over_cap(price, price.micros / 1_000_000 - 0.001) is not None


async def test_a_retake_is_foretold_with_all_that_it_buys(tmp_path: Path, cpu: CpuPool) -> None:
    async with open_house(tmp_path, cpu, Dear()) as house:
        dear = DearHouse(house, purse_of(house))
        await dear.run()
        chunks = await house.value("SELECT count(*) FROM audio_chunks")
        texts = await house.database.fetch(
            "SELECT chunk_index, artifact FROM audio_chunks WHERE chapter_number = 2 ORDER BY chunk_index"
        )
        assert await dear.foretold() == ""
        before = sum(house.speaker.spoken.values())
        (tmp_path / texts[2]["artifact"]).unlink()
        cut = tmp_path / texts[3]["artifact"]
        cut.write_bytes(cut.read_bytes()[:-50])

        place = (2, int(texts[4]["chunk_index"]))
        told = await dear.foretold(place)
        async with house.database.write() as connection:
            await next_takes(connection, MADE, [place])
        await house.requeue("audio_generation")
        await dear.run()

        assert f"3 of {chunks} chunks are to be spoken, for $" in told
        assert sum(house.speaker.spoken.values()) == before + 3
        assert told.partition(" for ")[2] in (await house.told("price"))[-1], "and at the price that was said"


async def test_an_engine_whose_takes_are_all_bad_is_not_paid_for_a_whole_book(tmp_path: Path, cpu: CpuPool) -> None:
    """What comes is no sound at all, so nothing of it can be kept; and nothing is told that did not happen."""

    def no_samples(_text: str, _nth: int) -> Callable[[bytes], bytes]:
        return lambda _pcm: b"\0"

    async with open_house(tmp_path, cpu, Dear(spoil=no_samples, concurrency=2)) as house:
        dear = DearHouse(house, purse_of(house))
        await dear.run()
        bought = sum(house.speaker.spoken.values())
        told = str(await house.value("SELECT error_message FROM audiobook_productions"))
        assert "nothing more is bought" in told
        assert bought <= (5 + 2) * 3, "what was in hand beside the fifth is finished"
        assert not list((tmp_path / "foundry/small/eng/anna/paid").glob("*.flac"))
        retakes = len(await house.told("retake"))

        house.speaker.spoil = None
        await house.requeue("audio_generation")
        await dear.run()
        failed = await house.database.fetch("SELECT error FROM audio_chunks WHERE status = 'failed'")
        for row in failed:
            assert "paid for three times: `foundry-tui retake`" in row["error"]
            assert "what came is kept" not in row["error"]
        later = (await house.told("retake"))[retakes:]
        assert not [said for said in later if "for $" in said], "what was bought before is not bought again"
        again = await house.value("SELECT count(*) FROM spend")
        assert again == sum(house.speaker.spoken.values())


async def test_chunks_that_were_paid_out_before_do_not_end_a_step(tmp_path: Path, cpu: CpuPool) -> None:
    """They are judged again from the disk, one after the other, and nothing is bought: that says nothing of today."""
    spoilt = {f"Sentence {name} of chapter {of}" for of in ("one", "two") for name in ("one", "two", "three")}

    def half(text: str, nth: int):  # type: ignore[no-untyped-def]
        bad = any(text.startswith(each) for each in spoilt)
        return (lambda pcm: pcm[: len(pcm) // 6 * 2]) if bad else None

    async with open_house(tmp_path, cpu, Dear(spoil=half, concurrency=1)) as house:
        dear = DearHouse(house, purse_of(house))
        await dear.run()
        for _ in range(2):
            await house.requeue("audio_generation")
            await dear.run()
        told = str(await house.value("SELECT error_message FROM audiobook_productions"))
        assert "nothing more is bought" not in told
        bad = {text: count for text, count in house.speaker.spoken.items() if any(map(text.startswith, spoilt))}
        assert set(bad.values()) == {3}
        assert len(bad) == 6
        good = [count for text, count in house.speaker.spoken.items() if text not in bad]
        assert set(good) == {1}
        assert len(good) == await house.value(
            "SELECT count(DISTINCT input_key) FROM audio_chunks WHERE status = 'success'"
        )

        redo = Redo(house.database, dear.recipes, dear.get, lambda: datetime.now(UTC))
        (row,) = await house.database.fetch(
            "SELECT chapter_number AS c, chunk_index AS i FROM audio_chunks WHERE status = 'failed' LIMIT 1"
        )
        place = (int(row["c"]), int(row["i"]))
        assert await redo.costs(MADE, [place]) in {price_micros(len(text), PRICE) for text in bad}
        with pytest.raises(UsageError):
            await redo.may_retake(MADE, [])
        with pytest.raises(NotFound, match="Nothing of a chapter 99"):
            await redo.may_retake(MADE, [(99, 1)])


async def test_three_bad_takes_are_the_most_that_is_paid_for(tmp_path: Path, cpu: CpuPool) -> None:
    def always(text: str, nth: int):  # type: ignore[no-untyped-def]
        return (lambda pcm: pcm[: len(pcm) // 6 * 2]) if "one of chapter one" in text else None

    async with open_house(tmp_path, cpu, Dear(spoil=always)) as house:
        dear = DearHouse(house, purse_of(house))
        await dear.run()
        bad = next(text for text in house.speaker.spoken if "one of chapter one" in text)
        assert house.speaker.spoken[bad] == 3
        await house.requeue("audio_generation")
        await dear.run()
        assert house.speaker.spoken[bad] == 3, "requeued, it is judged again and not bought again"
        assert "0 chunks" in (await house.told("price"))[1]
        assert "before a stop" not in (await house.told("price"))[1], "nor does it have a price"
        assert "retake" in str(await house.value("SELECT error FROM audio_chunks WHERE status = 'failed'"))


async def test_sound_that_is_gone_is_priced_and_bought_anew(tmp_path: Path, cpu: CpuPool) -> None:
    async with open_house(tmp_path, cpu, Dear()) as house:
        dear = DearHouse(house, purse_of(house))
        await dear.run()
        texts = await house.value("SELECT count(DISTINCT input_key) FROM audio_chunks")
        for times in range(2, 6):
            for path in house.chunks:
                path.unlink()
            await house.requeue("audio_generation")
            await dear.run()
            assert set(house.speaker.spoken.values()) == {times}
        first, *later = await house.told("price")
        cost = first.partition(" for ")[2].partition(";")[0]
        assert "paid for before" not in first
        assert all(f"{texts} chunks" in price and f" for {cost};" in price for price in later)
        assert all(f"{texts} of them were paid for before, and no sound of them is left." in price for price in later)
        assert not await house.told("retake"), "nothing was refused"
        assert await ledger(house) == {"paid": 5 * texts}
        assert await house.value("SELECT status FROM audiobook_productions") == "success"


async def test_a_piece_that_waits_is_not_priced(tmp_path: Path, cpu: CpuPool) -> None:
    def down(text: str, nth: int) -> Exception | None:
        return EngineRefused("no more") if "one of chapter two" in text and nth == 1 else None

    def half(text: str, nth: int):  # type: ignore[no-untyped-def]
        return (lambda pcm: pcm[: len(pcm) // 6 * 2]) if "one of chapter one" in text and nth < 4 else None

    async with open_house(tmp_path, cpu, Dear(spoil=half, fail=down, concurrency=1)) as house:
        dear = DearHouse(house, purse_of(house))
        await dear.run()
        waiting = {path.stem[:40] for path in (tmp_path / "foundry/small/eng/anna/paid").glob("*.flac")}
        assert len(waiting) == 1
        spoken = await house.value("SELECT count(DISTINCT input_key) FROM audio_chunks WHERE status = 'success'")
        await house.requeue("audio_generation")
        await dear.run()
        first, again = await house.told("price")
        texts = int(first.partition(" ")[0])
        assert int(again.partition(" ")[0]) == texts - spoken - 1
        assert "paid for before" not in again


async def test_a_take_is_marked_as_delivered_before_its_pieces_go(tmp_path: Path, cpu: CpuPool) -> None:
    folder = tmp_path / "foundry/small/eng/anna/paid"
    there: list[bool] = []

    class Watched(Purse):
        async def delivered(self, input_key: str, prefix: str) -> None:
            there.append(bool(list(folder.glob(f"{prefix}*.flac"))))
            await super().delivered(input_key, prefix)

    async with open_house(tmp_path, cpu, Dear()) as house:
        await DearHouse(house, Watched(house.database, lambda: datetime.now(UTC))).run()
        assert there
        assert all(there)
        assert not list(folder.glob("*.flac"))


async def test_a_cap_stops_before_anything_is_bought(tmp_path: Path, cpu: CpuPool) -> None:
    async with open_house(tmp_path, cpu, Dear()) as house:
        await DearHouse(house, purse_of(house, cap=5_000)).run()
        error = await house.value("SELECT error_message FROM audiobook_productions")
        assert "cap of $0.005" in error
        assert "--cap" in error
        assert not house.speaker.spoken
        async with house.database.write() as connection:
            from foundry_tui.store.productions import update_production

            await update_production(connection, MADE, options={"cap_usd": 1.0})
        await house.requeue("audio_generation")
        await DearHouse(house, purse_of(house, cap=5_000)).run()
        assert await house.value("SELECT status FROM audiobook_productions") == "success"


async def test_the_same_words_are_bought_once(tmp_path: Path, cpu: CpuPool) -> None:
    line = "<p>The quiet harbour kept its boats close while evening came down over the water.</p>"
    body = "".join(
        f'<h2 id="c{n}">Chapter {n}</h2>{line}<p>Number {n} had words of its own to say.</p>' for n in (1, 2, 3)
    )
    async with open_house(tmp_path, cpu, Dear(), f"<html><title>Same</title><body>{body}</body></html>") as house:
        await DearHouse(house, purse_of(house)).run()
        assert await house.value("SELECT status FROM audiobook_productions") == "success"
        assert max(house.speaker.spoken.values()) == 1
        chunks = await house.value("SELECT count(*) FROM audio_chunks")
        assert chunks > await house.value("SELECT count(*) FROM spend")


class Notes:
    """A till that only remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def reserve(self, charge: Charge) -> Ticket:
        self.said.append(f"reserve {charge.request_key} {charge.price_micros}")
        return Ticket(1, charge.request_key, charge.price_micros)

    async def settle(self, ticket: Ticket, status: SpendStatus) -> None:
        self.said.append(str(status))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (EngineRefused(), "void"),
        (EngineBusy(), "void"),
        (VoiceMissing(), "void"),
        (TextRefused(), "void"),
        (SpeechRejected(), "paid"),
        (EngineUnreachable(), "reserved"),
        (EngineUnreachable(details={CHARGED: False}), "void"),
        (EngineUnreachable(details={"status": 500}), "void"),
        (EngineUnreachable(details={"status": 504}), "reserved"),
        (EngineRefused(details={CHARGED: True}), "paid"),
    ],
)
async def test_what_an_error_leaves_owing(error: FoundryError, status: str) -> None:
    assert owed(error) == status
    till = Notes()
    kept: list[str] = []

    async def keep(_: object) -> None:
        kept.append("kept")
        till.said.append("kept")

    engine = Dear(fail=lambda _, nth: error if nth == 1 else None)
    guard = GuardedEngine(engine, attempts=1, till=till)
    order = Order("key-1-1", "key", keep=keep)
    with pytest.raises(type(error)):
        await guard.synthesize("Hello there", "one", VoiceSettings(), order=order)
    assert till.said == ["reserve key-1-1 220", status]
    await guard.synthesize("Hello there", "one", VoiceSettings(), order=order)
    assert till.said[2:] == ["reserve key-1-1 220", "kept", "paid"], "stored, then paid, then handed on"


@pytest.mark.parametrize(
    ("error", "kept_at", "tries", "left"),
    [
        (ArtifactBroken(), 2, 2, ["paid"]),
        (ArtifactBroken(), 9, 2, []),
        (DiskFull(), 9, 1, []),
        (SpeechRejected(), 9, 1, ["paid"]),
    ],
)
async def test_sound_that_cannot_be_stored_is_not_bought_again_unasked(
    error: FoundryError, kept_at: int, tries: int, left: list[str]
) -> None:
    tried: list[Speech] = []

    async def keep(speech: Speech) -> None:
        tried.append(speech)
        if len(tried) < kept_at:
            raise error

    engine, till = Dear(), Notes()
    guard = GuardedEngine(engine, attempts=5, till=till)
    asked = guard.synthesize("Hello there", "one", VoiceSettings(), order=Order("key-1-1", "key", keep=keep))
    if kept_at == tries:
        assert await asked == tried[-1]
    else:
        with pytest.raises(type(error)):
            await asked
    assert engine.spoken["Hello there"] == 1
    assert len(tried) == tries
    assert till.said == ["reserve key-1-1 220", *left], "what may be asked for again keeps its row without an end"


async def test_a_run_asks_again_for_what_could_not_be_stored(
    tmp_path: Path, cpu: CpuPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: list[str] = []

    def write(path: Path, *told: Any) -> object:
        if not broken or (path.name == broken[0] and len(broken) < 2):
            broken.append(path.name)
            raise ArtifactBroken(f"{path.name} did not read back as it was written.")
        return write_take(path, *told)

    monkeypatch.setattr(paid_takes, "write_take", write)
    async with open_house(tmp_path, cpu, Dear()) as house:
        dear = DearHouse(house, purse_of(house))
        await dear.run()
        assert broken == [broken[0]] * 2
        assert set(house.speaker.spoken.values()) == {1}
        texts = len(house.speaker.spoken)
        assert await ledger(house) == {"paid": texts - 1, "reserved": 1}
        assert "did not read back" in str(await house.value("SELECT error FROM audio_chunks WHERE status = 'failed'"))
        await house.requeue("audio_generation")
        await dear.run()
        assert await house.value("SELECT status FROM audiobook_productions") == "success"
        (again,) = await house.told("paid_again")
        assert "its sound never came or could not be stored" in again
        assert await ledger(house) == {"paid": texts, "reserved": 1}


async def test_what_costs_money_needs_a_ledger() -> None:
    with pytest.raises(EngineRefused, match="ledger"):
        await GuardedEngine(Dear()).synthesize("Hello", "one", VoiceSettings())


async def test_paid_speech_that_came_broken_is_not_bought_again_unasked() -> None:
    engine = Dear(fail=lambda _, nth: SpeechRejected())
    with pytest.raises(SpeechRejected):
        await GuardedEngine(engine, attempts=5, till=Notes()).synthesize("Hello", "one", VoiceSettings())
    assert engine.spoken["Hello"] == 1


async def test_a_cap_does_not_open_the_breaker() -> None:
    class Poor(Notes):
        async def reserve(self, charge: Charge) -> Ticket:
            raise SpendingCap

    guard = GuardedEngine(Dear(), till=Poor())
    for _ in range(20):
        with pytest.raises(SpendingCap):
            await guard.synthesize("Hello", "one", VoiceSettings())
    assert guard.breaker.state == "closed"


async def with_fallback(house: House) -> None:
    async with house.database.write() as connection:
        bella = {"narrator_id": "bella", "narrator_name": "Bella", "language": "eng", "engine": "spare", "voice": "two"}
        await connection.execute(narrators.insert().values(**bella))
        await roster.update_narrator(connection, "anna", fallback_narrator_id="bella")


async def test_a_declared_fallback_steps_in_and_steps_back(tmp_path: Path, cpu: CpuPool) -> None:
    down = {"is": False}

    def fail(text: str, _: int) -> Exception | None:
        return EngineDown("No line to the moon.") if down["is"] and "chapter two" in text else None

    async with open_house(tmp_path, cpu, Speaker(fail=fail, concurrency=1)) as house:
        await with_fallback(house)
        spare = Speaker()
        dear = DearHouse(house, purse_of(house), {"spare": spare})
        down["is"] = True
        await dear.run()
        assert await house.value("SELECT status FROM audiobook_productions") == "success"
        rows = await house.database.fetch("SELECT DISTINCT voice FROM audio_chunks ORDER BY voice")
        assert [row["voice"] for row in rows] == ["one", "two"], "each chunk names who spoke it"
        (told,) = await house.told("substitution")
        assert "Bella speaks in place of Anna: No line to the moon." in told
        assert '"in_place_of": "Anna"' in str(await house.value("SELECT totals FROM audiobook_productions"))
        report = (tmp_path / "foundry/small/eng/anna/reports/quality.md").read_text()
        assert "in place of Anna" in report
        first = sum(house.speaker.spoken.values())

        down["is"] = False
        await house.requeue("audio_generation")
        await dear.run()
        rows = await house.database.fetch("SELECT DISTINCT voice FROM audio_chunks")
        assert [row["voice"] for row in rows] == ["one"], "the first voice speaks what the other has spoken"
        assert sum(house.speaker.spoken.values()) > first
        assert not spare.fail


async def test_what_the_first_voice_has_spoken_stays_where_it_is_gone_from_the_start(
    tmp_path: Path, cpu: CpuPool
) -> None:
    def fail(text: str, _: int) -> Exception | None:
        return EngineDown("No line to the moon.") if "chapter two" in text else None

    async with open_house(tmp_path, cpu, Speaker(fail=fail, concurrency=1)) as house:
        spare = Speaker()
        dear = DearHouse(house, purse_of(house), {"spare": spare})
        await dear.run()
        by_first = "SELECT artifact FROM audio_chunks WHERE voice = 'one' AND status = 'success' ORDER BY artifact"
        spoken = await house.database.fetch(by_first)
        assert spoken

        await with_fallback(house)
        lost = tmp_path / spoken[-1]["artifact"]
        lost.unlink()
        dear.gone = True
        await house.requeue("audio_generation")
        await dear.run()
        assert await house.value("SELECT status FROM audiobook_productions") == "success"
        assert await house.database.fetch(by_first) == spoken[:-1], "but for the one whose file is lost"
        chunks = await house.value("SELECT count(*) FROM audio_chunks")
        assert sum(spare.spoken.values()) == chunks - len(spoken) + 1
        (begun, *_) = reversed(await house.told("speaking"))
        assert begun.startswith(f"{len(spoken) - 1:,} of {chunks:,} chunks are there already")
        await house.requeue("audio_generation")
        await dear.run()
        assert sum(spare.spoken.values()) == chunks - len(spoken) + 1, "what stands of both voices stays"


async def test_a_fallback_is_foretold_to_speak_what_the_first_voice_has_not(tmp_path: Path, cpu: CpuPool) -> None:
    async with open_house(tmp_path, cpu) as house:
        dear = DearHouse(house, purse_of(house), {"spare": Speaker()})
        await dear.run()
        await with_fallback(house)
        dear.gone = True
        (row,) = await house.database.fetch("SELECT artifact FROM audio_chunks WHERE chapter_number = 2 LIMIT 1")
        (tmp_path / row["artifact"]).unlink()
        chunks = await house.value("SELECT count(*) FROM audio_chunks")
        assert (await dear.foretold()).endswith(f"1 of {chunks} chunks are to be spoken")


@pytest.mark.parametrize("changed", [{"settings": {"rate": 1.2}}, {"voice": "drei"}])
async def test_what_another_voice_of_the_narrator_has_spoken_does_not_stay(
    tmp_path: Path, cpu: CpuPool, changed: dict[str, object]
) -> None:
    async with open_house(tmp_path, cpu) as house:
        spare = Speaker()
        dear = DearHouse(house, purse_of(house), {"spare": spare})
        await dear.run()
        await with_fallback(house)
        async with house.database.write() as connection:
            await connection.execute(audiobook_productions.update().values(options={}))
            await roster.update_narrator(connection, "anna", **changed)
        dear.gone = True
        await house.requeue("audio_generation")
        await dear.run()
        rows = await house.database.fetch("SELECT DISTINCT voice FROM audio_chunks")
        assert [row["voice"] for row in rows] == ["two"]


async def test_without_a_declared_fallback_nobody_steps_in(tmp_path: Path, cpu: CpuPool) -> None:
    async with open_house(tmp_path, cpu, Speaker(fail=lambda *_: EngineRefused("bad key"))) as house:
        await with_fallback(house)
        spare = Speaker()
        await DearHouse(house, purse_of(house), {"spare": spare}).run()
        assert "bad key" in await house.value("SELECT error_message FROM audiobook_productions"), (
            "a refusal is no absence"
        )
        assert not spare.spoken
        await house.requeue("audio_generation")
        house.speaker.fail = lambda *_: TextRefused("bad text")
        await DearHouse(house, purse_of(house), {"spare": spare}).run()
        assert "bad text" in await house.value("SELECT error_message FROM audiobook_productions")
        assert not spare.spoken, "nor is a text that nobody may speak"
    (tmp_path / "two").mkdir()
    async with open_house(tmp_path / "two", cpu, Speaker(fail=lambda *_: VoiceMissing("gone"))) as house:
        spare = Speaker()
        await DearHouse(house, purse_of(house), {"spare": spare}).run()
        assert "gone" in await house.value("SELECT error_message FROM audiobook_productions")
        assert not spare.spoken
