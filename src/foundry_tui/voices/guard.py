"""The guard before every engine: so many requests at once, patient retries, a circuit breaker, every cent noted."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol, TypeVar

from foundry_tui.domain.money import Charge, SpendStatus, Ticket, price_micros
from foundry_tui.errors import (
    ArtifactBroken,
    EngineBusy,
    EngineRefused,
    EngineUnreachable,
    FoundryError,
    SpeechRejected,
    VoiceError,
)
from foundry_tui.voices.breaker import Breaker, StillDown
from foundry_tui.voices.protocol import Engine, EngineProfile, Speech, Voice, VoiceSettings, require_speakable
from foundry_tui.voices.till import CHARGED, Keep, Order, Till, owed

OnRetry = Callable[[int, FoundryError, float], None]
T = TypeVar("T")


class Turns(Protocol):
    """A limit shared with other processes: so many requests at once or a minute over all of them."""

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Entered when the request may be made; held until it has been answered."""
        ...

    async def close(self) -> None:
        """Give back whatever is held."""
        ...


class GuardedEngine:
    """An engine that tries again by itself.

    Of errors that may pass ``attempts`` are made in all (five: with three, one request in twenty failing would still
    cost one book in seven a chunk), with full jitter between them (a random wait up to
    ``first_delay_s``, doubled each time up to ``longest_delay_s``; never less than the server's Retry-After). Errors
    that will not pass are raised at once. ``on_retry(attempt, error, delay_s)`` hears of each failed attempt before its
    wait; a callback given to ``synthesize`` knows which chunk it is about. While it waits a call holds no lane.
    ``turns`` is a limit shared with other processes.

    Before a request to an engine that costs money is sent its price is reserved in the ``till``, each time anew; speech
    that was paid for and came broken, or could not be stored, is not asked for again here: its caller decides.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        attempts: int = 5,
        first_delay_s: float = 1.0,
        longest_delay_s: float = 30.0,
        concurrency: int | None = None,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
        on_retry: OnRetry | None = None,
        turns: Turns | None = None,
        till: Till | None = None,
    ) -> None:
        self._engine = engine
        self._till = till
        self._turns = turns
        self._attempts = attempts
        self._first_delay_s, self._longest_delay_s = first_delay_s, longest_delay_s
        self._lanes = asyncio.Semaphore(concurrency or engine.profile.concurrency)
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._on_retry = on_retry
        self.breaker = breaker or Breaker(engine.profile.name, clock=clock, sleep=sleep)

    @property
    def profile(self) -> EngineProfile:
        """The engine's own."""
        return self._engine.profile

    async def synthesize(
        self,
        text: str,
        voice: str,
        settings: VoiceSettings,
        *,
        on_retry: OnRetry | None = None,
        order: Order | None = None,
    ) -> Speech:
        """As Engine.synthesize; raises the last error when every attempt failed, and SpendingCap.

        ``order`` says what a paid request is for; without one (an audition) each call is a purchase of its own.
        """
        require_speakable(text)
        if self.profile.cost_per_million_characters > 0:
            once = secrets.token_hex(16)
            bought = order or Order(request_key=f"heard-{once}", input_key=f"heard-{once}")
            named = dataclasses.replace(settings, request_key=bought.request_key)
            return await self._patiently(lambda: self._bought(text, voice, named, bought), on_retry)
        return await self._patiently(lambda: self._spoken(text, voice, settings), on_retry)

    async def _spoken(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        speech = await self._engine.synthesize(text, voice, settings)
        if not speech.pcm:
            raise SpeechRejected(f"{self.profile.name} gave no sound for the text.")
        return speech

    async def _bought(self, text: str, voice: str, settings: VoiceSettings, order: Order) -> Speech:
        if self._till is None:
            raise EngineRefused(f"{self.profile.name} costs money, and no ledger is open here.")
        ticket = await self._till.reserve(self._charge(text, voice, order))
        if ticket.repeats and order.on_repeat:
            await order.on_repeat(ticket)
        try:
            speech = await self._spoken(text, voice, settings)
        except FoundryError as error:
            end = owed(error)
            await self._till.settle(ticket, end)
            if end is SpendStatus.PAID:
                error.details[CHARGED] = True
            raise
        # Stored before anybody judges it, counts it or may be killed over it.
        if order.keep:
            await self._stored(speech, order.keep, self._till, ticket)
        await self._till.settle(ticket, SpendStatus.PAID)
        return speech

    async def _stored(self, speech: Speech, keep: Keep, till: Till, ticket: Ticket) -> None:
        """Have the sound stored. Where it cannot be, it is not asked for again here: that would cost its price again.

        The row is left without an end, so that it counts as spent and the next run asks under the same key; speech that
        is no sound came all the same, and is paid for.
        """
        try:
            try:
                await keep(speech)
            except ArtifactBroken:
                await keep(speech)  # what did not read back may the second time, and the sound is still at hand
        except FoundryError as error:
            if isinstance(error, SpeechRejected):
                await till.settle(ticket, SpendStatus.PAID)
            error.details[CHARGED] = True
            raise

    def _charge(self, text: str, voice: str, order: Order) -> Charge:
        profile = self.profile
        return Charge(
            request_key=order.request_key,
            audiobook_id=order.audiobook_id,
            input_key=order.input_key,
            engine=profile.name,
            voice=voice,
            characters=len(text),
            price_micros=price_micros(len(text), profile.cost_per_million_characters),
            cap_micros=order.cap_micros,
        )

    async def voices(self) -> Sequence[Voice]:
        """The engine's voices, tried for as patiently as speech."""
        return await self._patiently(self._engine.voices, None)

    async def version(self) -> str:
        """The engine's own."""
        return await self._engine.version()

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.close()
        if self._turns is not None:
            await self._turns.close()

    async def _patiently(self, call: Callable[[], Awaitable[T]], on_retry: OnRetry | None) -> T:
        attempt = 1
        while True:
            try:
                return await self._once(call)
            except StillDown:
                raise
            except FoundryError as error:
                paid = error.details.get(CHARGED) is True
                if not error.retryable or paid or attempt >= self._attempts:
                    raise
                delay_s = self._delay_s(attempt, error)
                for hears in (self._on_retry, on_retry):
                    if hears:
                        hears(attempt, error, delay_s)
            await self._sleep(delay_s)
            attempt += 1

    async def _once(self, call: Callable[[], Awaitable[T]]) -> T:
        async with self._lanes:
            probe = await self.breaker.admit()
            try:
                async with self._turns.turn() if self._turns is not None else nullcontext():
                    result = await call()
            except (EngineBusy, EngineUnreachable) as error:
                self.breaker.failed(error)
                raise
            except VoiceError:
                self.breaker.answered()
                raise
            except BaseException:
                if probe:
                    self.breaker.abandoned()
                raise
            self.breaker.answered()
            return result

    def _delay_s(self, attempt: int, error: FoundryError) -> float:
        """Full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015) on top of what the server asked for."""
        limit = min(self._longest_delay_s, self._first_delay_s * 2 ** (attempt - 1))
        return (error.retry_after_s or 0.0) + self._rng.uniform(0.0, limit)
