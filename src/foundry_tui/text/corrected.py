"""What a chunk says in the end: the operator's own words for it where there are any, then the lexicon."""

from __future__ import annotations

from collections.abc import Iterable

from foundry_tui.domain.chapters import Chapter, Chunk
from foundry_tui.domain.corrections import Corrections, speech_hash
from foundry_tui.text.chunks import speakable
from foundry_tui.text.lexicon import Lexicon


class SpokenTexts:
    """The final texts of a book's chunks; made once, asked for every chunk."""

    def __init__(self, corrections: Corrections, *, ipa: bool = False) -> None:
        """``ipa``: the engine takes IPA where an entry has it."""
        self._lexicon = Lexicon(corrections.entries, language=corrections.language, book_id=corrections.book_id)
        self._own = corrections.chunk_texts
        self._ipa = ipa

    def of(self, chunk: Chunk) -> str:
        """What ``chunk`` says; what would leave nothing to be said is passed over."""
        return self.of_speech(chunk.speech)

    def of_speech(self, speech: str) -> str:
        """What a chunk says whose speech is ``speech`` without corrections."""
        meant = self.meant(speech)
        said, hits = self._lexicon.apply(meant, ipa=self._ipa)
        return said if not hits or speakable(said) else meant

    def meant(self, speech: str) -> str:
        """The same without the lexicon: what a listener understands, however it is spelt for the voice."""
        return self._own.get(speech_hash(speech), speech) if self._own else speech

    def all(self, chapters: Iterable[Chapter]) -> list[str]:
        """What every chunk says, in order."""
        return [self.of(chunk) for chapter in chapters for chunk in chapter.chunks]

    def changed(self, chapters: Iterable[Chapter]) -> dict[tuple[int, int], str]:
        """The final text of every chunk that says something else than the book, by (chapter, chunk)."""
        return {
            (chapter.number, chunk.index): said
            for chapter in chapters
            for chunk in chapter.chunks
            if (said := self.of(chunk)) != chunk.speech
        }
