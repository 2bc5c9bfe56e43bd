"""What an actor may not see does not exist for him."""

from __future__ import annotations

from apps.common.access import one_visible
from apps.identity.models import Entity, User
from apps.ledger.models import FiscalCalendar


def visible_entity(entity_id: int, actor: User) -> Entity:
    """The entity.

    Raises:
        NotVisible: no such entity for this actor.
    """
    return one_visible(Entity.objects.visible_to(actor).filter(pk=entity_id))


def visible_calendar(calendar_id: int, actor: User) -> FiscalCalendar:
    """The fiscal calendar.

    Raises:
        NotVisible: no such calendar for this actor.
    """
    return one_visible(FiscalCalendar.objects.granted_to(actor).filter(pk=calendar_id))
