"""Signatures: valid, unsigned, tampered, extended and strange are told apart, offline."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from evidence_samples import CLOSED_AT, attachments, complete_content
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdf_text import stamp_text
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from apps.reporting.documents import (
    Attachment,
    Manifest,
    ManifestVerdict,
    SignatureVerdict,
    SigningIdentity,
    attach,
    create_identity,
    manifest_attachments,
    render_evidence,
    sign,
    verify_package,
    verify_signature,
)
from apps.reporting.documents.errors import (
    AlreadySigned,
    CertificateNotInForce,
    InstantWithoutZone,
    KeyDoesNotMatchCertificate,
    ManifestMalformed,
    PdfUnreadable,
    SigningMaterialUnreadable,
)
from apps.reporting.documents.stamp import SignatureBox

REASON = "Evidence package EP-HFS-2023-04-BANK, version 2"
SIGNED_AT = CLOSED_AT + timedelta(minutes=2)


def identity(name: str = "Evidence of Harbour", passphrase: bytes | None = None) -> SigningIdentity:
    return create_identity(
        common_name=name,
        organisation="Harbour Field Services B.V.",
        valid_from=datetime(2023, 1, 1, tzinfo=UTC),
        valid_until=datetime(2028, 1, 1, tzinfo=UTC),
        passphrase=passphrase,
    )


@dataclass(frozen=True)
class Desk:
    """A signing key on disk, and what it signed."""

    key_file: Path
    cert_file: Path
    fingerprint: str
    unsigned: bytes
    signed: bytes

    def sign(self, pdf: bytes) -> bytes:
        return sign(
            pdf,
            key_file=self.key_file,
            cert_file=self.cert_file,
            reason=REASON,
            signed_at=SIGNED_AT,
        )

    @property
    def gap(self) -> tuple[int, int]:
        """Where the signature value stands."""
        (length, after) = re.search(rb"/ByteRange \[0 (\d+) (\d+) \d+\]", self.signed).groups()  # type: ignore[union-attr]
        return int(length), int(after)


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("keys")
    made = identity()
    content = complete_content()
    files = [*attachments(), *manifest_attachments(content.holdings.manifest)]
    unsigned = attach(render_evidence(content), files, attached_at=CLOSED_AT)
    empty = Desk(
        write(folder, "key.pem", made.key_pem),
        write(folder, "cert.pem", made.certificate_pem),
        made.certificate_sha256,
        unsigned,
        b"",
    )
    return replace(empty, signed=empty.sign(unsigned))


def test_a_signed_package_is_valid_for_who_knows_the_signer(desk: Desk) -> None:
    report = verify_signature(desk.signed, trusted_fingerprints=[desk.fingerprint.upper()])
    assert report.verdict == SignatureVerdict.VALID
    assert report.is_signer_known is True
    assert report.covers_whole_file
    assert report.signer == "Evidence of Harbour, Harbour Field Services B.V."
    assert report.certificate_sha256 == desk.fingerprint
    assert report.signed_at == SIGNED_AT
    assert report.reason == REASON


def test_who_gives_no_fingerprint_is_told_that_the_signer_was_not_checked(desk: Desk) -> None:
    report = verify_signature(desk.signed)
    assert report.is_signer_known is None
    assert report.verdict == SignatureVerdict.VALID


@pytest.mark.parametrize("trusted", [[], ["00" * 32]])
def test_a_signer_whom_nobody_knows_is_not_valid(desk: Desk, trusted: list[str]) -> None:
    report = verify_signature(desk.signed, trusted_fingerprints=trusted)
    assert report.is_intact
    assert report.verdict == SignatureVerdict.UNKNOWN_SIGNER


def test_an_independent_library_agrees(desk: Desk) -> None:
    (embedded,) = PdfFileReader(BytesIO(desk.signed)).embedded_signatures
    status = validate_pdf_signature(
        embedded, ValidationContext(trust_roots=[embedded.signer_cert], allow_fetching=False)
    )
    assert status.intact
    assert status.valid
    assert status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    assert embedded.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    attributes = {attribute["type"].native for attribute in embedded.signer_info["signed_attrs"]}
    assert "signing_certificate_v2" in attributes  # what makes it PAdES B-B
    assert "signing_time" not in attributes


def test_the_visible_signature_says_who_why_when_and_with_what(desk: Desk) -> None:
    assert stamp_text(desk.signed) == (
        "Signed by Evidence of Harbour, Harbour Field Services B.V. "
        f"Reason {REASON} Time stated 2 May 2023, 14:05:07 UTC "
        f"Certificate SHA-256 {desk.fingerprint}"
    )


def test_the_visible_signature_goes_where_it_is_told(desk: Desk) -> None:
    box = SignatureBox(page=1, x=100, y=200, width=400, height=70)
    signed = sign(
        desk.unsigned,
        key_file=desk.key_file,
        cert_file=desk.cert_file,
        reason="a reason that is far too long for its line " * 10,
        signed_at=SIGNED_AT,
        location="Rotterdam",
        box=box,
    )
    with pikepdf.open(BytesIO(signed)) as document:
        (field,) = document.Root.AcroForm.Fields
        assert [int(edge) for edge in field.Rect] == [100, 200, 500, 270]
        assert document.pages[1].obj == field.P
        assert str(field.V.Location) == "Rotterdam"
    report = verify_signature(signed)
    assert report.verdict == SignatureVerdict.VALID
    assert report.reason.endswith("its line ")


def test_signing_only_appends(desk: Desk) -> None:
    assert desk.signed.startswith(desk.unsigned)


def test_an_unsigned_pdf_is_unsigned(desk: Desk) -> None:
    report = verify_signature(desk.unsigned)
    assert report.verdict == SignatureVerdict.UNSIGNED
    assert not report.covers_whole_file
    assert report.signer == ""


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7\nbroken"])
def test_what_is_no_pdf_is_not_called_unsigned(content: bytes) -> None:
    with pytest.raises(PdfUnreadable):
        verify_signature(content)


def flipped(content: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
def test_any_flipped_bit_is_tampering(desk: Desk, position: int, bit: int) -> None:
    changed = flipped(desk.signed, position % len(desk.signed), bit)
    assert verify_signature(changed).verdict == SignatureVerdict.TAMPERED


def test_every_byte_of_the_signature_value_counts(desk: Desk) -> None:
    """Padding and letter case included, which a lenient reader skips."""
    start, end = desk.gap
    for position in range(start, end):
        changed = flipped(desk.signed, position, 5 if position % 2 else 0)
        assert verify_signature(changed).verdict == SignatureVerdict.TAMPERED


def test_every_byte_of_the_last_revision_counts(desk: Desk) -> None:
    for position in range(len(desk.signed) - 900, len(desk.signed)):
        changed = flipped(desk.signed, position, 1)
        assert verify_signature(changed).verdict == SignatureVerdict.TAMPERED


def test_lower_case_digits_are_the_same_signature_but_mixed_ones_are_not(desk: Desk) -> None:
    start, end = desk.gap
    value = desk.signed[start:end]
    lower = desk.signed[:start] + value.lower() + desk.signed[end:]
    assert verify_signature(lower).verdict == SignatureVerdict.VALID
    mixed = desk.signed[:start] + value[:200].lower() + value[200:] + desk.signed[end:]
    assert verify_signature(mixed).verdict == SignatureVerdict.TAMPERED


@pytest.mark.parametrize(
    "value",
    [b"", b"<", b"<>", b"<zz>", b"<00>", b"<30>", b"<3080>", b"(30)", b"<300G>", b"<300>"],
)
def test_a_signature_value_that_is_none_is_tampering(desk: Desk, value: bytes) -> None:
    start, end = desk.gap
    padded = value + b" " * (end - start - len(value))
    changed = desk.signed[:start] + padded + desk.signed[end:]
    assert verify_signature(changed).verdict == SignatureVerdict.TAMPERED


def byte_range(desk: Desk, numbers: str) -> bytes:
    """The signed file with other numbers in its byte range, at the same length."""
    found = re.search(rb"/ByteRange \[[^\]]*\] *", desk.signed)
    assert found is not None
    text = f"/ByteRange [{numbers}]".encode().ljust(len(found.group()))
    return desk.signed[: found.start()] + text + desk.signed[found.end() :]


@pytest.mark.parametrize(
    "numbers",
    ["1 2 3 4", "0 0 5 5", "0 9 9 9", "0 9 5 9", "0 10 20 999999999", "0 10 20 5", "0 1 2"],
)
def test_another_byte_range_is_tampering(desk: Desk, numbers: str) -> None:
    assert verify_signature(byte_range(desk, numbers)).verdict == SignatureVerdict.TAMPERED


def test_an_appended_revision_is_told_from_tampering(desk: Desk) -> None:
    """What was signed is intact, but the file is more than that."""
    revision = IncrementalPdfFileWriter(BytesIO(desk.signed))
    revision.root["/PageMode"] = revision.root["/PageMode"]
    revision.update_root()
    sheet = BytesIO()
    revision.write(sheet)
    for extended in (sheet.getvalue(), desk.signed + b"\n", desk.signed + b"%%EOF"):
        report = verify_signature(extended, trusted_fingerprints=[desk.fingerprint])
        assert report.is_intact
        assert not report.covers_whole_file
        assert report.verdict == SignatureVerdict.EXTENDED


def test_a_file_cut_short_is_tampering(desk: Desk) -> None:
    for length in (len(desk.signed) - 1, desk.gap[1] + 50, desk.signed.index(b"/M (") + 2):
        assert verify_signature(desk.signed[:length]).verdict == SignatureVerdict.TAMPERED


def test_a_file_cut_before_its_byte_range_is_not_called_unsigned(desk: Desk) -> None:
    with pytest.raises(PdfUnreadable):
        verify_signature(desk.signed[: desk.gap[0] + 10])


def test_content_changed_and_saved_anew_is_not_valid(desk: Desk) -> None:
    sheet = BytesIO()
    with pikepdf.open(BytesIO(desk.signed)) as document:
        del document.pages[-1]
        document.save(sheet)
    assert verify_signature(sheet.getvalue()).verdict == SignatureVerdict.TAMPERED


def test_signed_anew_by_somebody_else_is_an_unknown_signer(desk: Desk, tmp_path: Path) -> None:
    other = identity("Somebody else")
    forged = sign(
        desk.unsigned,
        key_file=write(tmp_path, "key.pem", other.key_pem),
        cert_file=write(tmp_path, "cert.pem", other.certificate_pem),
        reason=REASON,
        signed_at=SIGNED_AT,
    )
    report = verify_signature(forged, trusted_fingerprints=[desk.fingerprint])
    assert report.verdict == SignatureVerdict.UNKNOWN_SIGNER
    assert report.signer.startswith("Somebody else")


def test_a_signature_is_the_only_and_last_step(desk: Desk) -> None:
    with pytest.raises(AlreadySigned):
        desk.sign(desk.signed)
    with pytest.raises(AlreadySigned):
        attach(desk.signed, [], attached_at=CLOSED_AT)


def test_a_key_behind_a_passphrase_signs_with_it_alone(desk: Desk, tmp_path: Path) -> None:
    made = identity(passphrase=b"long passphrase")
    assert b"ENCRYPTED" in made.key_pem
    key_file = write(tmp_path, "key.pem", made.key_pem)
    cert_file = write(tmp_path, "cert.pem", made.certificate_pem)
    signed = sign(
        desk.unsigned,
        key_file=key_file,
        cert_file=cert_file,
        reason=REASON,
        signed_at=SIGNED_AT,
        passphrase=b"long passphrase",
    )
    assert verify_signature(signed).certificate_sha256 == made.certificate_sha256
    for passphrase in (None, b"wrong"):
        with pytest.raises(SigningMaterialUnreadable):
            sign(
                desk.unsigned,
                key_file=key_file,
                cert_file=cert_file,
                reason=REASON,
                signed_at=SIGNED_AT,
                passphrase=passphrase,
            )


def test_an_rsa_key_signs_too(desk: Desk, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RSA signer")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2023, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2024, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    signed = sign(
        desk.unsigned,
        key_file=write(tmp_path, "key.pem", pem),
        cert_file=write(tmp_path, "cert.der", certificate.public_bytes(serialization.Encoding.DER)),
        reason=REASON,
        signed_at=SIGNED_AT,
    )
    report = verify_signature(signed)
    assert report.verdict == SignatureVerdict.VALID
    assert report.signer == "RSA signer"


@pytest.mark.parametrize(
    ("key", "certificate"),
    [(b"", None), (b"not a key", None), (None, b""), (None, b"not a certificate")],
)
def test_unreadable_material_is_refused(
    desk: Desk, tmp_path: Path, key: bytes | None, certificate: bytes | None
) -> None:
    key_file = desk.key_file if key is None else write(tmp_path, "key.pem", key)
    cert_file = desk.cert_file if certificate is None else write(tmp_path, "c.pem", certificate)
    with pytest.raises(SigningMaterialUnreadable):
        sign(
            desk.unsigned,
            key_file=key_file,
            cert_file=cert_file,
            reason=REASON,
            signed_at=SIGNED_AT,
        )


def test_a_missing_key_is_refused(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(SigningMaterialUnreadable):
        sign(
            desk.unsigned,
            key_file=tmp_path / "absent.pem",
            cert_file=desk.cert_file,
            reason=REASON,
            signed_at=SIGNED_AT,
        )


def test_a_certificate_of_another_key_is_refused(desk: Desk, tmp_path: Path) -> None:
    other = write(tmp_path, "other.pem", identity("Other").key_pem)
    with pytest.raises(KeyDoesNotMatchCertificate):
        sign(
            desk.unsigned,
            key_file=other,
            cert_file=desk.cert_file,
            reason=REASON,
            signed_at=SIGNED_AT,
        )


@pytest.mark.parametrize("year", [2022, 2029])
def test_a_certificate_out_of_force_does_not_sign(desk: Desk, year: int) -> None:
    with pytest.raises(CertificateNotInForce):
        sign(
            desk.unsigned,
            key_file=desk.key_file,
            cert_file=desk.cert_file,
            reason=REASON,
            signed_at=datetime(year, 6, 1, tzinfo=UTC),
        )


def test_a_signature_out_of_force_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody signs past our refusal."""
    monkeypatch.setattr(
        "apps.reporting.documents.signing._require_in_force", lambda *_arguments: None
    )
    signed = sign(
        desk.unsigned,
        key_file=desk.key_file,
        cert_file=desk.cert_file,
        reason=REASON,
        signed_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    assert verify_signature(signed).verdict == SignatureVerdict.OUT_OF_FORCE


def test_a_time_without_zone_is_refused(desk: Desk) -> None:
    with pytest.raises(InstantWithoutZone):
        sign(
            desk.unsigned,
            key_file=desk.key_file,
            cert_file=desk.cert_file,
            reason=REASON,
            signed_at=datetime(2023, 5, 2),
        )


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7\nbroken"])
def test_only_a_pdf_is_signed(desk: Desk, content: bytes) -> None:
    with pytest.raises(PdfUnreadable):
        desk.sign(content)


def test_a_package_is_checked_as_a_whole(desk: Desk) -> None:
    report = verify_package(desk.signed, trusted_fingerprints=[desk.fingerprint])
    assert report.is_valid
    assert report.manifest is not None
    assert report.manifest.verdict == ManifestVerdict.VALID
    assert report.manifest.matching == ("exceptions.csv", "population.csv")


def test_a_package_of_an_unchecked_signer_is_not_called_valid(desk: Desk) -> None:
    assert not verify_package(desk.signed).is_valid


def test_an_unsigned_package_anchors_nothing(desk: Desk) -> None:
    report = verify_package(desk.unsigned, trusted_fingerprints=[desk.fingerprint])
    assert report.signature.verdict == SignatureVerdict.UNSIGNED
    assert report.manifest is not None
    assert report.manifest.verdict == ManifestVerdict.UNANCHORED
    assert not report.is_valid


def signed_with(desk: Desk, *files: Attachment) -> bytes:
    return desk.sign(attach(render_evidence(complete_content()), files, attached_at=CLOSED_AT))


def test_a_package_without_manifest_is_not_valid(desk: Desk) -> None:
    report = verify_package(
        signed_with(desk, *attachments()), trusted_fingerprints=[desk.fingerprint]
    )
    assert report.manifest is None
    assert not report.is_valid


def test_a_manifest_other_than_the_cover_says_is_found(desk: Desk) -> None:
    (first, _second) = attachments()
    other = manifest_attachments(Manifest("EP v9", (first.item,)))
    signed = signed_with(desk, first, *other)
    report = verify_package(signed, trusted_fingerprints=[desk.fingerprint])
    assert report.signature.verdict == SignatureVerdict.VALID
    assert report.manifest is not None
    assert report.manifest.verdict == ManifestVerdict.TAMPERED
    assert not report.is_valid


def test_a_document_that_names_no_root_anchors_nothing(desk: Desk) -> None:
    sheet = BytesIO()
    with pikepdf.open(BytesIO(desk.unsigned)) as document:
        del document.docinfo["/Keywords"]
        document.save(sheet)
    report = verify_package(desk.sign(sheet.getvalue()), trusted_fingerprints=[desk.fingerprint])
    assert report.manifest is not None
    assert report.manifest.verdict == ManifestVerdict.TAMPERED


def test_a_malformed_manifest_inside_is_refused(desk: Desk) -> None:
    broken = Attachment("manifest.json", b"{}", "application/json", "Manifest")
    with pytest.raises(ManifestMalformed):
        verify_package(signed_with(desk, broken))


def signed_by_hand(desk: Desk, *entries: dict[str, Any]) -> bytes:
    """A file whose only signature is in a comment at its end, with these dictionaries inside.

    A dictionary's ``ByteRange`` may be "own", for the numbers of that signature.
    """
    own = [0, 0, 0, 0]
    for _ in range(5):  # the numbers change the file's length, so settle them
        base = _with_entries(desk.unsigned, entries, own)
        room = 6_000
        opening = len(base) + len(_comment(base, room))
        own = [0, opening, opening + room, 7]
    whole = base + _comment(base, room) + b"<" + b"0" * (room - 2) + b">" + b"\n%%EOF\n"
    covered = whole[:opening] + whole[opening + room :]
    signer = SimpleSigner.load(str(desk.key_file), str(desk.cert_file))
    digest = hashlib.sha256(covered).digest()
    made = asyncio.run(signer.async_sign(digest, "sha256", use_pades=True))
    value = made.dump().hex().ljust(room - 2, "0")
    return whole[: opening + 1] + value.encode() + whole[opening + room - 1 :]


def _comment(base: bytes, room: int) -> bytes:
    """Its length does not depend on the numbers, which are padded."""
    opening = len(base) + 52
    numbers = f"0 {opening} {opening + room} 7".ljust(34)
    return f"\n% /ByteRange [{numbers}]".encode().ljust(51) + b"%"


def _with_entries(pdf: bytes, entries: tuple[dict[str, Any], ...], own: list[int]) -> bytes:
    sheet = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as document:
        given = []
        for entry in entries:
            values = {f"/{key}": own if value == "own" else value for key, value in entry.items()}
            given.append(document.make_indirect(pikepdf.Dictionary(values)))
        document.Root.Decoys = pikepdf.Array(given)
        mode = pikepdf.ObjectStreamMode.disable
        document.save(sheet, object_stream_mode=mode, deterministic_id=True)
    return sheet.getvalue()


SIGNATURE = {"Type": pikepdf.Name.Sig, "ByteRange": "own", "M": "D:20230502140507Z"}


def test_a_hand_made_signature_that_its_file_names_is_valid(desk: Desk) -> None:
    """The yardstick of the next tests: what they change is what makes the difference."""
    report = verify_signature(signed_by_hand(desk, SIGNATURE))
    assert report.verdict == SignatureVerdict.VALID
    assert report.signed_at == datetime(2023, 5, 2, 14, 5, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [SIGNATURE | {"ByteRange": [0, 1, 2, 3]}],
        [{"Type": pikepdf.Name.Sig}],
        [SIGNATURE, SIGNATURE],
    ],
)
def test_a_signature_that_its_file_does_not_name_is_tampering(
    desk: Desk, entries: list[dict[str, Any]]
) -> None:
    assert verify_signature(signed_by_hand(desk, *entries)).verdict == SignatureVerdict.TAMPERED


@pytest.mark.parametrize("stated", ["yesterday", "D:20230502140507", "", "D:20239902"])
def test_a_signature_that_states_no_time_was_never_in_force(desk: Desk, stated: str) -> None:
    report = verify_signature(signed_by_hand(desk, SIGNATURE | {"M": stated}))
    assert report.is_intact
    assert report.signed_at is None
    assert report.verdict == SignatureVerdict.OUT_OF_FORCE
