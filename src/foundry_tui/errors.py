"""Every error an operator can meet, as one tree.

FoundryError
├── UsageError                  the command or the configuration is wrong (exit 2)
│   ├── HomeUnusable            home_unusable
│   ├── SchemaTooNew            schema_too_new
│   └── DatabaseUnavailable     database_unavailable
├── NotFound                    not_found
├── Conflict                    conflict
│   ├── StepRowGone             step_row_gone
│   └── InUse                   in_use
├── SourceError                 the book file
│   ├── SourceNotFound          source_not_found
│   ├── SourceAmbiguous         source_ambiguous
│   ├── SourceUnreadable        source_unreadable
│   ├── SourceUnsupported       source_unsupported
│   ├── NoChaptersDetected      no_chapters_detected
│   ├── CoverageBroken          coverage_broken
│   └── LanguageMismatch        language_mismatch
├── WriteFailed                 write_failed
│   └── DiskFull                disk_full
├── SpendingCap                 spending_cap
├── VoiceError                  the speech engine
│   ├── EngineMissing           engine_missing
│   │   └── EngineUnknown       engine_unknown
│   ├── VoiceMissing            voice_missing
│   ├── NothingToSpeak          nothing_to_speak
│   ├── EngineRefused           engine_refused      (bad key, forbidden: permanent)
│   ├── TextRefused             text_refused        (one text will not be spoken: permanent)
│   ├── EngineBusy              engine_busy         (429, 503: retryable)
│   ├── EngineUnreachable       engine_unreachable  (network, time-out: retryable)
│   ├── EngineDown              engine_down         (chunk after chunk failed: retryable)
│   └── SpeechRejected          speech_rejected     (empty, cut or broken sound: retryable)
├── AudioError                  assembling or proving the sound
│   ├── ArtifactBroken          artifact_broken
│   ├── ChunksFailed            chunks_failed
│   └── QualityFailed           quality_failed
├── WorkerDied                  worker_died         (a helper process was ended from outside: retryable)
└── Interrupted                 work stopped on purpose; never a failed attempt
    ├── LeaseLost               lease_lost
    ├── Draining                draining
    └── Cancelled               cancelled

Each class carries a stable ``code``, whether trying again can help (``retryable``) and the next action an operator
has. The class docstring is the message where none is given.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar


class FoundryError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "foundry_error"
    retryable: ClassVar[bool] = False
    next_action: ClassVar[str] = "See `foundry-tui events` for what led to it."

    def __init__(
        self,
        message: str | None = None,
        *,
        next_action: str | None = None,
        details: dict[str, Any] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Keep the sentence, the next action and JSON-able details; ``retry_after_s`` is what a server asked for."""
        self.message = message or inspect.getdoc(type(self)) or type(self).__name__
        self.action = next_action or self.next_action
        self.details = details or {}
        self.retry_after_s = retry_after_s
        super().__init__(self.message)

    def sentence(self) -> str:
        """The whole story for an operator: what was wrong, then what to do."""
        return f"{self.message} {self.action}".strip()


class UsageError(FoundryError):
    """The command cannot be carried out as given."""

    code = "usage"
    next_action = "Try `foundry-tui --help`."


class HomeUnusable(UsageError):
    """The home folder cannot be used."""

    code = "home_unusable"
    next_action = "Choose another with --home DIR, or make this one writable."


class SchemaTooNew(UsageError):
    """The database was written by a newer Foundry than this one."""

    code = "schema_too_new"
    next_action = "Upgrade foundry-tui, or point --home at another home."


class DatabaseUnavailable(UsageError):
    """The database cannot be opened."""

    code = "database_unavailable"
    next_action = "Check --database-url, and that the server runs and lets you in."


class NotFound(FoundryError):
    """Nothing by that name is in the catalog."""

    code = "not_found"
    next_action = "List what there is with `foundry-tui book list`, `narrator list` or `queue`."


class Conflict(FoundryError):
    """It exists already."""

    code = "conflict"
    next_action = "Choose another id, or edit the one that is there."


class StepRowGone(Conflict):
    """A step stands on another whose row is no longer in production_steps."""

    code = "step_row_gone"
    next_action = "Requeue the production: the row is written anew, and its step made again."


class InUse(Conflict):
    """Productions still depend on it."""

    code = "in_use"
    next_action = "Cancel them first, or repeat with --with-productions."


class SourceError(FoundryError):
    """The book file cannot be used."""

    code = "source_error"
    next_action = "Put a usable file in its place and requeue the step."


class SourceNotFound(SourceError):
    """No source file was found for the book."""

    code = "source_not_found"


