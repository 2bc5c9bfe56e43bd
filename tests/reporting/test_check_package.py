"""Checking what is stored: every way in which it may not be what was sealed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.compliance import registry
from apps.compliance.errors import PackageChanged, PackageMissing
from apps.compliance.models import EvidencePackage
from apps.compliance.selectors import document_of, verdict_on
from apps.compliance.states import DOCUMENT_LABEL, Verdict
from apps.privacy.selectors import key_ring
from apps.reporting.documents import create_identity, sign
from apps.reporting.services import check_package


def store(package: EvidencePackage, content: bytes) -> None:
    """Put other bytes where the package looks for its document."""
    default_storage.delete(package.document_name)
    assert default_storage.save(package.document_name, ContentFile(content)) == (
        package.document_name
    )


def test_what_was_sealed_is_valid(package: EvidencePackage) -> None:
    assert verdict_on(package) == Verdict.VALID


def test_it_does_not_lie_open_in_the_storage(package: EvidencePackage) -> None:
    with default_storage.open(package.document_name) as stored:
        content = stored.read()
    assert b"%PDF" not in content
    assert document_of(package) not in content


def test_a_lost_document_is_missing(package: EvidencePackage) -> None:
    default_storage.delete(package.document_name)
    with pytest.raises(PackageMissing):
        document_of(package)
    assert verdict_on(package) == Verdict.MISSING


@pytest.mark.parametrize("position", [0, 1, 20, -1])
def test_a_flipped_bit_is_a_change(package: EvidencePackage, position: int) -> None:
    with default_storage.open(package.document_name) as stored:
        content = bytearray(stored.read())
    content[position] ^= 1
    store(package, bytes(content))
    with pytest.raises(PackageChanged):
        document_of(package)
    assert verdict_on(package) == Verdict.CHANGED


def test_a_document_cut_short_is_a_change(package: EvidencePackage) -> None:
    store(package, b"short")
    with pytest.raises(PackageChanged):
        document_of(package)


def test_another_sealed_document_is_a_change(package: EvidencePackage) -> None:
    """Whoever holds the key ring could seal another PDF, but not under the recorded digest."""
    store(package, key_ring().seal(document_of(package) + b"\n", DOCUMENT_LABEL))
    with pytest.raises(PackageChanged):
        document_of(package)
    assert verdict_on(package) == Verdict.CHANGED


def test_a_document_sealed_for_another_place_is_a_change(package: EvidencePackage) -> None:
    store(package, key_ring().seal(document_of(package), "ingestion.original"))
    with pytest.raises(PackageChanged):
        document_of(package)


# --- The check itself, on documents that the digest lets through ---------------------------


def test_a_document_signed_by_somebody_else_is_not_trusted(
    package: EvidencePackage, tmp_path: Path
) -> None:
    package.certificate_sha256 = "0" * 64
    assert check_package(package, document_of(package)) == Verdict.UNTRUSTED


def test_a_manifest_that_is_not_the_recorded_one_is_a_change(package: EvidencePackage) -> None:
    package.manifest_root = "0" * 64
    assert check_package(package, document_of(package)) == Verdict.CHANGED


def test_an_altered_document_is_a_change(package: EvidencePackage) -> None:
    document = document_of(package)
    assert check_package(package, document.replace(b"/Type", b"/Typo", 1)) == Verdict.CHANGED


def test_something_that_is_no_pdf_is_a_change(package: EvidencePackage) -> None:
    assert check_package(package, b"no PDF") == Verdict.CHANGED


def test_a_signed_document_without_a_manifest_is_a_change(
    package: EvidencePackage, tmp_path: Path
) -> None:
    from reportlab.pdfgen.canvas import Canvas

    now = datetime.now(UTC)
    identity = create_identity(
        common_name="Somebody",
        organisation="Else",
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=1),
    )
    key, certificate, bare = (tmp_path / name for name in ("key.pem", "cert.pem", "bare.pdf"))
    key.write_bytes(identity.key_pem)
    certificate.write_bytes(identity.certificate_pem)
    canvas = Canvas(str(bare))
    canvas.drawString(72, 72, "Nothing to see")
    canvas.save()
    document = sign(
        bare.read_bytes(), key_file=key, cert_file=certificate, reason="x", signed_at=now
    )
    package.certificate_sha256 = identity.certificate_sha256
    assert check_package(package, document) == Verdict.CHANGED


# --- Who checks -----------------------------------------------------------------------------


def test_reporting_checks_and_nobody_else_takes_its_place() -> None:
    assert [check_package] == registry._CHECKS
    with pytest.raises(ValueError, match="registered already"):
        registry.register_check(lambda package, document: Verdict.VALID)


def test_without_a_check_nothing_is_called_valid(
    package: EvidencePackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_CHECKS", [])
    assert verdict_on(package) == Verdict.UNCHECKED
