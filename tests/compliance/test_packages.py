"""Sealing packages and handing them out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.audit.models import Event
from apps.close.models import CloseRun
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.compliance.errors import PackageChanged, PackageInvalid, PackageMissing
from apps.compliance.models import EvidencePackage
from apps.compliance.selectors import (
    document_of,
    file_name,
    latest_package,
    package_seen_by,
    packages_for,
)
from apps.compliance.services import hand_out_package, seal_package

from .conftest import SEALED

Seal = Callable[..., EvidencePackage]


def test_a_sealed_package_holds_the_document_and_its_digests(seal: Seal, connie: Any) -> None:
    package = seal()
    assert document_of(package) == b"%PDF signed"
    assert package.document_sha256 == hashlib.sha256(b"%PDF signed").hexdigest()
    assert package.document_size_bytes == 11
    assert (package.version, package.supersedes, package.made_by) == (1, None, connie)
    assert file_name(package) == "HFS-2023-04-evidence-v1.pdf"
    event = Event.objects.get(action="compliance.package.seal")
    assert event.details == {
        "version": 1,
        "manifest_root": package.manifest_root,
        "document_sha256": package.document_sha256,
    }


def test_versions_follow_each_other(seal: Seal, close_run: CloseRun) -> None:
    first, second, third = seal(), seal(document=b"%PDF second"), seal(document=b"%PDF third")
    assert [each.version for each in (first, second, third)] == [1, 2, 3]
    assert (second.supersedes, third.supersedes) == (first, second)
    assert latest_package(close_run.pk) == third
    assert document_of(first) == b"%PDF signed"


def test_the_same_bytes_twice_lie_in_two_places(seal: Seal) -> None:
    """A file that is there already is not trusted to be ours."""
    first, second = seal(), seal()
    assert first.document_name != second.document_name
    default_storage.delete(first.document_name)
    assert document_of(second) == b"%PDF signed"


def test_packages_are_never_changed(seal: Seal) -> None:
    package = seal()
    for change in ({"manifest_root": "0" * 64}, {"document_name": "x"}, {"version": 9}):
        with pytest.raises(IntegrityError), transaction.atomic():
            EvidencePackage.objects.filter(pk=package.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        EvidencePackage.objects.filter(pk=package.pk)._raw_delete("default")


REFUSALS = [
    ("no document", {"document": b""}, "document"),
    ("no content digest", {"content_sha256": ""}, "content_sha256"),
    ("a short digest", {"content_sha256": "a" * 63}, "content_sha256"),
    ("a digest in capitals", {"certificate_sha256": "C" * 64}, "certificate_sha256"),
    ("another root", {"manifest_root": "b" * 64}, "manifest_root"),
    ("another manifest", {"manifest": {"items": [1]}}, "manifest_root"),
]


@pytest.mark.parametrize(("what", "changes", "field"), REFUSALS, ids=[each[0] for each in REFUSALS])
def test_what_does_not_fit_together_is_not_sealed(
    seal: Seal, what: str, changes: dict[str, Any], field: str, table_counts: Any
) -> None:
    before = table_counts()
    with pytest.raises(PackageInvalid) as refused:
        seal(**changes)
    assert refused.value.field == field
    assert table_counts() == before


WHO_SEALS = [
    ("alice", NotPermitted),
    ("rita", NotPermitted),
    ("bob", NotPermitted),
    ("otto", NotPermitted),
    ("ivy", NotPermitted),
    ("ada", NotPermitted),
    ("victor", NotVisible),
    ("charlie", NotVisible),
]


@pytest.mark.parametrize(("who", "refusal"), WHO_SEALS)
def test_who_may_not_seal(
    seal: Seal, who: str, refusal: type[Refusal], request: Any, table_counts: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        seal(actor=actor)
    assert table_counts() == before


def test_a_close_that_does_not_exist(connie: Any, close_run: CloseRun, unchanged: None) -> None:
    with pytest.raises(NotVisible):
        seal_package(close_run_id=close_run.pk + 1, actor=connie, **SEALED)


# --- Handing out ----------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["connie", "otto"])
def test_who_takes_a_package_is_on_record(seal: Seal, who: str, request: Any) -> None:
    actor, package = request.getfixturevalue(who), seal()
    found, document = hand_out_package(package_id=package.pk, actor=actor)
    assert (found, document) == (package, b"%PDF signed")
    event = Event.objects.get(action="compliance.package.download")
    assert (event.actor, event.subject_id, event.entity_id) == (
        actor,
        str(package.pk),
        package.entity_id,
    )
    assert event.details == {"version": 1, "document_sha256": package.document_sha256}


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("alice", NotPermitted),
        ("rita", NotPermitted),
        ("bob", NotPermitted),
        ("ivy", NotVisible),
        ("ada", NotVisible),
        ("victor", NotVisible),
        ("charlie", NotVisible),
    ],
)
def test_who_gets_no_package(
    seal: Seal, who: str, refusal: type[Refusal], request: Any, table_counts: Any
) -> None:
    actor, package = request.getfixturevalue(who), seal()
    before = table_counts()
    with pytest.raises(refusal):
        hand_out_package(package_id=package.pk, actor=actor)
    assert table_counts() == before


@pytest.mark.parametrize(
    ("content", "refusal"), [(None, PackageMissing), (b"x" * 60, PackageChanged)]
)
def test_what_is_not_the_sealed_document_is_not_handed_out(
    seal: Seal, otto: Any, content: bytes | None, refusal: type[Refusal], table_counts: Any
) -> None:
    from django.core.files.base import ContentFile

    package = seal()
    default_storage.delete(package.document_name)
    if content is not None:
        default_storage.save(package.document_name, ContentFile(content))
    before = table_counts()
    with pytest.raises(refusal):
        hand_out_package(package_id=package.pk, actor=otto)
    assert table_counts() == before


# --- Reads ----------------------------------------------------------------------------------


def test_packages_are_those_of_granted_entities(
    seal: Seal, foreign: EvidencePackage, otto: Any, charlie: Any, victor: Any
) -> None:
    first, second = seal(), seal(document=b"%PDF second")
    assert list(packages_for(otto)) == [second, first]
    assert list(packages_for(charlie)) == [foreign]
    assert not packages_for(victor).exists()
    assert package_seen_by(otto, first.pk) == first
    for stranger, package in ((otto, foreign), (charlie, first), (victor, first)):
        with pytest.raises(NotVisible):
            package_seen_by(stranger, package.pk)


def test_a_list_of_packages_takes_one_query(seal: Seal, otto: Any) -> None:
    for number in range(3):
        seal(document=b"%%PDF %d" % number)
    otto.entity_ids()
    with CaptureQueriesContext(connection) as queries:
        for package in packages_for(otto):
            assert package.close_run.period.name
            assert package.entity.code
            assert str(package.made_by)
            assert getattr(package, "superseded_by", None) or package.version == 3
    assert len(queries) == 1
