"""Locks of this app, in this order: source, pull."""

from __future__ import annotations

from apps.common.access import Actor, one_visible
from apps.common.errors import NotVisible
from apps.ingestion.models import Pull, Source

# The process that pulls a source holds a session advisory lock of this name on the source's id.
AT_WORK = "ingestion.pull"


def source_for_update(source_id: int, *, actor: Actor) -> Source:
    """The source's row, locked until the transaction ends: imports into one source take turns.

    Raises:
        NotVisible: no such source for this actor.
    """
    return one_visible(Source.objects.granted_to(actor).select_for_update().filter(pk=source_id))


def idle_source_for_update(source_id: int) -> Source | None:
    """The row of a source that takes files, locked; None if it is retired or locked already."""
    source: Source | None = (
        Source.objects.select_related("entity")
        .select_for_update(of=("self",), skip_locked=True)
        .filter(pk=source_id, is_active=True)
        .first()
    )
    return source


def pull_for_update(pull_id: int) -> Pull:
    """The pull with its source, both rows locked until the transaction ends; for scheduled work.

    Raises:
        Pull.DoesNotExist: no such pull.
    """
    source_id = Pull.objects.values_list("source_id", flat=True).get(pk=pull_id)
    source = (
        Source.objects.select_related("entity").select_for_update(of=("self",)).get(pk=source_id)
    )
    pull: Pull = Pull.objects.select_for_update().get(pk=pull_id)
    pull.source = source
    return pull


def visible_pull_for_update(pull_id: int, *, actor: Actor) -> Pull:
    """`pull_for_update` for an actor.

    Raises:
        NotVisible: no such pull for this actor.
    """
    if not Pull.objects.granted_to(actor).filter(pk=pull_id).exists():
        raise NotVisible
    return pull_for_update(pull_id)
