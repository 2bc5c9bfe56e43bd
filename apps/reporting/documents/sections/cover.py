"""Section 1: what the document is, what it proves, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.platypus import Flowable, Spacer

from ..content import Cover, EvidenceContent, Figure
from ..figures import write_date, write_instant, write_local_instant
from ..pages import Heading
from ..tables import INK, RULE
from ..typography import BOLD, TEXT, lines_of, printable, shortened, width_of
from .blocks import digests, facts, prose

_TITLE_SIZE = 23.0
_FIGURES_IN_A_ROW = 5
_LONGEST_TITLE_LINES = 3

WHAT_IT_IS = (
    "This document records how the process above was carried out and controlled in the period. "
    "It was generated from the records of the system, not typed; its exact figures are attached as "
    "files, and section 4 names the reports they come from with their digests."
)
WHAT_IT_PROVES = (
    "The signature below covers every byte of this file: any later change is detectable offline. "
    "The manifest root above is the SHA-256 of the attached manifest, which gives the SHA-256 of "
    "every file of the package: none can be exchanged, added or removed unnoticed."
)
WHAT_IT_DOES_NOT_PROVE = (
    "The signature carries the time stated by the signing system, not a third party's time stamp. "
    "Completeness is shown against the sources named in section 4; records that never reached "
    "those sources are outside this document."
)


class CoverTitle(Heading):
    """The head of the cover: kind of document, process, entity and period."""

    def __init__(self, cover: Cover) -> None:
        super().__init__("1", "Cover", 1)
        self._process = printable(cover.process)
        self._scope = printable(f"{cover.entity}, {cover.period}")

    def wrap(self, available_width: float, _available_height: float) -> tuple[float, float]:
        """The full width, and the height of the wrapped titles."""
        room = available_width - _TITLE_SIZE  # an em for an ellipsis
        title = lines_of(self._process, BOLD, _TITLE_SIZE, room)
        scope = lines_of(self._scope, TEXT, 13, room)
        self._title_lines = shortened(title, _LONGEST_TITLE_LINES)
        self._scope_lines = shortened(scope, _LONGEST_TITLE_LINES)
        self.width = available_width
        self.height = 34.0 + len(self._title_lines) * 28 + len(self._scope_lines) * 17 + 14
        return self.width, self.height

    def draw(self) -> None:
        """Kind, process, entity and period, under one another."""
        canvas = self.canv
        canvas.note_heading(self)
        canvas.setFillColor(INK)
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(2.2)
        canvas.line(0, self.height - 2, self.width, self.height - 2)
        canvas.setFont(BOLD, 9)
        canvas.drawString(0, self.height - 18, "EVIDENCE PACKAGE", charSpace=1.1)
        y = self.height - 34
        for line in self._title_lines:
            y -= 28
            self._line(line, BOLD, _TITLE_SIZE, y + 7)
        for line in self._scope_lines:
            y -= 17
            self._line(line, TEXT, 13, y + 3)

    def _line(self, line: str, face: str, size: float, y: float) -> None:
        self.canv.setFont(face, size)
        self.canv.drawString(0, y, line)


class FigureRow(Flowable):
    """Headline figures side by side: the value large, its label below."""

    _HEIGHT = 46.0

    def __init__(self, figures: Sequence[Figure]) -> None:
        super().__init__()
        self._figures = figures

    def wrap(self, available_width: float, _available_height: float) -> tuple[float, float]:
        """The full width, one row high."""
        self.width = available_width
        return available_width, self._HEIGHT

    def draw(self) -> None:
        """Values and labels under a rule each."""
        canvas = self.canv
        step = self.width / len(self._figures)
        room = step - 12
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.8)
        for number, figure in enumerate(self._figures):
            left, top = number * step, self._HEIGHT
            value, label = printable(figure.value), printable(figure.label)
            canvas.line(left, top - 2, left + room, top - 2)
            canvas.setFont(BOLD, _fitting_size(value, BOLD, 14, room))
            canvas.drawString(left, top - 21, value)
            canvas.setFont(TEXT, _fitting_size(label, TEXT, 8, room))
            canvas.drawString(left, top - 34, label)


def _fitting_size(text: str, face: str, size: float, room: float) -> float:
    """A smaller size rather than a cut text: a figure without its end is a wrong figure."""
    return min(size, size * room / max(width_of(text, face, size), 1))


def cover_story(content: EvidenceContent, omissions: Sequence[tuple[str, str]]) -> list[Flowable]:
    """The cover.

    Args:
        omissions: sections declared omitted ("5  Sample") and why.
    """
    cover = content.cover
    story: list[Flowable] = [CoverTitle(cover), *prose(cover.conclusion), Spacer(0, 5)]
    for start in range(0, len(cover.figures), _FIGURES_IN_A_ROW):
        story.append(FigureRow(cover.figures[start : start + _FIGURES_IN_A_ROW]))
    story += [Spacer(0, 4), *_facts_of(content)]
    story += facts(
        [
            ("What it is", WHAT_IT_IS),
            ("What it proves", WHAT_IT_PROVES),
            ("What it does not", WHAT_IT_DOES_NOT_PROVE),
            ("Declared omissions", "\n".join(f"{name}: {reason}" for name, reason in omissions)),
        ]
    )
    return story


def _facts_of(content: EvidenceContent) -> list[Flowable]:
    cover = content.cover
    start, end = write_date(cover.period_start_on), write_date(cover.period_end_on)
    local = write_local_instant(cover.generated_at, cover.time_zone)
    return [
        *facts(
            [
                ("Process", cover.process),
                ("Entity", cover.entity),
                ("Ledger", cover.ledger),
                ("Period", f"{cover.period}: {start} to {end}"),
                ("Package", f"{cover.package}, version {cover.version}"),
                ("Supersedes", cover.supersedes or "nothing; this is the first version"),
                ("Generated", f"{write_instant(cover.generated_at)} = {local}"),
                ("Generated by", f"{cover.generated_by}, with {cover.generator}"),
                ("Classification", cover.classification),
            ]
        )[:1],
        *digests([("Manifest root", content.holdings.manifest.root_sha256)]),
    ]
