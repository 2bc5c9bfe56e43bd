"""Sections 8 to 12: attestation, changes, configuration, manifest, retention."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.platypus import Flowable

from ..content import Attestation, Change, Checkpoint, Holdings, Retention, Setting
from ..figures import write_count, write_date, write_instant, write_size
from ..manifest import CHECKSUMS_PATH, MANIFEST_PATH
from ..pages import TEXT_WIDTH
from ..tables import Column
from ..typography import MONO
from .blocks import answer, counted, digests, facts, ledger, prose, subheading

_ANSWER_COLUMNS = (Column("Question", 300), Column("Answer", 199))
_CHANGE_COLUMNS = (
    Column("When", 77),
    Column("Person", 72),
    Column("Action", 82),
    Column("Subject", 80),
    Column("Detail", 105),
    Column("Reason", 83),
)
_MANIFEST_COLUMNS = (
    Column("Path", 177),
    Column("Media type", 88),
    Column("Size", 82, "right"),
    Column("SHA-256", 152, face=MONO),
)
_OMISSION_COLUMNS = (Column("What", 170), Column("Reason", 329))

VERIFY_STEPS = (
    "1. Open this file in a reader that checks signatures, or run pdfsig on it. The signature must "
    "be valid, cover the whole document, and its certificate must have the SHA-256 fingerprint "
    "that the controller gave you by another way.\n"
    "2. Save all attachments into an empty folder (pdfdetach -saveall does it).\n"
    f"3. Run sha256sum {MANIFEST_PATH}. The result must be the manifest root on the cover, whose "
    "beginning is in the header of every page.\n"
    f"4. Run sha256sum --check {CHECKSUMS_PATH}. Each attached file must be answered with OK; "
    "files of the package that are kept elsewhere are reported as missing and can be asked for "
    "by path."
)


def attestations_story(attestations: Sequence[Attestation]) -> list[Flowable]:
    """Section 8: declarations word for word."""
    signers = len({attestation.signer for attestation in attestations})
    story = answer(
        f"{counted(len(attestations), 'declaration', 'declarations')} by "
        f"{counted(signers, 'person', 'people')}."
    )
    for number, attestation in enumerate(attestations, start=1):
        story += _attestation(f"8.{number}", attestation)
    return story


def _attestation(number: str, attestation: Attestation) -> list[Flowable]:
    story = [
        *subheading(number, f"{attestation.signer}, {attestation.role}"),
        *prose(f"“{attestation.text}”"),
        *facts(
            [
                ("Signer", f"{attestation.signer}, {attestation.role}"),
                ("Signed", write_instant(attestation.signed_at)),
                ("How", attestation.signature),
                ("Text version", attestation.text_version),
            ]
        )[:1],
        *digests([("Text SHA-256", attestation.text_sha256)]),
    ]
    if attestation.answers:
        story += ledger(_ANSWER_COLUMNS, attestation.answers)
    return story


def changes_story(changes: Sequence[Change]) -> list[Flowable]:
    """Section 9: edits, reopenings, overrides, delegations, versions."""
    if not changes:
        return answer("No edit, reopening, override, delegation or new version was recorded.")
    story = answer(f"{counted(len(changes), 'change', 'changes')} recorded.")
    return story + ledger(
        _CHANGE_COLUMNS,
        [
            [
                write_instant(change.changed_at),
                change.person,
                change.action,
                change.subject,
                change.detail,
                change.reason,
            ]
            for change in changes
        ],
    )


def configuration_story(settings: Sequence[Setting]) -> list[Flowable]:
    """Section 10: the configuration as it was."""
    story = answer(f"{counted(len(settings), 'table', 'tables')}, as in force at generation.")
    for number, setting in enumerate(settings, start=1):
        width = TEXT_WIDTH / len(setting.columns)
        columns = [Column(title, width) for title in setting.columns]
        story += subheading(f"10.{number}", setting.title)
        story += ledger(columns, setting.rows)
    return story


def manifest_story(
    holdings: Holdings, omissions: Sequence[tuple[str, str]], proofs_appendix: str
) -> list[Flowable]:
    """Section 11: the files, how to verify them, and what is not there.

    Args:
        omissions: sections declared omitted ("5  Sample") and why.
        proofs_appendix: letter of the appendix with inclusion proofs, or empty.
    """
    manifest = holdings.manifest
    story = [
        *answer(f"{counted(len(manifest.items), 'file', 'files')} in package {manifest.package}."),
        *digests([("Manifest root", manifest.root_sha256)]),
        *ledger(
            _MANIFEST_COLUMNS,
            [
                [item.path, item.media_type, write_size(item.size_bytes), item.sha256]
                for item in manifest.items
            ],
        ),
        *subheading("11.1", "How to verify this package offline"),
        *prose(VERIFY_STEPS),
        *subheading("11.2", "Anchor in the audit log"),
        *_anchor(holdings.checkpoint, proofs_appendix),
        *subheading("11.3", "Declared omissions and redactions"),
    ]
    absent = [
        *((f"Section {name}", reason) for name, reason in omissions),
        *((redaction.what, redaction.reason) for redaction in holdings.redactions),
    ]
    return story + _absent(absent)


def _absent(absent: Sequence[tuple[str, str]]) -> list[Flowable]:
    if not absent:
        return prose("Nothing was omitted or redacted.")
    return ledger(_OMISSION_COLUMNS, absent)


def _anchor(checkpoint: Checkpoint | None, proofs_appendix: str) -> list[Flowable]:
    if checkpoint is None:
        return prose(
            "The audit log had no signed checkpoint when this package was generated. Until one "
            "is exported, the log's own integrity is not provable from outside."
        )
    where = f"in appendix {proofs_appendix}" if proofs_appendix else "not part of this package"
    return [
        *facts(
            [
                ("Log size", f"{write_count(checkpoint.tree_size)} events"),
                ("Signed", write_instant(checkpoint.signed_at)),
                ("Key", checkpoint.key),
                ("Inclusion proofs", where),
            ]
        )[:1],
        *digests([("Log root", checkpoint.root_sha256), ("Signature", checkpoint.signature)]),
    ]


def retention_story(retention: Retention) -> list[Flowable]:
    """Section 12: how long the package is kept, and what forbids to destroy it."""
    day = "not set" if retention.dispose_on is None else write_date(retention.dispose_on)
    return [
        *answer(_fate(retention)),
        *facts(
            [
                ("Class", retention.retention_class),
                ("Trigger", retention.trigger),
                ("Disposal", day),
                ("Legal holds", "\n".join(retention.legal_holds) or "none"),
            ]
        ),
    ]


def _fate(retention: Retention) -> str:
    if retention.legal_holds:
        holds = counted(len(retention.legal_holds), "legal hold", "legal holds")
        return f"Under {holds}; must not be disposed of."
    if retention.dispose_on is None:
        return "Kept; the day of disposal is not set yet."
    return f"Kept until {write_date(retention.dispose_on)}."
