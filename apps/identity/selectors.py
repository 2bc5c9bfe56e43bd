"""Who is who, and who may what, where."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.auth.models import Permission

from apps.common.calendar import BusinessCalendar, HolidaysUnknown, public_holidays_of, zone_named
from apps.identity.holders import holders, roles_holding
from apps.identity.models import (
    SYSTEM_USERNAME,
    Entity,
    EntityUserObjectPermission,
    User,
)


def system_user() -> User:
    """The actor of scheduled work; made by `migrate`, cannot sign in, holds no role.

    It may do everything (work runs as it), and segregation of duties binds it like anybody:
    what it prepared, people approve.
    """
    return User.objects.get(username=SYSTEM_USERNAME)


def role_permission(role: str) -> Permission:
    """The object permission on `Entity` that stands for the role."""
    return Permission.objects.get(
        codename=role, content_type__app_label="identity", content_type__model="entity"
    )


def has_any_role(user: User, role: str) -> bool:
    """True if the user holds the role on some entity."""
    return EntityUserObjectPermission.objects.filter(user=user, permission__codename=role).exists()


def people_who_may(permission: str, *, entity_id: int) -> Any:
    """Active users with a role on the entity that holds the permission, by name."""
    grants = EntityUserObjectPermission.objects.filter(
        content_object_id=entity_id, permission__codename__in=roles_holding(permission)
    )
    return User.objects.filter(is_active=True, pk__in=grants.values("user_id")).order_by(
        "last_name", "first_name", "pk"
    )


def people_with_role(role: str, *, entity_id: int) -> Any:
    """Active users who hold the role on the entity, by name."""
    grants = EntityUserObjectPermission.objects.filter(
        content_object_id=entity_id, permission__codename=role
    )
    return User.objects.filter(is_active=True, pk__in=grants.values("user_id")).order_by(
        "last_name", "first_name", "pk"
    )


def business_calendar(entity: Entity) -> BusinessCalendar:
    """Working days and hours of the entity: its country's public holidays in its time zone."""
    return BusinessCalendar(
        zone=zone_named(entity.time_zone), holidays=holidays_known_in(entity.country)
    )


def holidays_known_in(country: str) -> Container[date]:
    """Public holidays of a country; where none are known, weekends alone are free."""
    try:
        return public_holidays_of(country)
    except HolidaysUnknown:
        return frozenset()


def entity_by_code(code: str) -> Entity:
    """The entity with this code; `Entity.DoesNotExist` if there is none."""
    return Entity.objects.get(code=code)


def user_named(login: str) -> User | None:
    """The user with this name or e-mail address, whatever its case; None if there is none."""
    by_name = User.objects.filter(username__iexact=login).order_by("pk").first()
    return by_name or User.objects.filter(email__iexact=login).order_by("pk").first()


@dataclass(frozen=True)
class Standing:
    """What a user is and may do on one entity."""

    entity: Entity
    roles: tuple[str, ...]
    permissions: tuple[str, ...]


def standings(user: User) -> list[Standing]:
    """The user's standing on each entity that he sees, by code (two queries)."""
    return [
        Standing(
            entity=entity,
            roles=tuple(sorted(user.roles_on(entity.pk))),
            permissions=permissions_held(user, entity_id=entity.pk),
        )
        for entity in Entity.objects.visible_to(user)
    ]


def permissions_held(user: User, *, entity_id: int | None = None) -> tuple[str, ...]:
    """The permissions that the user has there, or anywhere if no entity is named, by name."""
    return tuple(sorted(name for name in holders() if user.may(name, entity_id)))


def grants_seen_by(actor: User) -> Any:
    """Grants on the entities that the actor sees, with user, role and entity."""
    return (
        EntityUserObjectPermission.objects.filter(content_object_id__in=actor.entity_ids())
        .select_related("user", "permission", "content_object")
        .order_by("content_object__code", "permission__codename", "user__username")
    )
