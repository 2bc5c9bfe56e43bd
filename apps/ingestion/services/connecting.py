"""Give sources their connectors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.transitions import require_version
from apps.identity.models import Entity, User
from apps.ingestion.connectors import ConnectorInvalid, EgressRules, Site, connector_named
from apps.ingestion.errors import SourceRetired
from apps.ingestion.locks import source_for_update
from apps.ingestion.models import Source
from apps.ingestion.permissions import MANAGE_SOURCES
from apps.ingestion.selectors.ledger import account_codes, posted_lines


@transaction.atomic
def connect_source(
    *,
    source_id: int,
    connector: str,
    actor: User,
    connector_settings: Mapping[str, Any] | None = None,
    credentials: Mapping[str, str] | None = None,
    expected_version: int | None = None,
) -> Source:
    """Give a source a connector, or other settings for it; failures before that do not count.

    Args:
        connector: its name; empty to take it away, with its settings, credentials and schedule.
        connector_settings: see the connector; checked, but nothing is connected to.
        credentials: None keeps those that are there, as long as they go to the same place.
        expected_version: the `version` that the actor saw; None asks nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        StaleVersion: the source was set up otherwise meanwhile.
        SourceRetired: the source takes no files any more.
        ConnectorInvalid: names the setting at fault by its path.
    """
    source = source_for_update(source_id, actor=actor)
    authorize(actor, MANAGE_SOURCES, entity_id=source.entity_id)
    if not source.is_active:
        raise SourceRetired(remedy="It cannot be changed any more.")
    require_version(source, expected_version)
    wanted = _storable({} if connector_settings is None else connector_settings, "settings")
    if connector:
        _connect(source, connector, wanted, credentials)
    else:
        source.connector, source.connector_settings, source.credentials = "", {}, ""
        source.schedule, source.scheduled_at = "", None
    source.connected_at = timezone.now()
    source.version += 1
    source.save(
        update_fields=[
            "version",
            "connector",
            "connector_settings",
            "credentials",
            "connected_at",
            "schedule",
            "scheduled_at",
        ]
    )
    record(
        actor=actor,
        action="ingestion.source.connect",
        subject=source,
        connector=connector,
        settings=source.connector_settings,
        credentials=sorted(credentials_of(source)),
    )
    return source


def credentials_of(source: Source) -> dict[str, str]:
    """The credentials in clear; for the connector alone."""
    return dict(json.loads(source.credentials or "{}"))


def site_of(entity: Entity) -> Site:
    """What this installation allows the connectors of an entity."""
    root = Path(settings.FILE_DROP_DIR).resolve()
    folder = (root / entity.code).resolve()
    if folder == root or not folder.is_relative_to(root):
        raise ConnectorInvalid("path", "The entity's code makes no folder.")
    return Site(
        drop_folder=folder,
        max_bytes=settings.UPLOAD_MAX_BYTES,
        egress=EgressRules(tuple(settings.EGRESS_HOSTS)),
        storage_protocols=tuple(settings.STORAGE_PROTOCOLS),
        accounts=account_codes(entity.pk),
        posted_lines=partial(posted_lines, entity.pk),
    )


def _connect(
    source: Source,
    name: str,
    wanted: dict[str, Any],
    credentials: Mapping[str, str] | None,
) -> None:
    connector = connector_named(name)
    if credentials is None:
        kept = credentials_of(source)
        is_same_place = source.connector == name and connector.destination(
            wanted
        ) == connector.destination(source.connector_settings)
        if kept and not is_same_place:
            raise ConnectorInvalid(
                "credentials",
                "are needed again, since the settings lead to another place.",
                remedy="Enter the credentials for that place.",
            )
    else:
        kept = _storable(credentials, "credentials")
    connector.check(wanted, kept, site_of(source.entity))
    source.connector = name
    source.connector_settings = wanted
    source.credentials = json.dumps(kept) if kept else ""


def _storable(values: object, path: str) -> dict[str, Any]:
    """The object as it will be stored.

    Raises:
        ConnectorInvalid: it is no object, or holds what JSON and the database cannot keep.
    """
    if not isinstance(values, Mapping):
        raise ConnectorInvalid(path, "is an object of name: value.")
    try:
        text = json.dumps(values, allow_nan=False)
    except (TypeError, ValueError):
        raise ConnectorInvalid(path, "has a value that JSON cannot hold.") from None
    if "\\u0000" in text:
        raise ConnectorInvalid(path, "has a character that cannot be stored.")
    return dict(values)