class SourceAmbiguous(SourceError):
    """More than one file could be the source of the book."""

    code = "source_ambiguous"
    next_action = "Keep one, name it <book_id>.<ending>, and requeue the step."


class SourceUnreadable(SourceError):
    """The source file cannot be read as what its name says."""

    code = "source_unreadable"


class SourceUnsupported(SourceError):
    """Foundry does not read this kind of file."""

    code = "source_unsupported"
    next_action = "Convert it to HTML, EPUB or text first, for example with Calibre."


class NoChaptersDetected(SourceError):
    """No prose was found in the source file."""

    code = "no_chapters_detected"
    next_action = "Check that the file holds the book itself, then requeue the step."


class CoverageBroken(SourceError):
    """The words of the source do not all end as spoken, replaced or skipped."""

    code = "coverage_broken"
    next_action = "This is a fault in Foundry: report it with the book's source."


class LanguageMismatch(SourceError):
    """The production asks for another language than the book has."""

    code = "language_mismatch"
    next_action = "Put a source in that language into foundry/<book_id>/<language>/, then requeue the step."


class WriteFailed(FoundryError):
    """A file could not be written."""

    code = "write_failed"
    next_action = "Make it writable, then try again; a production that failed for it: `foundry-tui requeue`."


class DiskFull(WriteFailed):
    """There is not enough free space for the work."""

    code = "disk_full"
    next_action = "Free some space, then try again; a production that waits for it goes on by itself."


class SpendingCap(FoundryError):
    """The next request would cost more than may be spent."""

    code = "spending_cap"
    next_action = "Raise the cap, then requeue the step: everything paid for is kept."


class VoiceError(FoundryError):
    """The speech engine could not do its work."""

    code = "voice_error"


class EngineMissing(VoiceError):
    """No such speech engine can run here."""

    code = "engine_missing"
    next_action = "See `foundry-tui doctor` for what is installed, or choose another engine for the narrator."


class EngineUnknown(EngineMissing):
    """There is no speech engine by that name."""

    code = "engine_unknown"
    next_action = "Choose another engine for the narrator."


class VoiceMissing(VoiceError):
    """The engine has no such voice."""

    code = "voice_missing"
    next_action = "List its voices with `foundry-tui voices`, then edit the narrator and requeue the step."


class NothingToSpeak(VoiceError):
    """The text holds no letter and no digit, so there is nothing to speak."""

    code = "nothing_to_speak"
    next_action = "Edit the text, or leave this piece out."


class EngineRefused(VoiceError):
    """The engine refused the request for good."""

    code = "engine_refused"
    next_action = "Check its key and settings, then requeue the step."


class TextRefused(VoiceError):
    """The engine refused this text for good."""

    code = "text_refused"
    next_action = "Edit the chunk's text, or leave it out, then requeue the step."


class EngineBusy(VoiceError):
    """The engine is busy."""

    code = "engine_busy"
    retryable = True
    next_action = "It is tried again by itself."


class EngineUnreachable(VoiceError):
    """The engine cannot be reached."""

    code = "engine_unreachable"
    retryable = True
    next_action = "It is tried again by itself; check the network if it goes on."


class EngineDown(VoiceError):
    """The engine failed on chunk after chunk."""

    code = "engine_down"
    retryable = True
    next_action = "The step is tried again by itself; finished chunks are kept."


class SpeechRejected(VoiceError):
    """The engine's sound is empty, cut short or broken."""

    code = "speech_rejected"
    retryable = True
    next_action = "It is spoken again by itself; edit the text or the voice if it goes on."


class AudioError(FoundryError):
    """The sound could not be put together."""

    code = "audio_error"


class ArtifactBroken(AudioError):
    """A finished piece no longer holds what was written."""

    code = "artifact_broken"
    retryable = True
    next_action = "It is made again by itself."


class ChunksFailed(AudioError):
    """Some chunks could not be spoken."""

    code = "chunks_failed"
    next_action = "Requeue the step to try only these again, or allow a gap report."


class QualityFailed(AudioError):
    """The finished file does not prove right."""

    code = "quality_failed"
    next_action = "Read reports/quality.md, then requeue the step it names."


class WorkerDied(FoundryError):
    """A helper process was ended from outside, most likely for want of memory."""

    code = "worker_died"
    retryable = True
    next_action = "It is tried again by itself; free some memory if it goes on."


class Interrupted(FoundryError):
    """The work was stopped on purpose."""

    code = "interrupted"
    next_action = "It goes on where it stopped."


class LeaseLost(Interrupted):
    """Another worker holds the job now."""

    code = "lease_lost"


class Draining(Interrupted):
    """The worker is shutting down."""

    code = "draining"


class Cancelled(Interrupted):
    """The operator cancelled or paused the work."""

    code = "cancelled"
