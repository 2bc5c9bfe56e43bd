"""Checking a signed PDF offline: whole, extended, tampered or unsigned, and by whom.

A signature here must be the only one and cover the whole file but for the signature value itself,
written in one way only: any changed bit is found, also in the places that a lenient reader skips
(padding, letter case). Trust is a matter of the certificate's fingerprint, compared with those
that the auditor has from elsewhere; no network, no certificate store.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pikepdf
from asn1crypto import cms, x509
from cryptography.exceptions import UnsupportedAlgorithm
from pyhanko.sign.general import extract_certificate_info, extract_signer_info
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from .attachments import open_pdf, read_attachments
from .errors import PdfUnreadable
from .manifest import (
    CHECKSUMS_PATH,
    MANIFEST_PATH,
    ManifestReport,
    ManifestVerdict,
    verify_manifest,
)
from .signing import fingerprint_of, is_in_force, name_of

ROOT_KEYWORD = "manifest-sha256:"

_BYTE_RANGE = re.compile(
    rb"/ByteRange\s*\[\s*(\d{1,15})\s+(\d{1,15})\s+(\d{1,15})\s+(\d{1,15})\s*\]"
)
_TRACES = (b"/ByteRange", b"/Adobe.PPKLite", b"/ETSI.CAdES.detached")
_DIGESTS = frozenset({"sha256", "sha384", "sha512"})
_CMS_DAMAGE = (ValueError, TypeError, KeyError, NotImplementedError, UnsupportedAlgorithm)


class SignatureVerdict(StrEnum):
    """What the signature says about the file."""

    VALID = "valid"
    UNSIGNED = "unsigned"
    TAMPERED = "tampered"
    EXTENDED = "extended"
    UNKNOWN_SIGNER = "unknown signer"
    OUT_OF_FORCE = "certificate out of force"


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """The outcome of :func:`verify_signature`.

    Args:
        is_intact: what was signed is unchanged.
        covers_whole_file: nothing was added after signing.
        signer: subject of the certificate, empty unless intact.
        certificate_sha256: its fingerprint, empty unless intact.
        is_signer_known: the fingerprint is a trusted one; None if none were given to compare.
        signed_at: the time that the signer stated.
        reason: the reason that the signer stated.
        was_in_force: the certificate was valid at the stated time.
    """

    is_intact: bool = False
    covers_whole_file: bool = False
    signer: str = ""
    certificate_sha256: str = ""
    is_signer_known: bool | None = None
    signed_at: datetime | None = None
    reason: str = ""
    was_in_force: bool = False
    is_signed: bool = True

    @property
    def verdict(self) -> SignatureVerdict:
        """Valid only if intact, whole, in force, and by a trusted signer where any were given."""
        findings = (
            (not self.is_signed, SignatureVerdict.UNSIGNED),
            (not self.is_intact, SignatureVerdict.TAMPERED),
            (not self.covers_whole_file, SignatureVerdict.EXTENDED),
            (self.is_signer_known is False, SignatureVerdict.UNKNOWN_SIGNER),
            (not self.was_in_force, SignatureVerdict.OUT_OF_FORCE),
        )
        return next((verdict for found, verdict in findings if found), SignatureVerdict.VALID)


_UNSIGNED = SignatureReport(is_signed=False)
_TAMPERED = SignatureReport()


def verify_signature(
    pdf: bytes, *, trusted_fingerprints: Collection[str] | None = None
) -> SignatureReport:
    """Check the signature of a PDF.

    Args:
        trusted_fingerprints: SHA-256 of the certificates that may sign, hexadecimal; None to
            leave open who signed.

    Raises:
        PdfUnreadable: no trace of a signature, and not a whole PDF.
    """
    found = _BYTE_RANGE.search(pdf)
    if found is None:
        return _without_signature(pdf)
    before, length, after, rest = (int(number) for number in found.groups())
    end = after + rest
    if before != 0 or not 0 < length < after <= end <= len(pdf):
        return _TAMPERED
    certificate = _certificate_over(pdf[:length] + pdf[after:end], pdf[length:after])
    if certificate is None:
        return _TAMPERED
    stated = _stated(pdf[:end], [before, length, after, rest])
    if stated is None:
        return _TAMPERED
    signed_at, reason = stated
    fingerprint = fingerprint_of(certificate)
    return SignatureReport(
        is_intact=True,
        covers_whole_file=end == len(pdf),
        signer=name_of(certificate),
        certificate_sha256=fingerprint,
        is_signer_known=_is_among(fingerprint, trusted_fingerprints),
        signed_at=signed_at,
        reason=reason,
        was_in_force=signed_at is not None and is_in_force(certificate, signed_at),
    )


def _without_signature(pdf: bytes) -> SignatureReport:
    if any(trace in pdf for trace in _TRACES):
        return _TAMPERED
    open_pdf(pdf).close()
    if not pdf.rstrip().endswith(b"%%EOF"):
        raise PdfUnreadable("the file does not end as a PDF does; it may have been cut short")
    return _UNSIGNED


def _is_among(fingerprint: str, trusted: Collection[str] | None) -> bool | None:
    return None if trusted is None else fingerprint in {known.lower() for known in trusted}


def _certificate_over(signed: bytes, placed: bytes) -> x509.Certificate | None:
    """The signer's certificate if the CMS signature in ``placed`` is over ``signed``."""
    encoded = _signature_value(placed)
    if encoded is None:
        return None
    try:
        signed_data = cms.ContentInfo.load(encoded)["content"]
        info = extract_signer_info(signed_data)
        certificate = extract_certificate_info(signed_data).signer_cert
        algorithm = info["digest_algorithm"]["algorithm"].native
        if algorithm not in _DIGESTS or _rebuilt(signed_data, info, certificate) != encoded:
            return None
        digest = hashlib.new(algorithm, signed).digest()
        is_same, is_signed = validate_sig_integrity(info, certificate, "data", digest)
    except _CMS_DAMAGE:
        return None
    return certificate if is_same and is_signed else None


