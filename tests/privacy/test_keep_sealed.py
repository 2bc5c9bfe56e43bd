"""Bytes in the storage that only the key ring opens."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.privacy.keyring import Unreadable
from apps.privacy.selectors import sealed_content
from apps.privacy.services import keep_sealed

LABEL = "tests.content"


@pytest.fixture
def name() -> str:
    return f"tests/{uuid4().hex}"


def lying(name: str) -> bytes:
    with default_storage.open(name) as stored:
        return bytes(stored.read())


def test_what_is_kept_is_read_again_and_lies_sealed(name: str) -> None:
    assert keep_sealed(name, b"for few eyes", LABEL) == name
    assert sealed_content(name, LABEL) == b"for few eyes"
    assert b"for few eyes" not in lying(name)


def test_the_same_bytes_are_stored_once(name: str) -> None:
    keep_sealed(name, b"content", LABEL)
    first = lying(name)
    assert keep_sealed(name, b"content", LABEL) == name
    assert lying(name) == first


@pytest.mark.parametrize("left_behind", [b"", b"\x01half a file", b"x" * 100])
def test_what_was_left_behind_is_not_taken_for_it(name: str, left_behind: bytes) -> None:
    default_storage.save(name, ContentFile(left_behind))
    kept = keep_sealed(name, b"content", LABEL)
    assert kept != name
    assert sealed_content(kept, LABEL) == b"content"
    assert lying(name) == left_behind


def test_other_bytes_under_the_name_stay(name: str) -> None:
    keep_sealed(name, b"earlier", LABEL)
    kept = keep_sealed(name, b"later", LABEL)
    assert (sealed_content(name, LABEL), sealed_content(kept, LABEL)) == (b"earlier", b"later")


def test_what_is_not_there_or_belongs_elsewhere_is_not_read(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        sealed_content(name, LABEL)
    keep_sealed(name, b"content", LABEL)
    with pytest.raises(Unreadable):
        sealed_content(name, "tests.elsewhere")
