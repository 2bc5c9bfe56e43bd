"""The program of docs/how-to/verify-evidence.md tells a whole package from a changed one."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.reporting.documents import (
    SignatureVerdict,
    attach,
    create_identity,
    manifest_attachments,
    render_evidence,
    sign,
    verify_signature,
)
from tests.docs.test_pages import FENCE

MADE_AT = datetime(2023, 5, 5, 12, tzinfo=UTC)


@pytest.fixture
def package(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(root / "tests/reporting/documents")
    from evidence_samples import attachments, complete_content

    made = create_identity(
        common_name="Evidence",
        organisation="Harbour",
        valid_from=datetime(2023, 1, 1, tzinfo=UTC),
        valid_until=datetime(2028, 1, 1, tzinfo=UTC),
    )
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_bytes(made.key_pem)
    certificate.write_bytes(made.certificate_pem)
    content = complete_content()
    files = [*attachments(), *manifest_attachments(content.holdings.manifest)]
    unsigned = attach(render_evidence(content), files, attached_at=MADE_AT)
    path = tmp_path / "package.pdf"
    path.write_bytes(
        sign(unsigned, key_file=key, cert_file=certificate, reason="Test", signed_at=MADE_AT)
    )
    return path


def check(root: Path, pdf: Path, fingerprint: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run the page's program as somebody would; returns how it ended."""
    page = (root / "docs/how-to/verify-evidence.md").read_text("utf-8")
    (program,) = [code for language, code in FENCE.findall(page) if language == "python"]
    monkeypatch.setattr(sys, "argv", ["check.py", str(pdf), fingerprint])
    with pytest.raises(SystemExit) as ended:
        exec(program, {"__name__": "__main__"})
    return ended.value.code


def test_it_says_valid_changed_and_by_somebody_else(
    root: Path,
    package: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = verify_signature(package.read_bytes()).certificate_sha256
    as_openssl_writes = ":".join(known[at : at + 2] for at in range(0, 64, 2)).upper()

    assert not check(root, package, as_openssl_writes, monkeypatch)
    assert "\nVALID" in capsys.readouterr().out

    assert check(root, package, "00" * 32, monkeypatch)
    assert "signature: unknown signer" in capsys.readouterr().out

    changed = bytearray(package.read_bytes())
    changed[5000] ^= 1
    package.write_bytes(bytes(changed))
    assert check(root, package, known, monkeypatch)
    assert "signature: tampered" in capsys.readouterr().out


def test_the_table_lists_every_verdict(root: Path) -> None:
    page = (root / "docs/how-to/verify-evidence.md").read_text("utf-8")

    assert [verdict for verdict in SignatureVerdict if f"| `{verdict.value}` |" not in page] == []
