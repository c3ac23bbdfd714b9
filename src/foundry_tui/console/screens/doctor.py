"""The doctor's findings: what is well, what is not, what to do, and what can be done from here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from foundry_tui.console.glyphs import Sign
from foundry_tui.console.screens.choice import confirm
from foundry_tui.console.screens.listing import Line, ListingScreen
from foundry_tui.console.screens.reading import ReadingScreen
from foundry_tui.console.widgets.columns import Column, Row, cell
from foundry_tui.domain.plain import plain, plain_lines

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner
    from foundry_tui.operations.doctor import Finding

SIGNS = {
    "ok": Sign("●", "#", "ok", "ok"),
    "warning": Sign("!", "!", "warning", "warn"),
    "problem": Sign("✗", "x", "problem", "bad"),
}
_SHOWN = 5
_ORDER = {"problem": 0, "warning": 1, "ok": 2}


class DoctorScreen(ListingScreen):
    """Looked at once, and again on a key or after a repair: engines are asked over the network."""

    scope = "doctor"
    costly = True
    marks = False
    lacks = ListingScreen.lacks | {"list.mark", "list.mark_all"}
    columns = (
        Column("", 10),
        Column("WHAT", 16, rank=1),
        Column("FOUND", 24, share=3),
        Column("WHAT TO DO", 16, share=2, rank=2),
    )

    def look_again(self) -> None:
        """Examine the home again."""
        self.loaded = False
        self.rows = ()
        self.show_rows()
        self.read_again()

    async def read(self) -> Sequence[Row] | None:
        """Examine, and show each finding as it is made: an engine that cannot be reached takes its time to say so."""
        loop = asyncio.get_running_loop()
        so_far: list[Finding] = []

        def told(finding: Finding) -> None:
            loop.call_soon_threadsafe(self._arrived, so_far, finding)

        async def look(inner: Inner) -> list[Finding]:
            inner.on_finding = told
            return await inner.examine()

        found = await self.console.ask(look)
        return () if found is None else finding_rows(found)

    def _arrived(self, so_far: list[Finding], finding: Finding) -> None:
        so_far.append(finding)
        if self.is_attached and not self.loaded:
            self.rows = finding_rows(so_far)
            self.show_rows()

    @property
    def chosen(self) -> Finding | None:
        """The finding under the cursor."""
        row = self.list.cursor_row
        return row.data if row is not None else None  # type: ignore[return-value]

    def facts(self) -> Sequence[Line]:
        """How it stands, and the finding under the cursor in full."""
        if not self.loaded:
            return [[("Doctor", "bold"), (f"  is looking … {len(self.rows)} so far", "dim")]]
        levels = [row.data.level for row in self.rows]  # type: ignore[attr-defined]
        counts = [(f"  {levels.count(name)} {sign.word}", sign.style) for name, sign in SIGNS.items() if name in levels]
        lines: list[Line] = [[("Doctor", "bold"), *counts]]
        finding = self.chosen
        if finding is not None:
            lines.append([(plain(finding.sentence, 400), "")])
            lines.append(
                [(plain(finding.action or "", 400) if finding.level != "ok" else "", SIGNS[finding.level].style)]
            )
        return lines

    def empty_words(self) -> str:
        """It could not look."""
        return "The home could not be examined: A looks again."

    async def do(self, name: str) -> None:
        """Look again, or repair."""
        if name == "again":
            self.look_again()
        elif name == "repair":
            await self._repair()

    async def _repair(self) -> None:
        finding = self.chosen
        if finding is None:
            return
        if finding.repair is None:
            well = finding.level == "ok"
            mine = f"That is yours to mend: {plain(finding.action or '', 200)}"
            self.console.say("That is well." if well else mine, "warn")
            return
        listed = "".join(f"\n  {plain(each, 200)}" for each in finding.where[:_SHOWN])
        more = f"\n  … and {len(finding.where) - _SHOWN} more" if len(finding.where) > _SHOWN else ""
        words = f"{plain(finding.sentence, 300)}\n\n{plain(finding.repair, 300)}{listed}{more}"
        if await self.console.push_screen_wait(confirm("Repair?", words, "Repair it")) != "yes":
            return
        said = await self.console.ask(lambda inner: inner.repair(finding))
        if said is not None:
            self.console.say(" ".join(plain(each, 300) for each in said) or "It was mended already.", "ok")
            self.console.house.note_change()
            self.look_again()

    async def open_row(self) -> None:
        """A finding in full."""
        finding = self.chosen
        if finding is not None:
            sign = SIGNS[finding.level]
            lines: list[Line] = [
                [(f"{sign.drawn()} {sign.word}", sign.style), (f"  {plain(finding.subject)}", "bold")],
                [],
            ]
            lines += [[(text, "")] for text in plain_lines(finding.sentence).splitlines()]
            lines += [[], *([(text, sign.style)] for text in plain_lines(finding.action or "").splitlines())]
            if finding.repair:
                lines += [[(f"F mends it: {plain(finding.repair, 300)}", "ok")]]
            lines += [[], *([(plain(each, 300), "dim")] for each in finding.where)]
            self.app.push_screen(ReadingScreen(f"Doctor: {plain(finding.subject, 40)}", lines))


def finding_rows(found: Sequence[Finding]) -> list[Row]:
    """What is not well comes first."""
    ordered = sorted(enumerate(found), key=lambda at: _ORDER[at[1].level])
    return [finding_row(f"{place}", each) for place, each in ordered]


def finding_row(key: str, finding: Finding) -> Row:
    """A finding on a line."""
    sign = SIGNS[finding.level]
    return Row(
        key,
        (
            cell(f"{sign.drawn()} {sign.word}", sign.style),
            cell(plain(finding.subject, 40), "dim"),
            cell(plain(finding.sentence, 400)),
            cell(plain(finding.action or "", 300) if finding.level != "ok" else "", sign.style),
        ),
        data=finding,
    )
