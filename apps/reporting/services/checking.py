"""What an auditor checks offline, on the document that is stored here."""

from __future__ import annotations

from apps.compliance.models import EvidencePackage
from apps.compliance.states import Verdict
from apps.reporting.documents import SignatureVerdict, verify_package
from apps.reporting.documents.errors import DocumentRefused

_SIGNER_AT_FAULT = frozenset({SignatureVerdict.UNKNOWN_SIGNER, SignatureVerdict.OUT_OF_FORCE})


def check_package(package: EvidencePackage, document: bytes) -> Verdict:
    """Signature, signer, attachments and manifest of the document against the package's record."""
    try:
        report = verify_package(document, trusted_fingerprints={package.certificate_sha256})
    except DocumentRefused:
        return Verdict.CHANGED
    if report.signature.verdict in _SIGNER_AT_FAULT:
        return Verdict.UNTRUSTED
    is_same = report.manifest is not None and report.manifest.root_sha256 == package.manifest_root
    return Verdict.VALID if report.is_valid and is_same else Verdict.CHANGED
