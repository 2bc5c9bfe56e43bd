"""Files inside a PDF: attach before signing, read back for checking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import pikepdf

from .errors import AlreadySigned, InstantWithoutZone, PathDuplicated, PathUnsafe, PdfUnreadable
from .manifest import (
    CHECKSUMS_PATH,
    MANIFEST_PATH,
    Manifest,
    ManifestItem,
    item_of,
    require_safe_path,
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to put into a PDF.

    Args:
        name: a plain file name, without folders: readers save attachments side by side.
        content: its bytes.
        media_type: such as ``text/csv``.
        description: one line for the reader's list of attachments.

    Raises:
        PathUnsafe: the name has folders or could not be stored everywhere.
    """

    name: str
    content: bytes
    media_type: str
    description: str

    def __post_init__(self) -> None:
        require_safe_path(self.name)
        if "/" in self.name:
            raise PathUnsafe(f"{self.name!r} has folders; an attachment has none")

    @property
    def item(self) -> ManifestItem:
        """This file as an item of a manifest."""
        return item_of(self.name, self.content, self.media_type)


def manifest_attachments(manifest: Manifest) -> tuple[Attachment, Attachment]:
    """The manifest and its checksum list, as attachments."""
    return (
        Attachment(
            MANIFEST_PATH,
            manifest.to_json(),
            "application/json",
            "Manifest: its SHA-256 is the root digest",
        ),
        Attachment(
            CHECKSUMS_PATH,
            manifest.to_checksums(),
            "text/plain",
            "The same digests for sha256sum --check",
        ),
    )


def attach(pdf: bytes, attachments: Sequence[Attachment], *, attached_at: datetime) -> bytes:
    """The PDF with the files inside. The same input gives the same bytes.

    Args:
        attached_at: the date that readers show beside each file.

    Raises:
        AlreadySigned: attaching would break the signature.
        PathDuplicated: two names differ in letter case at most.
        PdfUnreadable: not a PDF.
        InstantWithoutZone: ``attached_at`` is naive.
    """
    if attached_at.utcoffset() is None:
        raise InstantWithoutZone("the time of attaching has no time zone")
    with open_pdf(pdf) as document:
        _require_unsigned(document)
        taken = {name.casefold() for name in document.attachments}
        for attachment in attachments:
            if attachment.name.casefold() in taken:
                raise PathDuplicated(f"{attachment.name} is attached twice")
            taken.add(attachment.name.casefold())
            _embed(document, attachment, attached_at)
        sheet = BytesIO()
        document.save(
            sheet,
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
        )
    return sheet.getvalue()


def _embed(document: pikepdf.Pdf, attachment: Attachment, attached_at: datetime) -> None:
    spec = pikepdf.AttachedFileSpec(
        document,
        attachment.content,
        filename=attachment.name,
        description=attachment.description,
        mime_type=attachment.media_type,
        creation_date=_pdf_date(attached_at),
        mod_date=_pdf_date(attached_at),
    )
    spec.relationship = pikepdf.Name.Data
    document.attachments[attachment.name] = spec


def _pdf_date(instant: datetime) -> str:
    return str(pikepdf.models.metadata.encode_pdf_date(instant))


def _require_unsigned(document: pikepdf.Pdf) -> None:
    form = document.Root.get("/AcroForm")
    if form is not None and int(form.get("/SigFlags", 0)) & 1:
        raise AlreadySigned("the PDF is signed; attach first, sign last")


def open_pdf(pdf: bytes) -> pikepdf.Pdf:
    """The PDF, opened for reading or changing.

    Raises:
        PdfUnreadable: not a PDF, or one that needs a password.
    """
    try:
        return pikepdf.open(BytesIO(pdf))
    except (pikepdf.PdfError, pikepdf.PasswordError) as error:
        raise PdfUnreadable("the file is not a PDF that can be opened") from error


def read_attachments(pdf: bytes) -> dict[str, bytes]:
    """Name to content of every file inside the PDF.

    Raises:
        PdfUnreadable: not a PDF, or an attachment in it is damaged.
    """
    with open_pdf(pdf) as document:
        try:
            return {
                name: spec.get_file().read_bytes() for name, spec in document.attachments.items()
            }
        except pikepdf.PdfError as error:
            raise PdfUnreadable("an attachment is damaged") from error
