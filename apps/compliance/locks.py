"""Row locks of this app: entity for its controls, close run for its packages."""

from __future__ import annotations

from apps.close.models import CloseRun
from apps.common.access import Actor, one_visible
from apps.identity.models import Entity


def entity_for_controls(entity_id: int, *, actor: Actor) -> Entity:
    """The entity, locked: its controls are described one after the other.

    Raises:
        NotVisible: no such entity for this actor.
    """
    return one_visible(
        Entity.objects.visible_to(actor)
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=entity_id)
    )


def close_run_for_sealing(close_run_id: int, *, actor: Actor) -> CloseRun:
    """The close run, locked: packages of one close get their versions in turn.

    Raises:
        NotVisible: no such run for this actor.
    """
    return one_visible(
        CloseRun.objects.granted_to(actor)
        .select_for_update(of=("self",), no_key=True)
        .select_related("entity", "period", "template")
        .filter(pk=close_run_id)
    )