def _signature_value(placed: bytes) -> bytes | None:
    """The DER in ``<hex, padded with zeros>``, if it is written in just that way."""
    digits = placed[1:-1]
    is_hex = re.fullmatch(rb"[0-9A-F]+|[0-9a-f]+", digits) is not None and len(digits) % 2 == 0
    if placed[:1] != b"<" or placed[-1:] != b">" or not is_hex:
        return None
    raw = bytes.fromhex(digits.decode())
    try:
        length = len(cms.ContentInfo.load(raw).dump())
    except ValueError:
        return None
    return raw[:length] if not any(raw[length:]) else None


def _rebuilt(
    signed_data: cms.SignedData, info: cms.SignerInfo, certificate: x509.Certificate
) -> bytes:
    """The signature value as written anew from the parts that the signature protects.

    The envelope around them (versions, algorithm lists, names) is not signed; a difference there
    means that someone touched the file.
    """
    algorithm = {"algorithm": info["digest_algorithm"]["algorithm"].native}
    signer_info = {
        "version": "v1",
        "sid": {
            "issuer_and_serial_number": {
                "issuer": certificate.issuer,
                "serial_number": certificate.serial_number,
            }
        },
        "digest_algorithm": algorithm,
        "signed_attrs": info["signed_attrs"],
        "signature_algorithm": info["signature_algorithm"],
        "signature": info["signature"],
    }
    content = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [algorithm],
            "encap_content_info": {"content_type": "data"},
            "certificates": signed_data["certificates"],
            "signer_infos": [cms.SignerInfo(signer_info)],
        }
    )
    rebuilt = cms.ContentInfo({"content_type": "signed_data", "content": content})
    return bytes(rebuilt.dump())


def _stated(revision: bytes, byte_range: list[int]) -> tuple[datetime | None, str] | None:
    """Time (None if it is missing) and reason of the only signature in the signed revision; None
    if it is not the one that the byte range belongs to, or if there are several.
    """
    with open_pdf(revision) as document:
        signatures = [
            entry
            for entry in document.objects
            if isinstance(entry, pikepdf.Dictionary) and entry.get("/Type") == "/Sig"
        ]
        if len(signatures) != 1:
            return None
        (signature,) = signatures
        if [int(number) for number in signature.get("/ByteRange", [])] != byte_range:
            return None
        return _instant(str(signature.get("/M", ""))), str(signature.get("/Reason", ""))


def _instant(pdf_date: str) -> datetime | None:
    """The instant in a PDF date, if it is one with a time zone."""
    try:
        instant = pikepdf.models.metadata.decode_pdf_date(pdf_date)
    except ValueError:
        return None
    return instant if instant.utcoffset() is not None else None


@dataclass(frozen=True, slots=True)
class PackageReport:
    """The outcome of :func:`verify_package`.

    Args:
        manifest: None if the PDF has no manifest inside.
    """

    signature: SignatureReport
    manifest: ManifestReport | None

    @property
    def is_valid(self) -> bool:
        """Everything was checked, the signer included, and everything agreed."""
        return (
            self.signature.verdict == SignatureVerdict.VALID
            and self.signature.is_signer_known is True
            and self.manifest is not None
            and self.manifest.verdict == ManifestVerdict.VALID
        )


def verify_package(
    pdf: bytes, *, trusted_fingerprints: Collection[str] | None = None
) -> PackageReport:
    """Check an evidence package: its signature, and its attachments against its manifest.

    The root digest in the file anchors the manifest only if the signature is valid.

    Args:
        trusted_fingerprints: see :func:`verify_signature`.

    Raises:
        PdfUnreadable: not a PDF, or too damaged to read its attachments.
        ManifestMalformed, PathUnsafe, PathDuplicated: the manifest inside is not one.
    """
    signature = verify_signature(pdf, trusted_fingerprints=trusted_fingerprints)
    contents = read_attachments(pdf)
    manifest_json = contents.pop(MANIFEST_PATH, None)
    if manifest_json is None:
        return PackageReport(signature, None)
    contents.pop(CHECKSUMS_PATH, None)
    is_anchored = signature.verdict == SignatureVerdict.VALID
    root = _stated_root(pdf) if is_anchored else None
    return PackageReport(signature, verify_manifest(manifest_json, contents, expected_root=root))


def _stated_root(pdf: bytes) -> str:
    """The root digest in the PDF's description; empty if it has none, which matches nothing."""
    with open_pdf(pdf) as document:
        keywords = str(document.docinfo.get("/Keywords", ""))
    found = re.search(re.escape(ROOT_KEYWORD) + r"([0-9a-f]{64})\b", keywords)
    return found.group(1) if found else ""
