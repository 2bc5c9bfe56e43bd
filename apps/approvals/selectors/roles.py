"""Who held which role on an entity when, and who had an account: by the record."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.approvals.rules import Change, Spell, spells
from apps.audit.models import Event
from apps.identity.models import Entity, EntityUserObjectPermission, User

_GRANT, _REVOKE = "identity.role.grant", "identity.role.revoke"


@dataclass(frozen=True)
class Account:
    """Somebody as he was at an instant.

    Attributes:
        user: as he is now.
        is_known: False if the history of his account begins later; then he is taken as he is now.
    """

    user: User
    username: str
    is_active: bool
    is_known: bool


def role_spells(entity: Entity) -> tuple[Spell, ...]:
    """When who held which role on the entity (two queries)."""
    held = EntityUserObjectPermission.objects.filter(content_object=entity)
    changes = [
        Change(int(subject_id), str(role), at, is_given=action == _GRANT)
        for action, subject_id, role, at in role_changes(entity).values_list(
            "action", "subject_id", "details__role", "occurred_at"
        )
    ]
    now = held.values_list("user_id", "permission__codename")
    return spells(now, changes, timezone.now())


def role_changes(entity: Entity) -> Any:
    """Every role on the entity that was given or taken, oldest first (events of the trail)."""
    return Event.objects.filter(
        action__in=[_GRANT, _REVOKE], entity=entity, subject_type=User._meta.label_lower
    ).order_by("pk")


def accounts_at(people: Collection[int], at: datetime) -> dict[int, Account]:
    """These people as they were at the instant, in the order of their names (two queries).

    Who had no account yet is not active.
    """
    past = _versions(people, at)
    users = User.objects.filter(pk__in=people).order_by("last_name", "first_name", "pk")
    return {user.pk: _account(user, past.get(user.pk), at) for user in users}


def _versions(people: Iterable[int], at: datetime) -> dict[int, Any]:
    """Person to the newest version of his account that the history has from before."""
    history: Any = User.history
    rows = (
        history.filter(id__in=list(people), history_date__lte=at)
        .order_by("id", "-history_date", "-history_id")
        .distinct("id")
    )
    return {row.id: row for row in rows}


def _account(user: User, version: Any, at: datetime) -> Account:
    if version is not None:
        return Account(user, version.username, version.is_active, is_known=True)
    if user.date_joined > at:
        return Account(user, user.username, is_active=False, is_known=True)
    return Account(user, user.username, user.is_active, is_known=False)
