"""Sections 8 to 12: attestation, changes, configuration, manifest, retention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ..errors import TableRagged
from ..manifest import Manifest
from .digests import digest_of_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """Section 8: what somebody declared, word for word.

    Args:
        answers: questions and the answers given.
        signature: how the declaration itself was signed in the application.
    """

    text: str
    text_version: str
    signer: str
    role: str
    signed_at: datetime
    signature: str
    answers: tuple[tuple[str, str], ...] = ()

    @property
    def text_sha256(self) -> str:
        """SHA-256 of the text as UTF-8."""
        return digest_of_text(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Section 9: an edit, reopening, override, delegation or new version."""

    changed_at: datetime
    person: str
    action: str
    subject: str
    detail: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Section 10: a table of the configuration as it was, such as the approval matrix.

    Raises:
        TableRagged: there is no column, or a row has another number of cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not self.columns or any(len(row) != len(self.columns) for row in self.rows):
            raise TableRagged(f"{self.title}: rows and columns do not fit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The signed state of the audit log that the package refers to."""

    tree_size: int
    root_sha256: str
    signed_at: datetime
    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """Something that was removed or masked, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Section 11: the manifest, and what anchors and qualifies it.

    Args:
        checkpoint: None if the audit log was not anchored; the document says so.
        proofs: inclusion proofs, subject and hexadecimal digests, printed in an appendix.
    """

    manifest: Manifest
    checkpoint: Checkpoint | None = None
    proofs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    redactions: tuple[Redaction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Section 12.

    Args:
        dispose_on: None while a legal hold or an open trigger forbids to name a day.
    """

    retention_class: str
    trigger: str
    dispose_on: date | None
    legal_holds: tuple[str, ...] = ()
