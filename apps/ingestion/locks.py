"""Row locks of this app, in this order: source."""

from __future__ import annotations

from apps.common.access import Actor
from apps.common.errors import NotVisible
from apps.ingestion.models import Source


def source_for_update(source_id: int, *, actor: Actor) -> Source:
    """The source's row, locked until the transaction ends: imports into one source take turns.

    Raises:
        NotVisible: no such source for this actor.
    """
    source: Source | None = (
        Source.objects.visible_to(actor).select_for_update().filter(pk=source_id).first()
    )
    if source is None:
        raise NotVisible
    return source
