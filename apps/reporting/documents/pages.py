"""Pages: running header and footer, "page x of y", contents with page numbers, outline.

The total and the contents are known only when everything is laid out. Instead of laying the
document out twice, finished pages are kept and get their furniture at the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from reportlab.lib.colors import Color
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from .errors import InstantWithoutZone
from .stamp import COVER_BOX
from .tables import INK, RULE, PlacedText
from .typography import BOLD, TEXT, clipped, lines_of, printable, shortened, width_of

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 48.0
TEXT_WIDTH = PAGE_WIDTH - 2 * MARGIN
_HEADER_Y = PAGE_HEIGHT - 34
_FOOTER_Y = 28.0
_TOP = PAGE_HEIGHT - 52
_BOTTOM = 48.0
_GREY = Color(0.33, 0.33, 0.33)
_CONTENTS_LEADING = 14.0
_CONTENTS_LINES_PER_PAGE = 48
_SIZES = {1: 15.0, 2: 10.5}
_SPACE_ABOVE = {1: 4.0, 2: 11.0}
_SPACE_BELOW = {1: 10.0, 2: 6.0}
_LONGEST_TITLE_LINES = 4


@dataclass(frozen=True, slots=True)
class Running:
    """What every page says about the document.

    Args:
        left, right: of the header; the cover has none.
        foot: left of the footer, beside the page number.
        signature_note: written above the place for the signature on the cover; if it is empty,
            the cover has no such place.
    """

    left: str
    right: str
    foot: str
    signature_note: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The PDF's own description; ``identity`` makes its file identifier, ``created_at`` its date.

    Args:
        identity: what the content is, such as a digest; the same content has the same identifier.
    """

    title: str
    author: str
    subject: str
    keywords: str
    creator: str
    identity: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Placed:
    """A heading on its page."""

    heading: Heading
    page: int
    top: float


class Heading(Flowable):
    """A numbered heading that appears in the contents and the outline.

    Args:
        number: "3" or "3.1" or "A"; may be empty.
        level: 1 for sections, 2 below.
    """

    def __init__(self, number: str, title: str, level: int) -> None:
        super().__init__()
        self.number = number
        self.title = " ".join(printable(title).split())
        self.level = level
        self._size = _SIZES[level]
        self._indent = 32.0 if level == 1 and number else 0.0

    @property
    def label(self) -> str:
        """Number and title on one line."""
        return f"{self.number}  {self.title}" if self.number else self.title

    def wrap(self, available_width: float, _available_height: float) -> tuple[float, float]:
        """The full width, and the height of the wrapped title."""
        text = self.title if self.level == 1 else self.label
        room = available_width - self._indent - self._size  # an em for an ellipsis
        lines = lines_of(text, BOLD, self._size, room)
        self._lines = shortened(lines, _LONGEST_TITLE_LINES)
        self.width = available_width
        body = len(self._lines) * self._size * 1.25
        self.height = _SPACE_ABOVE[self.level] + body + _SPACE_BELOW[self.level]
        return self.width, self.height

    def draw(self) -> None:
        """The title; sections get a rule below."""
        canvas = self.canv
        canvas.note_heading(self)
        canvas.setFillColor(INK)
        canvas.setFont(BOLD, self._size)
        y = self.height - _SPACE_ABOVE[self.level] - self._size
        if self.level == 1:
            canvas.drawString(0, y, self.number)
        for line in self._lines:
            canvas.drawString(self._indent, y, line)
            y -= self._size * 1.25
        if self.level == 1:
            canvas.setStrokeColor(INK)
            canvas.setLineWidth(0.9)
            canvas.line(0, _SPACE_BELOW[1] - 4, self.width, _SPACE_BELOW[1] - 4)


class ContentsPage(Flowable):
    """One page of the contents; its lines are written when all pages are known."""

    _TITLE_HEIGHT = 34.0

    def __init__(self, headings: Sequence[Heading]) -> None:
        super().__init__()
        self.headings = headings

    def wrap(self, available_width: float, _available_height: float) -> tuple[float, float]:
        """The full width, the title, and as many lines as there are headings."""
        self.width = available_width
        self.height = self._TITLE_HEIGHT + len(self.headings) * _CONTENTS_LEADING
        return self.width, self.height

    def draw(self) -> None:
        """The title; the place below is kept for the lines."""
        canvas = self.canv
        canvas.note_contents(self.headings, self.height - self._TITLE_HEIGHT)
        canvas.setFillColor(INK)
        canvas.setFont(BOLD, _SIZES[1])
        canvas.drawString(0, self.height - 19, "Contents")
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(0.9)
        canvas.line(0, self.height - 27, self.width, self.height - 27)


