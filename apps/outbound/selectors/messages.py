"""What somebody has chosen, and what was sent to him."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, Q

from apps.identity.models import User
from apps.outbound.models import Message, MessageLine, MessagePreference


def preference_of(person: User) -> MessagePreference:
    """What the person has chosen; told nothing outside, unsaved, if he never chose."""
    chosen: MessagePreference | None = MessagePreference.objects.filter(person=person).first()
    return chosen or MessagePreference(person=person)


def messages_for(actor: User) -> Any:
    """The actor's messages, newest first, with what they tell of and he may still see."""
    there = actor.entity_ids()
    still_seen = MessageLine.objects.filter(
        Q(notice__request__entity_id__in=there) | Q(notice__waiver__entity_id__in=there)
    ).select_related("notice__request", "notice__waiver")
    return (
        Message.objects.visible_to(actor)
        .prefetch_related(Prefetch("lines", still_seen))
        .order_by("-id")
    )
