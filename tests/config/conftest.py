"""A complete environment for production, to be damaged in one place at a time."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.reporting.documents import create_identity


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good and bad key files."""
    folder = tmp_path_factory.mktemp("keys")
    for name, passphrase in (("evidence", None), ("other", None), ("locked", b"word")):
        made = create_identity(
            common_name=name,
            organisation="Tests",
            valid_from=datetime.now(UTC) - timedelta(days=1),
            valid_until=datetime.now(UTC) + timedelta(days=1),
            passphrase=passphrase,
        )
        (folder / f"{name}.key").write_bytes(made.key_pem)
        (folder / f"{name}.crt").write_bytes(made.certificate_pem)
    (folder / "jwt.key").write_bytes(
        rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "words.pem").write_text("no key at all\n")
    (folder / "empty.pem").write_text("")
    return folder


@pytest.fixture(scope="session")
def complete(key_files: Path) -> dict[str, str]:
    """Every variable that production needs, as it should be."""
    return {
        "DATABASE_URL": "postgres://finflow:word@db.example.com:5432/finflow",
        "REDIS_URL": "redis://redis.example.com:6379/0",
        "SECRET_KEY": "q" * 50,
        "FINFLOW_KEY_RING": "1:" + base64.b64encode(bytes(32)).decode(),
        "ALLOWED_HOSTS": "finflow.example.com,.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://finflow.example.com,https://*.example.org:8443",
        "EVIDENCE_SIGNING_KEY_FILE": str(key_files / "evidence.key"),
        "EVIDENCE_SIGNING_CERT_FILE": str(key_files / "evidence.crt"),
        "JWT_PRIVATE_KEY_FILE": str(key_files / "jwt.key"),
    }