class _PageCanvas(Canvas):
    """A canvas that keeps its pages and finishes them once their number is known."""

    def __init__(self, *args: Any, running: Running, metadata: Metadata, **options: Any) -> None:
        super().__init__(*args, **options)
        self._running = running
        self._kept: list[dict[str, Any]] = []
        self._placed: list[_Placed] = []
        self._contents: dict[int, tuple[Sequence[Heading], float]] = {}
        self._known_texts: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._describe(metadata)

    def _describe(self, metadata: Metadata) -> None:
        """Set the description, the date and the identifier from the content, not from a clock."""
        document = self._doc
        moment = metadata.created_at.astimezone(UTC)
        document._timeStamp = SimpleNamespace(
            t=moment.timestamp(), YMDhms=moment.timetuple()[:6], dhh=0, dmm=0
        )
        document.signature = hashlib.blake2b(metadata.identity.encode(), digest_size=16)
        self.showOutline()
        self.setViewerPreference("DisplayDocTitle", "true")

    def note_heading(self, heading: Heading) -> None:
        """Remember where a heading stands."""
        top = self.absolutePosition(0, heading.height)[1]
        self._placed.append(_Placed(heading, len(self._kept) + 1, top))

    def note_contents(self, headings: Sequence[Heading], top: float) -> None:
        """Remember that this page takes these lines of the contents, from this height down."""
        self._contents[len(self._kept) + 1] = (headings, self.absolutePosition(0, top)[1])

    def write_texts(self, texts: Iterable[PlacedText], size: float) -> None:
        """Write many short texts in one text object; several times faster than one by one."""
        code = ["BT"]
        font_in_use = ""
        for face, x, y, text in texts:
            code.append(f"1 0 0 1 {x:.2f} {y:.2f} Tm")
            for font, escaped in self._encoded(face, text):
                if font != font_in_use:
                    code.append(f"{font} {size:g} Tf")
                    font_in_use = font
                code.append(f"({escaped}) Tj")
        self._code.append("\n".join([*code, "ET"]))

    def _encoded(self, face: str, text: str) -> list[tuple[str, str]]:
        """The text as strings of the subsets of the face that the document embeds."""
        known = self._known_texts.get((face, text))
        if known is None:
            font = pdfmetrics.getFont(face)
            known = [
                (font.getSubsetInternalName(subset, self._doc), self._escape(codes))
                for subset, codes in font.splitString(text, self._doc)
            ]
            self._known_texts[face, text] = known
        return known

    def showPage(self) -> None:  # noqa: N802 - overrides
        """Keep the page instead of writing it."""
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Give each page its furniture, then write them all."""
        for number, page in enumerate(self._kept, start=1):
            self.__dict__.update(page)
            self._mark_headings(number)
            self._write_contents(number)
            self._write_furniture(number)
            super().showPage()
        super().save()

    def _mark_headings(self, number: int) -> None:
        for index, placed in enumerate(self._placed):
            if placed.page == number:
                heading = placed.heading
                self.bookmarkPage(_key(index), fit="XYZ", left=0, top=placed.top + 6, zoom=0)
                self.addOutlineEntry(heading.label, _key(index), heading.level - 1, closed=True)

    def _write_contents(self, number: int) -> None:
        if number not in self._contents:
            return
        headings, y = self._contents[number]
        places = {id(placed.heading): index for index, placed in enumerate(self._placed)}
        for heading in headings:
            y -= _CONTENTS_LEADING
            index = places[id(heading)]
            self._write_contents_line(heading, self._placed[index].page, y + 4)
            area = (MARGIN, y, PAGE_WIDTH - MARGIN, y + _CONTENTS_LEADING)
            # named, because the canvas counts links per page state and would use a name twice
            self.linkAbsolute("", _key(index), area, name=f"link-{index}")

    def _write_contents_line(self, heading: Heading, page: int, y: float) -> None:
        face, indent = (BOLD, 0.0) if heading.level == 1 else (TEXT, 26.0)
        number_width = 26.0
        room = TEXT_WIDTH - indent - number_width - 40
        title = clipped(heading.title, face, 9, room)
        left = MARGIN + indent + number_width
        self.setFillColor(INK)
        self.setFont(face, 9)
        self.drawString(MARGIN + indent, y, heading.number)
        self.drawString(left, y, title)
        self.drawRightString(PAGE_WIDTH - MARGIN, y, str(page))
        self.setStrokeColor(RULE)
        self.setLineWidth(0.5)
        self.setDash(0.5, 2.5)
        end = PAGE_WIDTH - MARGIN - width_of(str(page), face, 9) - 6
        self.line(left + width_of(title, face, 9) + 6, y, end, y)
        self.setDash()

    def _write_furniture(self, number: int) -> None:
        running = self._running
        self.setFillColor(_GREY)
        self.setFont(TEXT, 7)
        self.setStrokeColor(RULE)
        self.setLineWidth(0.5)
        right = PAGE_WIDTH - MARGIN
        if number > 1:
            room = TEXT_WIDTH - width_of(running.right, TEXT, 7) - 20
            self.drawString(MARGIN, _HEADER_Y, clipped(printable(running.left), TEXT, 7, room))
            self.drawRightString(right, _HEADER_Y, running.right)
            self.line(MARGIN, _HEADER_Y - 5, right, _HEADER_Y - 5)
        elif running.signature_note:
            self._write_signature_place(running.signature_note)
        foot = clipped(printable(running.foot), TEXT, 7, TEXT_WIDTH - 100)
        self.drawString(MARGIN, _FOOTER_Y, foot)
        self.drawRightString(right, _FOOTER_Y, f"Page {number} of {len(self._kept)}")

    def _write_signature_place(self, note: str) -> None:
        box = COVER_BOX
        self.drawString(box.x, box.y + box.height + 5, note)
        self.setDash(2, 2)
        self.rect(box.x + 2, box.y + 2, box.width - 4, box.height - 4)
        self.setDash()


def _key(index: int) -> str:
    return f"heading-{index}"


def contents_of(story: Sequence[Flowable]) -> list[Flowable]:
    """The contents pages of a story: sections and, unless they are too many, what is below."""
    headings = [flowable for flowable in story if isinstance(flowable, Heading)]
    if len(headings) > 2 * _CONTENTS_LINES_PER_PAGE:
        headings = [heading for heading in headings if heading.level == 1]
    step = _CONTENTS_LINES_PER_PAGE
    return [ContentsPage(headings[at : at + step]) for at in range(0, len(headings), step)]


def build_pdf(
    story: Sequence[Flowable],
    *,
    running: Running,
    metadata: Metadata,
    cover_bottom: float = _BOTTOM,
) -> bytes:
    """Lay the story out on A4 pages.

    The first page is the cover: without running header, its text ends ``cover_bottom`` points
    above the paper's edge. The same story and metadata give the same bytes.

    Raises:
        InstantWithoutZone: ``created_at`` is naive.
    """
    if metadata.created_at.utcoffset() is None:
        raise InstantWithoutZone("the creation time has no time zone")
    signature_top = COVER_BOX.y + COVER_BOX.height + 18
    cover_bottom = signature_top if running.signature_note else _BOTTOM
    sheet = BytesIO()
    template = BaseDocTemplate(
        sheet,
        pagesize=A4,
        pageCompression=1,
        invariant=1,
        lang="en",
        title=printable(metadata.title),
        author=printable(metadata.author),
        subject=printable(metadata.subject),
        keywords=printable(metadata.keywords),
        creator=printable(metadata.creator),
        producer=printable(metadata.creator),
        pageTemplates=[
            PageTemplate("cover", [_frame(cover_bottom)], autoNextPageTemplate="body"),
            PageTemplate("body", [_frame(_BOTTOM)]),
        ],
    )
    template.build(
        list(story), canvasmaker=partial(_PageCanvas, running=running, metadata=metadata)
    )
    return sheet.getvalue()


def _frame(bottom: float) -> Frame:
    return Frame(
        MARGIN,
        bottom,
        TEXT_WIDTH,
        _TOP - bottom,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
