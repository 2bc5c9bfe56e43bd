"""Who calls, and which entities he names: those that he cannot see do not exist."""

from __future__ import annotations

from typing import Any

from apps.common.access import one_visible
from apps.identity.models import Entity


def named_entity(code: str, actor: Any) -> Entity:
    """The entity with this code.

    Raises:
        NotVisible: there is none for this actor.
    """
    return one_visible(Entity.objects.visible_to(actor).filter(code=code))
