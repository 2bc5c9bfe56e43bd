"""A close with something to tell, and keys to sign with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.close.models import CloseRun
from apps.compliance.models import EvidencePackage
from apps.reporting.documents import create_identity
from apps.reporting.services import produce_evidence

from .stage import close_up_to_evidence


@pytest.fixture(scope="session")
def signing_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Key and certificate of a test identity."""
    identity = create_identity(
        common_name="Evidence of tests",
        organisation="FinFlow",
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
        valid_until=datetime(2060, 1, 1, tzinfo=UTC),
    )
    folder = tmp_path_factory.mktemp("signing")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    key.write_bytes(identity.key_pem)
    certificate.write_bytes(identity.certificate_pem)
    return key, certificate


@pytest.fixture(autouse=True)
def _signing(settings: Any, signing_files: tuple[Path, Path]) -> None:
    settings.EVIDENCE_SIGNING_KEY_FILE, settings.EVIDENCE_SIGNING_CERT_FILE = map(
        str, signing_files
    )


@pytest.fixture
def close_run(entity: Any, system: Any, alice: Any, rita: Any, bob: Any, connie: Any) -> CloseRun:
    """Our April, closed up to its evidence."""
    return close_up_to_evidence(
        entity, system=system, preparer=alice, reviewer=rita, approver=bob, controller=connie
    )


@pytest.fixture
def package(close_run: CloseRun, connie: Any) -> EvidencePackage:
    return produce_evidence(close_run_id=close_run.pk, actor=connie)
