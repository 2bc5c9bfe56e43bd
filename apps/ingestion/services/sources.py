"""Set up sources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize, one_visible
from apps.common.advisory import lock_exclusive
from apps.common.transitions import require_version
from apps.identity.models import Entity, User
from apps.ingestion.errors import SourceExists, SourceInvalid, SourceRetired
from apps.ingestion.formats import FORMATS
from apps.ingestion.formats.mapping_faults import faults_of
from apps.ingestion.locks import source_for_update
from apps.ingestion.models import Source
from apps.ingestion.permissions import MANAGE_SOURCES


@transaction.atomic
def define_source(
    *,
    entity_id: int,
    code: str,
    name: str,
    actor: User,
    format: str = "",  # noqa: A002 - the word that people use
    mapping: Mapping[str, Any] | None = None,
    account_number: str = "",
    drop_path: str = "",
) -> Source:
    """Create a source.

    Args:
        code: letters, digits, hyphens and underscores.
        mapping: see `formats.FieldMapping.from_dict`; None for formats that need none.
        account_number: statements of other accounts are refused; empty to take any.
        drop_path: file below the entity's drop folder, with `{period}` for the period's name.

    Raises:
        NotVisible, NotPermitted: not this actor.
        SourceExists: the code is taken.
        SourceInvalid: a field at fault, an unknown format, a path that leaves the folder, or a
            mapping with a fault (the key is named).
    """
    entity = one_visible(Entity.objects.visible_to(actor).filter(pk=entity_id))
    authorize(actor, MANAGE_SOURCES, entity_id=entity.pk)
    source = Source(
        entity=entity,
        code=code,
        name=name.strip(),
        format=format,
        account_number=account_number.strip(),
        drop_path=drop_path,
    )
    _require_clean(source)
    source.mapping = sound_mapping(mapping)
    lock_exclusive("ingestion.source", entity.pk)
    if Source.objects.filter(entity=entity, code=code).exists():
        raise SourceExists(field="code")
    source.save()
    record(actor=actor, action="ingestion.source.define", subject=source, code=code)
    return source


@transaction.atomic
def change_mapping(
    *,
    source_id: int,
    mapping: Mapping[str, Any] | None,
    actor: User,
    expected_version: int | None = None,
) -> Source:
    """Give a source another field mapping; lines imported before stay as they are.

    A file of which lines were rejected can then be imported again (see `import_file`).

    Args:
        expected_version: the `version` that the actor saw; None asks nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        StaleVersion: the source was set up otherwise meanwhile.
        SourceInvalid: the mapping has a fault (the key is named).
        SourceRetired: the source takes no files any more.
    """
    source = source_for_update(source_id, actor=actor)
    authorize(actor, MANAGE_SOURCES, entity_id=source.entity_id)
    _require_active(source)
    wanted = sound_mapping(mapping)
    if wanted == source.mapping:
        return source
    require_version(source, expected_version)
    source.mapping = wanted
    source.version += 1
    source.save(update_fields=["mapping", "version"])
    record(actor=actor, action="ingestion.source.remap", subject=source, mapping=wanted)
    return source


@transaction.atomic
def retire_source(*, source_id: int, actor: User) -> Source:
    """Let a source take no more files; what it brought stays.

    Raises:
        NotVisible, NotPermitted: not this actor.
        SourceRetired: it is retired already.
    """
    source = source_for_update(source_id, actor=actor)
    authorize(actor, MANAGE_SOURCES, entity_id=source.entity_id)
    _require_active(source)
    source.is_active = False
    source.save(update_fields=["is_active"])
    record(actor=actor, action="ingestion.source.retire", subject=source)
    return source


def sound_mapping(mapping: Mapping[str, Any] | None) -> dict[str, Any]:
    """The mapping as a plain dict, empty for none.

    Raises:
        SourceInvalid: it has a fault; the key is named, `faults` has all of them.
    """
    if mapping is None:
        return {}
    if not isinstance(mapping, Mapping):
        raise SourceInvalid("A field mapping is a JSON object.", field="mapping")
    if "\\u0000" in json.dumps(mapping, default=str):
        raise SourceInvalid("A text has a character that cannot be stored.", field="mapping")
    if faults := faults_of(mapping) if mapping else []:
        raise SourceInvalid(
            faults[0].message,
            remedy=faults[0].remedy,
            field="mapping",
            key=faults[0].key,
            faults=[{"key": fault.key, "message": fault.message} for fault in faults],
        )
    return dict(mapping)


def _require_active(source: Source) -> None:
    if not source.is_active:
        raise SourceRetired(remedy="It cannot be changed any more.")


def _require_clean(source: Source) -> None:
    if "\0" in source.name + source.drop_path:
        raise SourceInvalid("A text has a character that cannot be stored.", field="name")
    try:
        source.full_clean(
            validate_unique=False, validate_constraints=False, exclude=["entity", "account_number"]
        )
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        raise SourceInvalid(" ".join(problems), field=field) from None
    names = [known.name for known in FORMATS]
    if source.format and source.format not in names:
        raise SourceInvalid(
            f"There is no format {source.format!r}.",
            remedy=f"Formats: {', '.join(names)}.",
            field="format",
        )
    path = PurePosixPath(source.drop_path)
    if path.is_absolute() or ".." in path.parts:
        raise SourceInvalid(
            "The drop path has to stay below the entity's folder.",
            remedy="Write a path such as {period}/statement.xml.",
            field="drop_path",
        )
