"""The recording booth: lanes that speak chunks, check them at once, and keep only what is believed."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Sequence

from foundry_tui.audio.check import Flag, VoiceNorm, check
from foundry_tui.audio.measure import Measures, measure
from foundry_tui.audio.take_file import write_take
from foundry_tui.audio.word_times import words_tag
from foundry_tui.domain.money import dollars
from foundry_tui.domain.status import Level, Status
from foundry_tui.domain.takes import Take
from foundry_tui.errors import (
    EngineBusy,
    EngineDown,
    EngineMissing,
    EngineRefused,
    EngineUnreachable,
    FoundryError,
    Interrupted,
    SpeechRejected,
    SpendingCap,
    TextRefused,
    VoiceMissing,
    WriteFailed,
)
from foundry_tui.pipeline.contract import Progress, StepContext
from foundry_tui.steps.casting import Cast
from foundry_tui.steps.chunk_jobs import ChunkJob, TakeRows, heard_words
from foundry_tui.steps.habits import Habits
from foundry_tui.steps.hearing import RATE, Hearing
from foundry_tui.steps.paid_takes import BOUGHT_BEFORE, PaidTakes, again_costs
from foundry_tui.voices.fit import fit, join_speech
from foundry_tui.voices.guard import OnRetry
from foundry_tui.voices.protocol import Speech, VoiceSettings

_log = logging.getLogger(__name__)

RETAKES = 2
# These mean that no other chunk would fare better: the step ends, finished chunks stay.
_HOPELESS = (EngineDown, EngineMissing, VoiceMissing, EngineRefused, SpendingCap, WriteFailed)
# An engine that fails this often in a row, on chunk after chunk, is down; the chunks are not to blame. Nor are they
# where so many texts in a row are refused: then it is what all of them were asked with.
_DOWN_AFTER = 8
_MANY_LANES = 8
# Where sound is sold, so many chunks of which nothing was believed, one after the other, are the engine's doing.
_BAD_CHUNKS = 5
_PAID_OUT = " It was paid for three times: `foundry-tui retake` buys another take."


class Booth:
    """Speaks one production's chunks with one voice; ``paid`` buys where the engine costs money.

    ``remark`` goes with the progress: who speaks in whose place. ``kept`` are the takes of this voice that stand
    already, which show what its habits are.
    """

    def __init__(
        self,
        context: StepContext,
        rows: TakeRows,
        voice: Cast,
        norm: VoiceNorm,
        *,
        paid: PaidTakes | None = None,
        hearing: Hearing | None = None,
        remark: str = "",
        kept: Collection[Take] = (),
    ) -> None:
        self._context = context
        self._rows = rows
        self._voice = voice
        self._norm = norm
        self._paid = paid
        self._hearing = hearing
        self._remark = remark
        self._spoken: dict[str, Take] = {}  # by key: the same words in the same voice are spoken once
        self._speaking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._habits = Habits(kept)
        self._in_hand: set[tuple[int, int]] = set()
        self._stop: BaseException | None = None
        self._down = 0
        self._texts_refused = 0
        self._bad: set[tuple[int, int]] = set()  # chunks that were bought and given up since a take was believed
        self._done = 0
        self._audio_s = 0.0

    def heard(self, take: Take, total: int) -> None:
        """Count a chunk that somebody else has spoken."""
        self._done += 1
        if take.status is Status.SUCCESS:
            self._audio_s += (take.samples or 0) / (take.sample_rate or 1)
        self._tell(total)

    async def speak(
        self,
        missing: Sequence[ChunkJob],
        *,
        total: int,
        on_take: Callable[[Take], None],
        more: Callable[[], Awaitable[Sequence[ChunkJob]]] | None = None,
        done: int | None = None,
    ) -> list[Take]:
        """Speak ``missing`` in order through the engine's lanes; return the takes that failed.

        ``more`` is asked for further chunks whenever a lane has none, until it has none either; ``done`` says how
        many of ``total`` are there already where ``missing`` does not.

        Raises what stops the whole step (drain, cancel, lost lease, a voice or engine that is not there, a full
        disk) once the chunks in hand are finished.
        """
        self._done = total - len(missing) if done is None else done
        # What may have killed a worker comes last: its siblings are done whatever it does.
        suspects = await self._context.takes_lost()
        waiting = deque(sorted(missing, key=lambda job: (job.place in suspects, -suspects.get(job.place, 0))))
        failed: list[Take] = []
        self._tell(total)

        asking = asyncio.Lock()

        async def another() -> bool:
            async with asking:  # so that no lane holds back what the others could begin
                if not waiting and more is not None and self._stop is None:
                    waiting.extend(await more())
            return bool(waiting)

        async def lane() -> None:
            while (waiting or await another()) and self._stop is None:
                try:
                    self._context.checkpoint()
                except Interrupted as stop:
                    self._stop = self._stop or stop
                    return
                job = waiting.popleft()
                take = await self._finished(job)
                if take is None:
                    return
                if take.status is Status.SUCCESS:
                    on_take(take)
                    self._audio_s += (take.samples or 0) / (take.sample_rate or 1)
                else:
                    failed.append(take)
                self._done += 1
                self._tell(total)

        lanes = lanes_for(self._voice.engine.profile.concurrency)
        if more is None:
            lanes = min(lanes, len(waiting))
        async with asyncio.TaskGroup() as group:
            for _ in range(lanes):
                group.create_task(lane())
        if self._stop is not None:
            raise self._stop
        return sorted(failed, key=lambda take: take.place)

    def _tell(self, total: int) -> None:
        self._context.progress(Progress(self._done, total, "chunks", self._audio_s, self._remark))

    async def _finished(self, job: ChunkJob) -> Take | None:
        """The recorded take of one chunk, good or failed; None when the step has to stop."""
        self._in_hand.add(job.place)
        try:
            await self._context.begin_chunks(self._in_hand)
            async with self._speaking[job.key]:
                take = self._same_as(job) or await self._take(job)
                await self._context.record([take])
                if take.status is Status.SUCCESS and job.key not in self._spoken:
                    self._spoken[job.key] = take
                    if self._paid:
                        await self._paid.drop(job, take.attempts)
        except (Interrupted, *_HOPELESS) as error:
            self._stop = self._stop or error
            return None
        finally:
            self._in_hand.discard(job.place)
            self._habits.settled(job.place)
        return take

    def _same_as(self, job: ChunkJob) -> Take | None:
        """The take of another chunk with the very same words: one file serves both."""
        take = self._spoken.get(job.key)
        if take is None:
            return None
        return dataclasses.replace(take, chapter_number=job.chapter_number, chunk_index=job.chunk_index)

    async def _take(self, job: ChunkJob) -> Take:
        """Speak until the sound is believed, or give up on this chunk with the reason."""
        poisoned = (await self._context.takes_lost()).get(job.place, 0) >= 2
        if poisoned:
            return self._rows.failed(job, 0, "The worker died twice while speaking this chunk.")
        attempt = 0
        while True:
            attempt += 1
            try:
                speech = await self._utter(job, attempt)
                take = await self._judged(job, speech, attempt)
            except (EngineUnreachable, EngineBusy) as error:
                self._down += 1
                if self._down >= _DOWN_AFTER:
                    raise _down(error) from error
                return self._rows.failed(job, attempt, error.message)
            except TextRefused as error:
                self._texts_refused += 1
                if self._texts_refused >= _DOWN_AFTER:
                    raise _all_refused(error) from error
                return self._rows.failed(job, attempt, error.message)
            except SpeechRejected as error:
                if attempt <= RETAKES and not isinstance(self._stop, _HOPELESS):
                    if not error.details.get(BOUGHT_BEFORE):
                        await self._retelling(job, attempt, error)
                    continue
                self._require_some_good(job, error)
                paid_out = _PAID_OUT if self._paid and attempt > RETAKES else ""
                return self._rows.failed(job, attempt, f"{error.message}{paid_out}")
            except (Interrupted, *_HOPELESS):
                raise
            except FoundryError as error:
                return self._rows.failed(job, attempt, error.message)
            except Exception as error:  # noqa: BLE001 - a fault of ours in one chunk never stops its siblings
                _log.exception("chapter %s, chunk %s", job.chapter_number, job.chunk_index)
                return self._rows.failed(job, attempt, f"A fault in Foundry: {type(error).__name__}: {error}")
            self._down = self._texts_refused = 0
            self._bad.clear()
            return take

    def _require_some_good(self, job: ChunkJob, error: SpeechRejected) -> None:
        """Raise EngineRefused where one chunk after the other is given up, though takes of it were bought just now."""
        if self._paid is None or job.place not in self._paid.bought_now:
            return
        self._bad.add(job.place)
        if len(self._bad) >= _BAD_CHUNKS:
            raise _all_bad(error) from error

    async def _utter(self, job: ChunkJob, attempt: int) -> Speech:
        """One take of the whole chunk, in as many requests as the engine's limit asks for."""
        settings = dataclasses.replace(self._voice.settings, take=job.take * (RETAKES + 1) + attempt - 1)

        told: list[asyncio.Task[None]] = []

        def on_retry(tries: int, error: FoundryError, delay_s: float) -> None:
            told.append(asyncio.create_task(self._retrying(job, tries, error, delay_s)))

        try:
            pieces = [
                await self._piece(job, piece, attempt, number, settings, on_retry)
                for number, piece in enumerate(fit(job.text, self._voice.engine.profile), 1)
            ]
        finally:
            await asyncio.gather(*told)
        return join_speech(pieces)

    async def _piece(
        self, job: ChunkJob, text: str, attempt: int, number: int, settings: VoiceSettings, on_retry: OnRetry
    ) -> Speech:
        if self._paid:
            return await self._paid.piece(self._voice, job, text, attempt, number, settings, on_retry)
        return await self._voice.engine.synthesize(text, self._voice.voice, settings, on_retry=on_retry)

    async def _retrying(self, job: ChunkJob, tries: int, error: FoundryError, delay_s: float) -> None:
        await self._context.event(
            "retry",
            f"Chapter {job.chapter_number}, chunk {job.chunk_index}: {error.message} Trying again in {delay_s:.1f} s.",
            level=Level.WARNING,
            details={"chapter": job.chapter_number, "chunk": job.chunk_index, "code": error.code, "attempt": tries},
        )

    async def _retelling(self, job: ChunkJob, attempt: int, error: SpeechRejected) -> None:
        buys = self._paid is not None and not await self._paid.bought(job, attempt + 1)
        cost = f", for {dollars(again_costs(self._voice, job))} more" if buys else ""
        await self._context.event(
            "retake",
            f"Chapter {job.chapter_number}, chunk {job.chunk_index} is spoken again{cost}: {error.message}",
            level=Level.WARNING,
            details={"chapter": job.chapter_number, "chunk": job.chunk_index, "attempt": attempt, **error.details},
        )

    async def _judged(self, job: ChunkJob, speech: Speech, attempt: int) -> Take:
        """Measure, check and keep; raises SpeechRejected for sound that is not to be believed."""
        measures, flags = await asyncio.to_thread(self._checked, job, speech)
        fatal = [flag for flag in flags if flag.fatal]
        # The same text in the same voice of a deterministic engine sounds the same however often it is asked:
        # only sound that is no speech at all is refused there, the rest is flagged for the operator.
        says_the_same = self._voice.engine.profile.deterministic
        faults = self._habits.strange(fatal) if says_the_same else await self._habits.faults(job.place, fatal)
        heard: float | None = None
        if not faults and self._hearing and self._hearing.wants(job, flags):
            garbled, heard = await self._hearing.judge(job, speech)
            if garbled:
                flags, faults = (*flags, garbled), [garbled]
        if faults and (not says_the_same or measures.samples == 0):
            raise SpeechRejected(
                "; ".join(flag.reason for flag in faults), details={"flags": [flag.name for flag in faults]}
            )
        return await asyncio.to_thread(self._kept, job, speech, measures, flags, attempt, heard)

    def _checked(self, job: ChunkJob, speech: Speech) -> tuple[Measures, tuple[Flag, ...]]:
        measures = measure(speech.pcm, speech.sample_rate)
        return measures, check(measures, job.text, self._norm)

    def _kept(
        self,
        job: ChunkJob,
        speech: Speech,
        measures: Measures,
        flags: Sequence[Flag],
        attempt: int,
        heard: float | None,
    ) -> Take:
        self._norm.learn(measures, job.text)
        tags = {**job.tags(), **words_tag(heard_words(speech))}
        kept = write_take(self._rows.places.chunk(job.key), speech.pcm, speech.sample_rate, tags)
        take = self._rows.good(job, kept, measures, tuple(flag.name for flag in flags), attempt)
        # Beside what was measured of the sound: how far it was from its words, where somebody listened.
        return take if heard is None else dataclasses.replace(take, metrics={**take.metrics, RATE: heard})


def lanes_for(concurrency: int) -> int:
    """Lanes that keep ``concurrency`` requests under way: one more where they are few, to check what has come.

    With many it makes no difference, and a kill repeats no more of them than may be under way at once. The engine's
    guard holds the requests themselves to what the engine takes.
    """
    return concurrency + 1 if concurrency < _MANY_LANES else concurrency


def _down(last: FoundryError) -> EngineDown:
    return EngineDown(
        f"The engine failed {_DOWN_AFTER} chunks in a row; the last time: {last.message}",
        details={"code": last.code},
        retry_after_s=last.retry_after_s,
    )


def _all_bad(last: SpeechRejected) -> EngineRefused:
    return EngineRefused(
        f"No take of the last {_BAD_CHUNKS} chunks was any good, so nothing more is bought; the last: {last.message}",
        next_action="Listen to what the engine sends (`foundry-tui sample`), then requeue the step.",
        details={"code": last.code, **last.details},
    )


def _all_refused(last: FoundryError) -> EngineRefused:
    return EngineRefused(
        f"The engine refused {_DOWN_AFTER} texts in a row, so it is not the texts; the last time: {last.message}",
        next_action="Check the engine's and the narrator's settings, then requeue the step.",
        details={"code": last.code, **last.details},
    )
