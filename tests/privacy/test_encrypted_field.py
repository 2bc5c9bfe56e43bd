"""Encrypted fields on a real table: what lies in the database, and every way to write it."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import InvalidToken
from django.core.exceptions import FieldError
from django.db import connection, transaction

from apps.ingestion.models import Source
from apps.ingestion.services import define_source
from apps.privacy.keyring import KeyRing

IBAN = "NL91ABNA0417164300"


@pytest.fixture
def source(entity: Any, connie: Any) -> Source:
    return define_source(
        entity_id=entity.pk, code="bank", name="Bank", account_number=IBAN, actor=connie
    )


def stored(source: Source) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_number FROM ingestion_source WHERE id = %s", [source.pk])
        return bytes(cursor.fetchone()[0])


@pytest.mark.parametrize("value", [IBAN, "", "0", "ß € 漢"])
def test_a_value_comes_back_and_does_not_lie_there_in_clear(source: Source, value: str) -> None:
    source.account_number = value
    source.save()
    assert Source.objects.get().account_number == value
    assert len(value) < 4 or value.encode() not in stored(source)


def test_update_and_bulk_update_encrypt_too(source: Source) -> None:
    Source.objects.update(account_number="by update")
    assert Source.objects.get().account_number == "by update"
    source.account_number = "by bulk update"
    Source.objects.bulk_update([source], ["account_number"])
    assert Source.objects.get().account_number == "by bulk update"
    assert b"bulk" not in stored(source)


def test_it_cannot_be_searched_and_tampering_is_noticed(source: Source) -> None:
    with pytest.raises(FieldError):
        list(Source.objects.filter(account_number=IBAN))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE ingestion_source SET account_number = 'x'::bytea")
        with pytest.raises(InvalidToken):
            Source.objects.get()


def test_a_value_survives_the_rotation_of_the_key(source: Source, settings: Any) -> None:
    field = Source._meta.get_field("account_number")
    ring = KeyRing.from_text(f"9:{'A' * 43}=,{settings.FINFLOW_KEY_RING}")
    settings.FERNET_KEYS = ring.fernet_seeds()
    cached = [name for name in ("keys", "fernet_keys", "fernet") if field.__dict__.pop(name, None)]
    try:
        assert Source.objects.get().account_number == IBAN
    finally:
        for name in cached:
            field.__dict__.pop(name, None)
