"""What a file that is brought as evidence is, told by its bytes. Its name may only agree."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
import unicodedata
import zipfile
import zlib
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import Final

from apps.approvals.errors import (
    AttachmentEmpty,
    AttachmentMisnamed,
    AttachmentTypeRefused,
    AttachmentUnsound,
)

PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
PDF: Final = "application/pdf"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv"
TEXT: Final = "text/plain"
IMAGES: Final = frozenset({PNG, JPEG})
TEXTS: Final = frozenset({TEXT, CSV})
ALL_TYPES: Final = IMAGES | TEXTS | {PDF, XLSX}

MOST_PIXELS: Final = 64_000_000  # what a browser unfolds a picture to, at four bytes each
MOST_UNPACKED_BYTES: Final = 200_000_000
MOST_PARTS: Final = 2_000
LONGEST_NAME: Final = 120
LONGEST_TEXT: Final = 10_000  # characters of a text that is written instead of a file

_ENDINGS: Final = {
    PNG: ("png",),
    JPEG: ("jpg", "jpeg"),
    PDF: ("pdf",),
    XLSX: ("xlsx",),
    TEXT: ("txt",),
    CSV: ("csv",),
}
_CALLED: Final = {
    PNG: "a PNG",
    JPEG: "a JPEG",
    PDF: "a PDF",
    XLSX: "an Excel workbook",
    TEXT: "plain text",
    CSV: "CSV",
}
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_MOST_SEGMENTS: Final = 5_000  # before the frame of a JPEG; a picture has some dozens
_JPEG_END: Final = b"\xff\xd9"
_PNG_END: Final = b"IEND\xaeB`\x82"
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENDING: Final = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,9})$")
_MARKUP: Final = re.compile(r"\s*<[A-Za-z!?/]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
# A start of frame: its height and width follow the length and the precision.
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


@dataclass(frozen=True)
class Evidence:
    """Something that somebody brings.

    Attributes:
        kind: one of `apps.approvals.states.EvidenceKind`.
        filename: as it came.
        field: the input field that it came in by; refusals name it.
    """

    kind: str
    filename: str
    content: bytes = dataclasses.field(repr=False)
    field: str = ""

    @classmethod
    def in_words(cls, kind: str, text: str, *, field: str = "") -> Evidence:
        """Words instead of a file; they end their lines the same way wherever they came from."""
        plain = text.strip().replace("\r\n", "\n")
        return cls(kind, f"{kind}.txt", plain.encode(), field)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Recognised:
    """What a file is, and a name that is safe to show and to save it under."""

    content_type: str
    name: str


def called(content_type: str) -> str:
    """A type for a sentence: "a PDF"."""
    return _CALLED[content_type]


def recognise(evidence: Evidence) -> Recognised:
    """Tell the type by the content, and clean the name.

    A name without an ending gets that of its type, one without anything else that of its kind.

    Raises:
        AttachmentEmpty: there is nothing in it.
        AttachmentTypeRefused: it is of none of the types that are taken.
        AttachmentUnsound: it is of such a type, and broken, locked or a trap.
        AttachmentMisnamed: the name ends as another type does.
    """
    if not evidence.content.removeprefix(BOM_UTF8).strip():
        raise AttachmentEmpty
    name = _clean(evidence.filename)
    found = _ENDING.search(name)
    ending = found[1].lower() if found else ""
    content_type = _type_of(evidence.content)
    if content_type == TEXT and ending in _ENDINGS[CSV]:
        content_type = CSV
    if found is None:
        stem, ending = name, _ENDINGS[content_type][0]
    elif ending in _ENDINGS[content_type]:
        stem = name[: found.start()].strip(" .")
    else:
        raise AttachmentMisnamed(f"Its name ends in .{ending}, but it is {called(content_type)}.")
    short = (stem or evidence.kind)[: LONGEST_NAME - len(ending) - 1].rstrip(" .")
    return Recognised(content_type, f"{short}.{ending}")


def _clean(filename: str) -> str:
    """Without a path, without anything invisible, without what systems do not allow in names."""
    last = re.split(r"[/\\]", filename)[-1]
    seen = "".join(" " if one.isspace() else one for one in last if _is_seen(one))
    plain = unicodedata.normalize("NFC", re.sub(r'[<>:"|?*]', "_", seen))
    return re.sub(r" +", " ", plain).strip(" .")


def _is_seen(character: str) -> bool:
    """White space, or no control character, direction override, surrogate or the like."""
    return character.isspace() or not unicodedata.category(character).startswith("C")


def _type_of(content: bytes) -> str:
    if content.startswith(_PNG_START):
        _require_picture(_size_of_png(content))
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        _require_picture(_size_of_jpeg(content))
        return JPEG
    if content.startswith(b"%PDF-"):
        if b"%%EOF" not in content[-2048:]:
            raise _cut_off("PDF")
        return PDF
    if content.startswith(b"PK\x03\x04"):
        _require_workbook(content)
        return XLSX
    _require_text(content)
    return TEXT


def _cut_off(what: str) -> AttachmentUnsound:
    return AttachmentUnsound(
        f"The {what} is cut off or damaged.", remedy="Open it to see whether it is whole."
    )


# --- Pictures -------------------------------------------------------------------------------


def _require_picture(size: tuple[int, int] | None) -> None:
    if size is None or 0 in size:
        raise _cut_off("picture")
    if size[0] * size[1] > MOST_PIXELS:
        raise AttachmentUnsound(
            f"The picture has {size[0]:,} by {size[1]:,} pixels.",
            remedy=f"Make it smaller: at most {MOST_PIXELS:,} pixels in all.",
        )


def _size_of_png(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None if it does not begin and end as a PNG does."""
    if content[12:16] != b"IHDR" or not content.endswith(_PNG_END):
        return None
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _size_of_jpeg(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where no frame is found, or the picture has no end."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 9 > len(content) or content[at] != 0xFF:
            break
        marker = content[at + 1]
        if marker in _FRAMES:
            height = int.from_bytes(content[at + 5 : at + 7])
            width = int.from_bytes(content[at + 7 : at + 9])
            return (width, height) if content.find(_JPEG_END, at) > 0 else None
        is_filling = marker == 0xFF
        at += 1 if is_filling else 2 + int.from_bytes(content[at + 2 : at + 4])
    return None


# --- Workbooks ------------------------------------------------------------------------------


def _require_workbook(content: bytes) -> None:
    """A zip archive is taken if it is an Excel workbook without macros, and not a bomb."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            _require_parts({part.filename.lower() for part in parts})
            if len(parts) > MOST_PARTS:
                raise AttachmentUnsound(f"The workbook has more than {MOST_PARTS:,} parts.")
            _require_bounded(archive)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,  # of a later version of the format than any spreadsheet writes
        RuntimeError,  # a part asks for a password
    ):
        raise _cut_off("workbook") from None


def _require_parts(names: set[str]) -> None:
    if not {"[content_types].xml", "xl/workbook.xml"} <= names:
        raise AttachmentTypeRefused
    if any(name.endswith("vbaproject.bin") for name in names):
        raise AttachmentUnsound("The workbook has macros.", remedy="Save it as .xlsx without them.")


def _require_bounded(archive: zipfile.ZipFile) -> None:
    """Unpack every part, and keep nothing of it: what an archive says of itself proves nothing."""
    left = MOST_UNPACKED_BYTES
    for part in archive.infolist():
        if part.compress_type not in _PACKINGS:
            raise _cut_off("workbook")
        with archive.open(part) as opened:
            while chunk := opened.read(1 << 20):
                left -= len(chunk)
                if left < 0:
                    raise AttachmentUnsound(
                        f"The workbook unpacks to more than {MOST_UNPACKED_BYTES:,} bytes.",
                        remedy="Send the sheet that matters.",
                    )


# --- Text -----------------------------------------------------------------------------------


def _require_text(content: bytes) -> None:
    """UTF-8 without control characters, and no page or drawing that a browser would carry out."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AttachmentTypeRefused from None
    if _CONTROL.search(text):
        raise AttachmentTypeRefused
    if _MARKUP.match(text):
        raise AttachmentTypeRefused("HTML, SVG and XML are not taken as evidence.")
