"""What somebody was told."""

from __future__ import annotations

from typing import Any

from apps.approvals.models import Notice
from apps.identity.models import User


def notices_for(actor: User) -> Any:
    """What the actor was told about what he may still see, newest first (a queryset)."""
    told = _told(actor).select_related("request__entity", "waiver__entity")
    return told.order_by("-id")


def unread_notices(actor: User) -> int:
    """How many of them he has not read."""
    count: int = _told(actor).filter(read_at__isnull=True).count()
    return count


def _told(actor: User) -> Any:
    return Notice.objects.visible_to(actor).filter(person=actor)
