"""One book of sections: every chapter drafted, proved, spoken by rule, counted; then the whole added up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

from foundry_tui.domain.chapters import Chapter, Chunk
from foundry_tui.errors import CoverageBroken, NoChaptersDetected
from foundry_tui.text.chunks import Draft, Sizes, draft_chunks, sizes_for, speakable
from foundry_tui.text.coverage import Receipt, broken, skipped_words, total
from foundry_tui.text.decode import one_line
from foundry_tui.text.document import Block, BookDocument, count_unspaced, word_counter
from foundry_tui.text.headings import fold
from foundry_tui.text.notes import place_notes
from foundry_tui.text.options import ParseOptions
from foundry_tui.text.outline import OutlineEntry
from foundry_tui.text.overrides import section_hash
from foundry_tui.text.parsed_book import LeftOut, ParsedBook
from foundry_tui.text.pauses import PAUSES_MS
from foundry_tui.text.readers import SourceFile
from foundry_tui.text.rules.engine import RuleSet
from foundry_tui.text.rules.table import places_of, rules_for
from foundry_tui.text.sections import UNTITLED, Section, join_title

_NOT_WORD = re.compile(r"[\W_]+")
_TELLING = 12  # letters of a title that do not stand in a text by chance
_BESIDE = 40  # letters a line with a title in it may have besides
_TITLE_PAUSES = frozenset({"heading", "part_title"})
_CJK_GAP = re.compile("(?<=[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]) (?=[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef])")


def _opens_with(title: str, drafts: Sequence[Draft]) -> bool:
    """Whether the first words say the title already."""
    wanted = fold(title)
    texts = [fold(draft.text) for draft in drafts]
    if len(wanted) < _TELLING:  # a number or a short word may begin a sentence by chance
        return wanted in texts
    return any(text.startswith(wanted) or (wanted in text and len(text) <= len(wanted) + _BESIDE) for text in texts)


class BookBuilder:
    """Sections to chapters of chunks with their receipts; holds what every chapter of one book needs, used once."""

    def __init__(
        self,
        book_id: str,
        language: str,
        source: SourceFile,
        document: BookDocument,
        options: ParseOptions,
    ) -> None:
        self._book_id, self._language, self._source = book_id, language, source
        self._document, self._options = document, options
        self._rules = RuleSet(rules_for(language, options.rules_off))
        self._notes: dict[int, list[Block]] = {}
        self._moved: set[int] = set()
        self._count: Callable[[str], int] = (
            count_unspaced if language in {"jpn", "zho"} else word_counter(document.sample())
        )
        default = sizes_for(language)
        self._sizes = Sizes(options.target or default.target, options.hard or default.hard, options.sentences)
        if self._count is count_unspaced:
            for block in document.blocks:
                if " " in block.text:
                    block.text = _CJK_GAP.sub("", block.text)

    def build(self, sections: Sequence[Section]) -> ParsedBook:
        """The whole book; raises NoChaptersDetected or CoverageBroken."""
        self._notes = place_notes(self._document, sections, self._options.footnotes)
        self._moved = {block.position for note in self._notes.values() for block in note}
        source_words = sum(self._count(block.raw) for block in self._document.blocks)
        chapters: list[Chapter] = []
        receipts: list[Receipt] = []
        left: list[LeftOut] = []
        outside: Counter[str] = Counter()
        outline: list[OutlineEntry] = []
        for section in sections:
            chapter, receipt = self._chapter(section, len(chapters) + 1) if section.kept else (None, None)
            if chapter is not None and receipt is not None:
                chapters.append(chapter)
                receipts.append(receipt)
                outline.append(self._entry(section, receipt.source_words, chapter))
                continue
            words = sum(self._count(block.raw) for block in self._blocks(section))
            reason = section.reason or "nothing to say"
            outside[reason] += words
            if words:
                entry = self._entry(section, words, None)
                outline.append(entry)
                left.append(LeftOut(entry.title, reason, words, entry.source_span, entry.anchor, entry.text_hash))
        if not chapters:
            raise self._nothing(sections, source_words)
        coverage = total(source_words, receipts, Receipt(sum(outside.values()), 0, {}, dict(outside)))
        if not coverage.balances:
            raise CoverageBroken(f"The receipt does not balance: {coverage.to_json()}")
        title = one_line(self._document.title) or one_line(chapters[0].title) or self._book_id
        return ParsedBook(
            self._book_id,
            title,
            one_line(self._document.author) or None,
            self._language,
            self._source,
            tuple(chapters),
            coverage,
            tuple(left),
            tuple(self._document.warnings),
            tuple(outline),
        )

    def _entry(self, section: Section, words: int, chapter: Chapter | None) -> OutlineEntry:
        return OutlineEntry(
            chapter.number if chapter else None,
            chapter.title if chapter else self._name(section),
            section.kind,
            "" if chapter else section.reason or "nothing to say",
            words,
            len(chapter.chunks) if chapter else 0,
            section.anchor,
            section_hash(section, self._document.blocks),
            next((one_line(block.raw, 60) for block in self._blocks(section) if block.raw.strip()), ""),
            (section.start, section.end - 1),
        )

    def _blocks(self, section: Section) -> list[Block]:
        """A section's blocks; notes stand where the operator wants them."""
        blocks = self._document.blocks[section.start : section.end]
        if not self._moved:
            return blocks
        placed: list[Block] = []
        for block in blocks:
            if block.position not in self._moved:
                placed.append(block)
            placed.extend(self._notes.get(block.position, ()))
        return placed

    def _name(self, section: Section) -> str:
        if section.title:
            return one_line(section.title, 120)
        return next((one_line(block.raw, 60) for block in self._blocks(section) if block.raw.strip()), "")

    def _chapter(self, section: Section, number: int) -> tuple[Chapter | None, Receipt | None]:
        blocks = self._blocks(section)
        drafts = list(self._drafts(section, blocks))
        if not drafts:
            section.reason = section.reason or "nothing to say"
            return None, None
        self._prove(section, blocks, drafts, number)
        skipped: Counter[str] = Counter()
        source_words = spoken = 0
        for block in blocks:
            words = self._count(block.raw)
            source_words += words
            if block.spoken and speakable(block.text):
                said_all = block.raw is block.text or block.raw == block.text
                spoken += words if said_all else self._count(block.text)
                if not said_all:
                    skipped.update(skipped_words(block, self._count))
            elif words:
                skipped[block.skip or "ornament"] += words
        drafts = self._with_title(section, drafts)
        said, replaced = self._speech(drafts)
        chunks = tuple(
            Chunk(
                index,
                draft.text,
                draft.kind,
                PAUSES_MS["chapter_end" if index == len(drafts) else draft.pause],
                (draft.first, draft.last),
                spoken,
            )
            for index, (draft, spoken) in enumerate(zip(drafts, said, strict=True), 1)
        )
        title = one_line(f"{section.part}, {section.title}" if section.part else section.title)
        receipt = Receipt(source_words, spoken - sum(replaced.values()), dict(replaced), dict(skipped))
        return Chapter(number, title, section.kind, spoken, chunks), receipt

    def _speech(self, drafts: Sequence[Draft]) -> tuple[list[str | None], Counter[str]]:
        """(spoken form or None, words replaced by rule) of a chapter's chunks."""
        said: list[str | None] = []
        replaced: Counter[str] = Counter()
        places = places_of([draft.kind for draft in drafts])
        changed = self._rules.apply_all([draft.text for draft in drafts], places)
        for draft, (spoken, hits) in zip(drafts, changed, strict=True):
            said.append(spoken if hits and spoken != draft.text and speakable(spoken) else None)
            if said[-1] is not None and not draft.added:
                for hit in hits:
                    if hit.words:
                        replaced[hit.rule] += hit.words
        return said, replaced

    def _with_title(self, section: Section, drafts: list[Draft]) -> list[Draft]:
        """A title that stands only in the navigation, on the title page or in the operator's mind is said first:
        a listener has no page to read it from.
        """
        if any(draft.pause == "heading" for draft in drafts):
            return drafts
        title = one_line(section.title)
        parts = sum(1 for _ in takewhile(lambda draft: draft.pause == "part_title", drafts))
        if not speakable(title) or title == UNTITLED or _opens_with(title, drafts[: parts + 3]):
            return drafts
        first = drafts[parts].first if parts < len(drafts) else section.start
        return [*drafts[:parts], Draft(title, "heading", "heading", first, first, added=True), *drafts[parts:]]

    def _drafts(self, section: Section, blocks: Sequence[Block]) -> Iterator[Draft]:
        """Part titles and what stands under them, the chapter's own heading, then its text."""
        heads, opening = set(section.heads), set(section.opening)
        body: list[Block] = []
        headed = False
        for block in blocks:
            if block.position in opening or (block.position in heads and not headed):
                yield from draft_chunks(body, self._language, self._sizes)
                body = []
                if block.position in opening:
                    if block.spoken and speakable(block.text):
                        yield Draft(join_title(block.text), "heading", "part_title", block.position, block.position)
                    continue
                headed = True
                lines = [
                    self._document.blocks[position].text
                    for position in section.heads
                    if self._document.blocks[position].spoken
                ]
                title = join_title("\n".join(lines)) if lines else ""
                if speakable(title):
                    yield Draft(title, "heading", "heading", section.heads[0], section.heads[-1])
            elif block.position not in heads and (block.spoken or block.kind == "rule"):
                body.append(block)
        yield from draft_chunks(body, self._language, self._sizes)

    def _prove(self, section: Section, blocks: Sequence[Block], drafts: Sequence[Draft], number: int) -> None:
        """Raise CoverageBroken unless the chunks say every narrated letter of the blocks, in order."""
        titles = {*section.heads, *section.opening}
        for shown in (True, False):  # titles apart: they gain a stop between number and name
            said = [
                block.text
                for block in blocks
                if (block.position in titles) == shown and block.spoken and speakable(block.text)
            ]
            got_texts = [draft.text for draft in drafts if (draft.pause in _TITLE_PAUSES) == shown]
            wanted, got = " ".join(said).replace("\n", " "), " ".join(got_texts).replace("\n", " ")
            if wanted == got or wanted.replace(" ", "") == got.replace(" ", ""):
                continue
            wanted, got = _NOT_WORD.sub("", wanted), _NOT_WORD.sub("", got)  # ornaments are not said
            if wanted != got:
                raise broken(wanted, got, f"while chapter {number} was cut into chunks")

    def _nothing(self, sections: Sequence[Section], words: int) -> NoChaptersDetected:
        seen = "; ".join(
            f"{self._count_section(section)} words of {section.reason or 'nothing'}" for section in sections[:8]
        )
        return NoChaptersDetected(
            f"{self._source.file} holds no prose to narrate: {len(self._document.blocks)} blocks, {words} words "
            f"({seen or 'nothing at all'}).",
            details={"blocks": len(self._document.blocks), "words": words, "format": self._source.format},
        )

    def _count_section(self, section: Section) -> int:
        return sum(self._count(block.raw) for block in self._blocks(section))
