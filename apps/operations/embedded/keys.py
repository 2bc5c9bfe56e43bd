"""The secrets of the embedded environment: made on the first start, kept in files of mode 0600.

They belong to the data: a copy of the data folder without its keys cannot be read.
"""

from __future__ import annotations

import base64
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from apps.operations.embedded.errors import EmbeddedUnavailable
from apps.operations.embedded.folders import DataFolder
from apps.operations.embedded.progress import tell

KEY_RING_BYTES = 32

SECRETS = (
    "database_password",
    "secret_key",
    "key_ring",
    "jwt_private_key.pem",
    "evidence_key.pem",
    "evidence_certificate.pem",  # after its key, which it certifies
)

# Without these two the data that is already there cannot be opened.
NEEDED_BY_DATA = ("database_password", "key_ring")


def key_variables(folder: DataFolder) -> dict[str, str]:
    """The secrets as environment variables: short ones by value, PEM files by path."""
    return {
        "SECRET_KEY": read_secret(folder, "secret_key"),
        "FINFLOW_KEY_RING": read_secret(folder, "key_ring"),
        "JWT_PRIVATE_KEY_FILE": str(folder.keys / "jwt_private_key.pem"),
        "EVIDENCE_SIGNING_KEY_FILE": str(folder.keys / "evidence_key.pem"),
        "EVIDENCE_SIGNING_CERT_FILE": str(folder.keys / "evidence_certificate.pem"),
    }


def read_secret(folder: DataFolder, name: str) -> str:
    """The text of one secret."""
    return (folder.keys / name).read_text(encoding="ascii").strip()


def make_keys(folder: DataFolder) -> None:
    """Make the secrets that are missing.

    Raises:
        EmbeddedUnavailable: there is data already, but not the keys that it was written with.
    """
    for name in NEEDED_BY_DATA:
        if folder.postgres.exists() and not (folder.keys / name).exists():
            raise EmbeddedUnavailable(
                f"{folder.keys / name} is gone, and without it {folder.servers} cannot be read; "
                f"put the key back, or remove {folder.root} to start with nothing"
            )
    missing = [name for name in SECRETS if not (folder.keys / name).exists()]
    if missing:
        tell(f"making keys in {folder.keys}")
        _make(folder, missing)


def _make(folder: DataFolder, names: list[str]) -> None:
    # Here and not above: its libraries take 0.15 s, which every start would pay.
    from apps.operations.embedded.certificates import (  # noqa: PLC0415
        new_certificate,
        new_private_key,
    )

    makers: dict[str, Callable[[], str]] = {
        "database_password": lambda: secrets.token_urlsafe(32),
        "secret_key": lambda: secrets.token_urlsafe(64),
        "key_ring": new_key_ring,
        "jwt_private_key.pem": new_private_key,
        "evidence_key.pem": new_private_key,
        "evidence_certificate.pem": lambda: new_certificate(
            read_secret(folder, "evidence_key.pem")
        ),
    }
    for name in names:
        _write_secret(folder.keys / name, makers[name]())


def new_key_ring() -> str:
    """A ring of one key in the form `id:base64`, of which a ring has one or more, by comma."""
    return "1:" + base64.b64encode(secrets.token_bytes(KEY_RING_BYTES)).decode("ascii")


def _write_secret(path: Path, content: str) -> None:
    """Write wholly or not at all, and onto the disk before anything depends on it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # of mode 0600
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).rename(path)
