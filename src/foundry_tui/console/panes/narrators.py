"""The Narrators: who speaks, with which engine and voice, and whether they can be heard beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from foundry_tui.console.actions import bindings_for
from foundry_tui.console.panes.pane import Pane
from foundry_tui.console.widgets.columns import Column, Row, cell
from foundry_tui.domain.books import Narrator
from foundry_tui.domain.desk import NARRATOR_ORDERS, Wanted, Window
from foundry_tui.domain.plain import plain

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner


@dataclass(frozen=True, slots=True)
class Speaker:
    """A narrator, what its engine costs (None where it cannot be asked), and whether its sample is there."""

    narrator: Narrator
    engine: str
    cost: str
    sample: str  # "there", "missing" or "none"


class NarratorsPane(Pane[Speaker]):
    """The roster."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("narrators"))
    scope = "narrators"
    title = "Narrators"
    orders = NARRATOR_ORDERS
    columns = (
        Column("NAME", 13, share=4),
        Column("ENGINE", 10, rank=1),
        Column("VOICE", 10, share=1, rank=3),
        Column("LANG", 4, rank=2),
        Column("ACCENT", 8, rank=5),
        Column("COST", 5, rank=6),
        Column("SAMPLE", 9, rank=0),
    )

    def __init__(self) -> None:
        super().__init__()
        self.sound = ""  # where a sample would be heard

    async def fetch(self, inner: Inner, wanted: Wanted) -> Window[Speaker]:
        """Read from the tables, the sample files and the engines' profiles."""
        window = await inner.desk.narrators(wanted)
        samples = await inner.auditions.samples(list(window.lines))
        speakers = [await _speaker(inner, narrator, samples) for narrator in window.lines]
        return Window(window.count, window.first, tuple(speakers), window.at)

    async def fetch_more(self, inner: Inner, wanted: Wanted, first: int, last: int) -> Sequence[Speaker]:
        """A roster is read whole: there is never more."""
        return (await self.fetch(inner, wanted)).lines[first:last]

    def key_of(self, line: Speaker) -> str:
        """Its narrator_id."""
        return line.narrator.narrator_id

    def row_of(self, line: Speaker) -> Row:
        """A narrator on one line."""
        narrator = line.narrator
        note = "♪" if self.console.unicode else "*"
        sample = {
            "there": cell(f"{note} sample", "ok"),
            "missing": cell("! missing", "warn"),
            "none": cell("– none", "dim"),
        }[line.sample]
        off = "" if narrator.active else "off"
        return Row(
            narrator.narrator_id,
            (
                cell(plain(narrator.narrator_name, 200) + ("" if narrator.active else " (retired)"), off),
                cell(line.engine, "" if narrator.engine else "dim"),
                cell(plain(narrator.voice or "by language", 100), "" if narrator.voice else "dim"),
                cell(plain(narrator.language, 10), "dim"),
                cell(plain(narrator.accent or narrator.gender or "", 60), "dim"),
                cell(line.cost, "dim"),
                sample,
            ),
            data=narrator,
        )

    def title_parts(self) -> list[str]:
        """With the place sound comes out."""
        parts = super().title_parts()
        return [*parts, f"sound: {self.sound}"] if self.sound else parts

    def empty_text(self) -> str:
        """The first thing to do."""
        return (
            "No narrators yet.\n\na  add one from an engine's voices\nS  bring in the starter narrators and the sample"
        )


async def _speaker(inner: Inner, narrator: Narrator, samples: Mapping[str, str]) -> Speaker:
    engine = narrator.engine or f"{inner.foundry.settings.default_engine} (default)"
    cost = await inner.auditions.cost(narrator.engine or inner.foundry.settings.default_engine)
    return Speaker(narrator, plain(engine, 40), cost, samples.get(narrator.narrator_id, "none"))
