"""What somebody has chosen, and what was sent to him."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch

from apps.identity.models import User
from apps.outbound.models import Message, MessageLine, MessagePreference


def preference_of(person: User) -> MessagePreference:
    """What the person has chosen; told nothing outside, unsaved, if he never chose."""
    chosen: MessagePreference | None = MessagePreference.objects.filter(person=person).first()
    return chosen or MessagePreference(person=person)


def messages_for(actor: User) -> Any:
    """The actor's messages, newest first, with what they tell of and he may still see."""
    still_seen = MessageLine.objects.filter(
        notice__request__entity_id__in=actor.entity_ids()
    ).select_related("notice__request")
    return (
        Message.objects.visible_to(actor)
        .prefetch_related(Prefetch("lines", still_seen))
        .order_by("-id")
    )
