"""The visible signature: who signed, why, when, and the certificate's fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from reportlab.pdfgen.canvas import Canvas

from .figures import write_instant
from .typography import BOLD, MONO, TEXT, clipped, printable

_LABEL_WIDTH = 92.0
_PAD = 6.0


@dataclass(frozen=True, slots=True)
class SignatureBox:
    """Where the visible signature goes: page (0 is the first), lower left corner and size, both in
    whole points.
    """

    page: int
    x: int
    y: int
    width: int
    height: int


COVER_BOX = SignatureBox(page=0, x=48, y=50, width=499, height=64)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the visible signature says."""

    signer: str
    reason: str
    signed_at: datetime
    certificate_sha256: str


def draw_stamp(stamp: Stamp, width: float, height: float) -> bytes:
    """A one-page PDF of the given size in points; a text too long for its line is cut with an
    ellipsis (the signature itself carries it in full).
    """
    sheet = BytesIO()
    canvas = Canvas(sheet, pagesize=(width, height), invariant=1, pageCompression=1)
    canvas.setLineWidth(0.7)
    canvas.setFillGray(1)  # covers the empty place on the cover
    canvas.rect(0.5, 0.5, width - 1, height - 1, fill=1)
    canvas.setFillGray(0)
    rows = (
        ("Signed by", stamp.signer, BOLD, 9.0),
        ("Reason", stamp.reason, TEXT, 8.0),
        ("Time stated", write_instant(stamp.signed_at), TEXT, 8.0),
        ("Certificate SHA-256", stamp.certificate_sha256, MONO, 7.5),
    )
    step = (height - 2 * _PAD) / len(rows)
    for number, (label, text, face, size) in enumerate(rows):
        y = height - _PAD - number * step - step / 2 - size / 3
        canvas.setFont(TEXT, 7.5)
        canvas.drawString(_PAD, y, label)
        canvas.setFont(face, size)
        room = width - _LABEL_WIDTH - 2 * _PAD
        canvas.drawString(_PAD + _LABEL_WIDTH, y, clipped(printable(text), face, size, room))
    canvas.save()
    return sheet.getvalue()
