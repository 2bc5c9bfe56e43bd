"""Several steps of setting a source up as one: all of them, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.common.transitions import require_version
from apps.identity.models import User
from apps.ingestion.locks import source_for_update
from apps.ingestion.models import Source
from apps.ingestion.services.connecting import connect_source
from apps.ingestion.services.schedules import schedule_source
from apps.ingestion.services.sources import change_mapping, define_source


@transaction.atomic
def define_connected_source(
    *,
    actor: User,
    connector: str = "",
    connector_settings: Mapping[str, Any] | None = None,
    credentials: Mapping[str, str] | None = None,
    schedule: str = "",
    **facts: Any,
) -> Source:
    """Define a source, connect it and schedule it, or do nothing of it.

    Args:
        facts: see `define_source`.

    Raises:
        NotVisible, NotPermitted: not this actor.
        SourceExists, SourceInvalid: see `define_source`.
        ConnectorInvalid: see `connect_source`.
        ScheduleInvalid, SourceNotConnected: see `schedule_source`.
    """
    source = define_source(actor=actor, **facts)
    if connector or connector_settings or credentials:
        source = connect_source(
            source_id=source.pk,
            connector=connector,
            connector_settings=connector_settings,
            credentials=credentials,
            actor=actor,
        )
    if schedule:
        source = schedule_source(source_id=source.pk, schedule=schedule, actor=actor)
    return source


@transaction.atomic
def set_up_source(
    *,
    source_id: int,
    mapping: Mapping[str, Any] | None,
    connector: str,
    connector_settings: Mapping[str, Any] | None,
    credentials: Mapping[str, str] | None,
    schedule: str,
    actor: User,
    expected_version: int | None = None,
) -> Source:
    """Change what differs of a source's mapping, connector and schedule.

    Args:
        credentials: None keeps those that are there.
        expected_version: the `version` that the actor saw; None asks nothing.

    Raises:
        NotVisible, NotPermitted, SourceRetired: not this actor, or not this source.
        StaleVersion: the source was set up otherwise meanwhile.
        SourceInvalid, ConnectorInvalid, ScheduleInvalid, SourceNotConnected: see the steps.
    """
    source = source_for_update(source_id, actor=actor)
    require_version(source, expected_version)
    before = (source.connector, source.connector_settings)
    source = change_mapping(source_id=source_id, mapping=mapping, actor=actor)
    if (connector, connector_settings or {}) != before or credentials is not None:
        source = connect_source(
            source_id=source_id,
            connector=connector,
            connector_settings=connector_settings,
            credentials=credentials,
            actor=actor,
        )
    if schedule.strip() != source.schedule:
        source = schedule_source(source_id=source_id, schedule=schedule, actor=actor)
    return source
