"""Recognisers: sound in, words out. The bundled one (extra ``check``), a command, or an OpenAI-compatible address."""

from __future__ import annotations

import asyncio
import importlib.util
import shlex
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from foundry_tui.domain.languages import two_letters, understood
from foundry_tui.errors import EngineMissing, EngineUnreachable, SpeechRejected, UsageError
from foundry_tui.voices.helper_process import HelperProcess
from foundry_tui.voices.http_speech import HttpClient, HttpOptions

LONGEST_S = 120.0
KINDS = ("moonshine", "command", "endpoint")


class Recogniser(Protocol):
    """Writes down what is said in a WAV file."""

    def knows(self, language: str) -> bool:
        """Whether it understands the language (ISO 639-2/T)."""
        ...

    async def hear(self, wav: Path, language: str) -> str:
        """The words; raises a VoiceError where it cannot."""
        ...

    async def close(self) -> None:
        """End connections and processes."""
        ...


@dataclass(frozen=True, slots=True)
class RecogniserOptions:
    """``kind`` is one of KINDS; ``languages`` empty: the kind's own (moonshine: English; the others: every one)."""

    kind: str = "moonshine"
    command: str = ""
    url: str = ""
    model: str = ""
    api_key: str = ""
    languages: tuple[str, ...] = ()


def open_recogniser(options: RecogniserOptions) -> Recogniser:
    """The recogniser that was configured. UsageError or EngineMissing, saying what is wanting."""
    languages = frozenset(understood(language) for language in options.languages)
    if options.kind == "moonshine":
        if importlib.util.find_spec("moonshine_voice") is None:
            raise EngineMissing(
                "The bundled recogniser is not installed.",
                next_action="Install it with `pip install 'foundry-tui[check]'`, or name another in [check].",
            )
        return _Moonshine(languages or frozenset({"eng"}))
    if options.kind == "command":
        return _Command(options.command, languages)
    if options.kind == "endpoint":
        return _Endpoint(options, languages)
    raise UsageError(f"There is no recogniser {options.kind!r}.", next_action=f"It is one of {', '.join(KINDS)}.")


class _Knowing:
    def __init__(self, languages: frozenset[str]) -> None:
        self._languages = languages

    def knows(self, language: str) -> bool:
        return not self._languages or language in self._languages

    async def close(self) -> None:
        return


class _Moonshine(_Knowing):
    """moonshine-voice 0.1.0, the last whose wheel holds its English model, in a helper process."""

    def __init__(self, languages: frozenset[str]) -> None:
        super().__init__(languages)
        command = [sys.executable, "-P", "-m", "foundry_tui.voices.model_helper", "moonshine"]
        self._helper = HelperProcess("moonshine", command, start_timeout_s=LONGEST_S)

    async def hear(self, wav: Path, language: str) -> str:
        del language
        reply, _ = await self._helper.ask({"op": "hear", "path": str(wav)})
        if not reply["ok"]:
            raise SpeechRejected("moonshine failed on this sound.", details={"error": reply.get("error")})
        return str(reply["text"])

    async def close(self) -> None:
        await self._helper.close()


class _Command(_Knowing):
    """A program that writes the words to its standard output; no shell reads the line."""

    def __init__(self, template: str, languages: frozenset[str]) -> None:
        super().__init__(languages)
        self._words = shlex.split(template)
        if not any("{path}" in word for word in self._words):
            raise UsageError(
                f"The recogniser's command {template!r} has no {{path}} in it.",
                next_action='Set check.command to something like "whisper-cli -nt -f {path} -l {language}".',
            )
        if shutil.which(self._words[0]) is None:
            raise EngineMissing(f"The recogniser {self._words[0]} is not on the PATH.", next_action="Install it.")

    async def hear(self, wav: Path, language: str) -> str:
        filled = [word.replace("{path}", str(wav)).replace("{language}", language) for word in self._words]
        process = await asyncio.create_subprocess_exec(*filled, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
        try:
            async with asyncio.timeout(LONGEST_S):
                said, _ = await process.communicate()
        except BaseException as error:
            if process.returncode is None:
                process.kill()
                await process.wait()
            if isinstance(error, TimeoutError):
                raise EngineUnreachable(f"The recogniser {self._words[0]} did not answer.") from error
            raise
        if process.returncode:
            raise EngineUnreachable(f"The recogniser {self._words[0]} ended with {process.returncode}.")
        return said.decode("utf-8", "replace")


class _Endpoint(_Knowing):
    """``POST {url}/audio/transcriptions``, as OpenAI's and many local servers have it."""

    def __init__(self, options: RecogniserOptions, languages: frozenset[str]) -> None:
        super().__init__(languages)
        if not options.url:
            raise UsageError("The recogniser has no address.", next_action="Set check.url, up to and with /v1.")
        headers = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
        self._model = options.model
        self._client = HttpClient(
            HttpOptions("recogniser", options.url, headers, options.api_key, receive_timeout_s=LONGEST_S)
        )

    async def hear(self, wav: Path, language: str) -> str:
        fields = {"response_format": "json", "language": two_letters(language)}
        if self._model:
            fields["model"] = self._model
        answer = await self._client.post_file("/audio/transcriptions", wav, fields)
        if answer.status != 200:
            raise self._client.refusal(answer)
        body = answer.json()
        if not isinstance(body, dict) or not isinstance(body.get("text"), str):
            raise SpeechRejected("The recogniser sent no text.")
        return str(body["text"])

    async def close(self) -> None:
        await self._client.close()


OpenRecogniser = Callable[[], Awaitable[Recogniser | None]]
