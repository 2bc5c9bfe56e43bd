"""Signing a PDF: PAdES baseline B-B (ETSI EN 319 142-1), the last step, without any network.

B-B carries no trusted time: the time in the signature is the one the caller states.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from io import BytesIO
from pathlib import Path

from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from pyhanko.keys import load_cert_from_pemder, load_private_key_from_pemder
from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, SimpleBoxLayoutRule
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner, PdfSigningSession
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from .errors import (
    AlreadySigned,
    CertificateNotInForce,
    InstantWithoutZone,
    KeyDoesNotMatchCertificate,
    PdfUnreadable,
    SigningMaterialUnreadable,
)
from .stamp import COVER_BOX, SignatureBox, Stamp, draw_stamp

FIELD_NAME = "EvidenceSignature"


def sign(
    pdf: bytes,
    *,
    key_file: Path,
    cert_file: Path,
    reason: str,
    signed_at: datetime,
    passphrase: bytes | None = None,
    location: str = "",
    box: SignatureBox = COVER_BOX,
) -> bytes:
    """The PDF with a visible PAdES B-B signature over the whole file, appended as a revision.

    Args:
        key_file: private key, PEM or DER.
        cert_file: its certificate, PEM or DER.
        reason: why it is signed, shown and signed.
        signed_at: the time to state, aware.
        passphrase: of the key, if it is encrypted.
        location: where it is signed, or empty.
        box: place of the visible signature.

    Raises:
        PdfUnreadable: not a PDF.
        AlreadySigned: it has a signature; this one must be the only and last.
        SigningMaterialUnreadable, KeyDoesNotMatchCertificate, CertificateNotInForce: see there.
        InstantWithoutZone: ``signed_at`` is naive.
    """
    if signed_at.utcoffset() is None:
        raise InstantWithoutZone("the time of signing has no time zone")
    signer = _load_signer(key_file, cert_file, passphrase)
    certificate = signer.signing_cert
    _require_in_force(certificate, signed_at)
    stamp = Stamp(
        signer=name_of(certificate),
        reason=reason,
        signed_at=signed_at,
        certificate_sha256=fingerprint_of(certificate),
    )
    return _DatedSigner(signer, stamp, location, box).signed(pdf)


def fingerprint_of(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, lower-case hexadecimal."""
    return hashlib.sha256(certificate.dump()).hexdigest()


def name_of(certificate: x509.Certificate) -> str:
    """ "Common name, organisation" of whom the certificate was made out to."""
    subject = certificate.subject.native
    parts = (subject.get("common_name"), subject.get("organization_name"))
    return ", ".join(str(part) for part in parts if part)


def is_in_force(certificate: x509.Certificate, instant: datetime) -> bool:
    """Whether the instant is within the certificate's validity."""
    return bool(certificate.not_valid_before <= instant <= certificate.not_valid_after)


def _load_signer(key_file: Path, cert_file: Path, passphrase: bytes | None) -> SimpleSigner:
    try:
        key = load_private_key_from_pemder(str(key_file), passphrase=passphrase)
        certificate = load_cert_from_pemder(str(cert_file))
    except (OSError, ValueError, TypeError) as error:
        raise SigningMaterialUnreadable("key or certificate cannot be read") from error
    if _public_half(key.dump()) != _as_der(certificate.public_key.dump()):
        raise KeyDoesNotMatchCertificate("the certificate belongs to another key")
    return SimpleSigner(
        signing_cert=certificate, signing_key=key, cert_registry=SimpleCertificateStore()
    )


def _public_half(private_key: bytes) -> bytes:
    public_key = load_der_private_key(private_key, password=None).public_key()
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _as_der(public_key: bytes) -> bytes:
    return load_der_public_key(public_key).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


def _require_in_force(certificate: x509.Certificate, signed_at: datetime) -> None:
    if not is_in_force(certificate, signed_at):
        raise CertificateNotInForce(
            f"the certificate is valid from {certificate.not_valid_before:%Y-%m-%d} "
            f"to {certificate.not_valid_after:%Y-%m-%d}"
        )


class _StampContent(PdfContent):
    """The appearance of the signature: a page made with the document's own embedded faces."""

    def __init__(self, page: bytes, box: SignatureBox) -> None:
        super().__init__(box=BoxConstraints(width=box.width, height=box.height))
        self._page = page

    def render(self) -> bytes:
        """Import the page as a form and draw it."""
        writer = self._ensure_writer
        form = writer.import_page_as_xobject(PdfFileReader(BytesIO(self._page)))
        self.resources.xobject["/Stamp"] = form
        return b"/Stamp Do"


class _DatedSigner(PdfSigner):
    """Signs with the stated time, so that stamp and signature say the same."""

    def __init__(
        self, signer: SimpleSigner, stamp: Stamp, location: str, box: SignatureBox
    ) -> None:
        self._signed_at = stamp.signed_at
        page = draw_stamp(stamp, box.width, box.height)
        corner = (box.x + box.width, box.y + box.height)
        super().__init__(
            PdfSignatureMetadata(
                field_name=FIELD_NAME,
                md_algorithm="sha256",
                reason=stamp.reason,
                location=location or None,
                subfilter=SigSeedSubFilter.PADES,
            ),
            signer,
            stamp_style=StaticStampStyle(
                border_width=0,
                background=_StampContent(page, box),
                background_layout=SimpleBoxLayoutRule(
                    x_align=AxisAlignment.ALIGN_MIN, y_align=AxisAlignment.ALIGN_MIN
                ),
            ),
            new_field_spec=SigFieldSpec(FIELD_NAME, on_page=box.page, box=(box.x, box.y, *corner)),
        )

    def init_signing_session(
        self, pdf_out: BasePdfFileWriter, existing_fields_only: bool = False
    ) -> PdfSigningSession:
        """The library's session, at the stated time instead of the machine's."""
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._signed_at
        return session

    def signed(self, pdf: bytes) -> bytes:
        """Append the signature."""
        try:
            writer = IncrementalPdfFileWriter(BytesIO(pdf))
        except PdfReadError as error:
            raise PdfUnreadable("the file is not a PDF that can be signed") from error
        if writer.prev.embedded_signatures:
            raise AlreadySigned("the PDF has a signature already")
        return bytes(self.sign_pdf(writer).getvalue())
