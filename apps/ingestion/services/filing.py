"""Which source a file from the command line belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from django.db import transaction

from apps.identity.models import Entity, User
from apps.ingestion.errors import SourceUnclear
from apps.ingestion.formats import Reading
from apps.ingestion.models import Source
from apps.ingestion.services.reading import bare_account
from apps.ingestion.services.sources import change_mapping, define_source

_LONGEST_CODE = 50


@transaction.atomic
def source_of_file(
    *, entity: Entity, reading: Reading, filename: str, mapping: Mapping[str, Any], actor: User
) -> Source:
    """The entity's source of the one account that the file is about, or of the file's name.

    Files of one export share a name but for its digits ("bank_2023-04.csv", "bank_2023-05.csv"),
    so they come into one source and lines that overlap are known. A source that is not there is
    defined; a mapping that differs from the source's takes its place.

    Raises:
        NotVisible, NotPermitted: not this actor.
        SourceUnclear: no account, and a name of digits alone, as files of many origins have.
        SourceInvalid: a mapping with a fault.
    """
    accounts = {bare_account(statement.account) for statement in reading.statements}
    account = accounts.pop() if len(accounts) == 1 else ""
    sources = Source.objects.filter(entity=entity, is_active=True)
    if account:
        found = next((one for one in sources if bare_account(one.account_number) == account), None)
        code = f"{reading.format}-{account[-4:]}"
    else:
        code = _stem(filename)
        if not code:
            raise SourceUnclear(field="source")
        found = sources.filter(code=code).first()
    if found is None:
        return define_source(
            entity_id=entity.pk,
            code=_free_code(entity, code),
            name=f"{PurePath(filename).stem} ({reading.format})"[:200],
            format=reading.format,
            mapping=mapping or None,
            account_number=account,
            actor=actor,
        )
    if mapping and found.mapping != mapping:
        return change_mapping(source_id=found.pk, mapping=mapping, actor=actor)
    return found


def _stem(filename: str) -> str:
    words = re.findall(r"[a-z]+", PurePath(filename).stem.lower())
    return "-".join(words)[:_LONGEST_CODE]


def _free_code(entity: Entity, wanted: str) -> str:
    """The code, numbered where another source has it."""
    code = re.sub(r"[^A-Za-z0-9_-]", "-", wanted)[: _LONGEST_CODE - 4]
    taken = set(Source.objects.filter(entity=entity).values_list("code", flat=True))
    names = [code, *(f"{code}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
