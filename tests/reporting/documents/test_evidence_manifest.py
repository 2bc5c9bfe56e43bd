"""The manifest: one canonical form, one root, and nothing exchanged, added or missing unnoticed."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reporting.documents import (
    Manifest,
    ManifestItem,
    ManifestVerdict,
    item_of,
    read_manifest,
    verify_manifest,
)
from apps.reporting.documents.errors import ManifestMalformed, PathDuplicated, PathUnsafe

CONTENTS = {
    "exceptions.csv": b"reference,amount\nBRK-1,79.20\n",
    "sources/statement.xml": b"<Document/>",
    "Übersicht.json": b"{}",
}
DIGEST = "0" * 64


def manifest() -> Manifest:
    return Manifest(
        "EP v1", tuple(item_of(path, body, "text/csv") for path, body in CONTENTS.items())
    )


def test_the_file_is_canonical_json_ordered_by_path() -> None:
    small = Manifest(
        "EP v1", (item_of("b.csv", b"b", "text/csv"), item_of("a.csv", b"", "text/csv"))
    )
    assert small.to_json() == (
        b'{"items":['
        b'{"media_type":"text/csv","path":"a.csv","sha256":'
        b'"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size_bytes":0},'
        b'{"media_type":"text/csv","path":"b.csv","sha256":'
        b'"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d","size_bytes":1}],'
        b'"package":"EP v1","schema":"finflow.evidence-manifest/1"}'
    )


def test_the_order_of_the_items_given_does_not_matter() -> None:
    backwards = Manifest("EP v1", tuple(reversed(manifest().items)))
    assert backwards == manifest()
    assert backwards.root_sha256 == manifest().root_sha256


def test_the_root_is_the_digest_of_the_file_itself() -> None:
    assert manifest().root_sha256 == hashlib.sha256(manifest().to_json()).hexdigest()


def test_the_checksum_list_is_one_that_sha256sum_accepts(tmp_path: Path) -> None:
    for path, body in CONTENTS.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(body)
    (tmp_path / "SHA256SUMS").write_bytes(manifest().to_checksums())
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    try:
        checked = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("sha256sum is not on this machine")
    assert checked.returncode == 0, checked.stderr
    (tmp_path / "exceptions.csv").write_bytes(b"changed")
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert checked.returncode != 0


def test_a_manifest_reads_back() -> None:
    assert read_manifest(manifest().to_json()) == manifest()


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}(/[a-z0-9]{1,8}){0,2}\.csv", fullmatch=True),
        st.binary(max_size=40),
        max_size=8,
    )
)
def test_any_manifest_reads_back_and_verifies(contents: dict[str, bytes]) -> None:
    made = Manifest("EP", tuple(item_of(path, body, "text/csv") for path, body in contents.items()))
    assert read_manifest(made.to_json()) == made
    report = verify_manifest(made.to_json(), contents, expected_root=made.root_sha256)
    assert report.verdict == ManifestVerdict.VALID
    assert report.matching == tuple(sorted(contents))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up.csv",
        "a/../b.csv",
        "a//b.csv",
        "./a.csv",
        "a/",
        "a\\b.csv",
        "c:evil.csv",
        "nul\x00.csv",
        "line\nfeed.csv",
        "rtl\u202egpj.exe",
        "what?.csv",
        "dot.",
        "space ",
        "folder./a.csv",
        "x" * 256,
    ],
)
def test_an_unsafe_path_is_refused(path: str) -> None:
    with pytest.raises(PathUnsafe):
        item_of(path, b"", "text/csv")


@pytest.mark.parametrize("path", ["a.csv", "a/b/c.csv", "Übersicht 2023.csv", "x" * 255, ".hidden"])
def test_a_safe_path_is_taken(path: str) -> None:
    assert item_of(path, b"", "text/csv").path == path


@pytest.mark.parametrize(
    "other", [("a.csv", "a.csv"), ("a.csv", "A.CSV"), ("straße.csv", "STRASSE.csv")]
)
def test_a_path_listed_twice_is_refused_letter_case_aside(other: tuple[str, str]) -> None:
    with pytest.raises(PathDuplicated):
        Manifest("EP", tuple(item_of(path, b"", "text/csv") for path in other))


@pytest.mark.parametrize(
    ("sha256", "size_bytes", "media_type"),
    [
        ("0" * 63, 0, "text/csv"),
        ("A" * 64, 0, "text/csv"),
        (DIGEST, -1, "text/csv"),
        (DIGEST, True, "text/csv"),
        (DIGEST, 0, "csv"),
        (DIGEST, 0, "text/csv; charset=utf-8"),
        (DIGEST, 0, ""),
    ],
)
def test_a_malformed_item_is_refused(sha256: str, size_bytes: int, media_type: str) -> None:
    with pytest.raises(ManifestMalformed):
        ManifestItem("a.csv", sha256, size_bytes, media_type)


@pytest.mark.parametrize("package", ["", "line\nfeed", "lone \ud800"])
def test_a_package_needs_a_printable_name(package: str) -> None:
    with pytest.raises(ManifestMalformed):
        Manifest(package, ())


def changed(**changes: Any) -> bytes:
    document = json.loads(manifest().to_json()) | changes
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


ITEM = {"media_type": "text/csv", "path": "a.csv", "sha256": DIGEST, "size_bytes": 0}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b"null",
        b"{}",
        changed(schema="finflow.evidence-manifest/2"),
        changed(schema=1),
        changed(extra="key"),
        changed(package=7),
        changed(package=""),
        changed(items={}),
        changed(items=[7]),
        changed(items=[{}]),
        changed(items=[ITEM | {"size_bytes": "0"}]),
        changed(items=[ITEM | {"size_bytes": 0.0}]),
        changed(items=[ITEM | {"size_bytes": True}]),
        changed(items=[ITEM | {"sha256": "x"}]),
        changed(items=[ITEM | {"path": "b.csv"}, ITEM]),  # not in order
        manifest().to_json() + b"\n",
        b" " + manifest().to_json(),
        manifest().to_json().replace(b'"package":', b'"package": '),
        manifest().to_json().replace(b'"package":', b'"package":"x","package":'),
        json.dumps(json.loads(manifest().to_json()), sort_keys=True).encode(),
        manifest().to_json().replace("Ü".encode(), b"\\u00dc"),
    ],
)
def test_what_is_not_canonical_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestMalformed):
        read_manifest(content)


def test_unsafe_and_duplicated_paths_in_a_file_are_refused() -> None:
    with pytest.raises(PathUnsafe):
        read_manifest(changed(items=[ITEM | {"path": "../a.csv"}]))
    with pytest.raises(PathDuplicated):
        read_manifest(changed(items=[ITEM, ITEM]))


def test_a_whole_package_is_valid_against_the_root_of_the_cover() -> None:
    root = manifest().root_sha256
    report = verify_manifest(manifest().to_json(), CONTENTS, expected_root=root.upper())
    assert report.verdict == ManifestVerdict.VALID
    assert report.matching == tuple(sorted(CONTENTS))
    assert report.root_sha256 == root


def test_without_a_root_to_compare_with_it_is_never_called_valid() -> None:
    report = verify_manifest(manifest().to_json(), CONTENTS)
    assert report.is_root_expected is None
    assert report.verdict == ManifestVerdict.UNANCHORED


@pytest.mark.parametrize("anchored", [True, False])
def test_a_changed_file_is_named(anchored: bool) -> None:
    root = manifest().root_sha256 if anchored else None
    contents = CONTENTS | {"exceptions.csv": b"reference,amount\nBRK-1,79.21\n"}
    report = verify_manifest(manifest().to_json(), contents, expected_root=root)
    assert report.verdict == ManifestVerdict.TAMPERED
    assert report.altered == ("exceptions.csv",)
    assert len(report.matching) == 2


def test_a_file_of_another_length_is_altered() -> None:
    item = item_of("a.csv", b"abc", "text/csv")
    wrong = Manifest("EP", (ManifestItem("a.csv", item.sha256, 4, "text/csv"),))
    report = verify_manifest(wrong.to_json(), {"a.csv": b"abc"})
    assert report.altered == ("a.csv",)


def test_a_missing_file_makes_the_check_incomplete() -> None:
    contents = {path: body for path, body in CONTENTS.items() if path != "exceptions.csv"}
    root = manifest().root_sha256
    report = verify_manifest(manifest().to_json(), contents, expected_root=root)
    assert report.verdict == ManifestVerdict.INCOMPLETE
    assert report.missing == ("exceptions.csv",)


def test_an_added_file_is_tampering() -> None:
    contents = CONTENTS | {"planted.csv": b""}
    root = manifest().root_sha256
    report = verify_manifest(manifest().to_json(), contents, expected_root=root)
    assert report.verdict == ManifestVerdict.TAMPERED
    assert report.unlisted == ("planted.csv",)


def test_a_manifest_rewritten_to_fit_changed_files_has_another_root() -> None:
    contents = CONTENTS | {"exceptions.csv": b"forged"}
    items = tuple(item_of(path, body, "text/csv") for path, body in contents.items())
    forged = Manifest("EP v1", items)
    root = manifest().root_sha256
    report = verify_manifest(forged.to_json(), contents, expected_root=root)
    assert report.altered == ()
    assert report.is_root_expected is False
    assert report.verdict == ManifestVerdict.TAMPERED


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
def test_any_changed_bit_of_the_manifest_is_found(position: int, bit: int) -> None:
    content = bytearray(manifest().to_json())
    content[position % len(content)] ^= 1 << bit
    root = manifest().root_sha256
    try:
        report = verify_manifest(bytes(content), CONTENTS, expected_root=root)
    except (ManifestMalformed, PathUnsafe, PathDuplicated):
        return
    assert report.verdict == ManifestVerdict.TAMPERED
