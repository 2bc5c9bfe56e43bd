"""Users, the entities that scope what they see, and the grants that join them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from apps.common.access import Actor
from apps.common.guards import audited
from apps.common.models import history
from apps.common.money import CurrencyField
from apps.common.roles import ROLES
from apps.identity.holders import roles_holding
from apps.identity.permissions import VIEW_USERS

SYSTEM_USERNAME = "finflow"


def validate_time_zone(value: str) -> None:
    """Field validator: an IANA zone name."""
    if value not in available_timezones():
        raise ValidationError(f"{value!r} is not an IANA time zone.")


class EntityQuerySet(models.QuerySet["Entity"]):
    def visible_to(self, actor: Actor) -> Self:
        """The entities on which the actor holds a role."""
        if not actor.is_authenticated:
            return self.none()
        return self.filter(pk__in=actor.entity_ids())


@audited
class Entity(models.Model):
    """A company or branch that closes its books: the scope of every grant."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2, help_text="ISO 3166; decides the holidays.")
    functional_currency = CurrencyField()
    time_zone = models.CharField(max_length=64, validators=[validate_time_zone])

    objects = EntityQuerySet.as_manager()
    history = history()

    class Meta:
        verbose_name_plural = "entities"
        ordering: ClassVar = ["code"]
        # One object permission a role: holding it on an entity is holding the role there.
        permissions: ClassVar = [(role, f"Is {role} of the entity") for role in ROLES]

    def __str__(self) -> str:
        return self.code

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which its people work."""
        return ZoneInfo(self.time_zone)


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, actor: Actor) -> Self:
        """Everybody for those who may view users; otherwise only oneself."""
        if actor.may(VIEW_USERS):
            return self
        return self.filter(pk=actor.pk)


class _UserManager(UserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    pass


@audited
class User(AbstractUser):
    """Somebody who signs in, or the system user for scheduled work (which cannot)."""

    email = models.EmailField("e-mail address", unique=True)

    objects = _UserManager()  # type: ignore[misc]  # the stub calls it a ClassVar of another manager
    history = history(excluded_fields=["password", "last_login"])

    # What `str` needs, for queries that read no more of a person than his name.
    NAME_FIELDS: ClassVar = ("first_name", "last_name", "username")

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @cached_property
    def _roles(self) -> dict[str, frozenset[int]]:
        """Role to the ids of the entities on which this user holds it (one query)."""
        roles: dict[str, set[int]] = {}
        rows = EntityUserObjectPermission.objects.filter(user_id=self.pk).values_list(
            "permission__codename", "content_object_id"
        )
        for role, entity_id in rows:
            roles.setdefault(role, set()).add(entity_id)
        return {role: frozenset(ids) for role, ids in roles.items()}

    def roles_on(self, entity_id: int | None = None) -> frozenset[str]:
        """Roles held on the entity, or anywhere if none is named."""
        return frozenset(
            role for role, ids in self._roles.items() if entity_id is None or entity_id in ids
        )

    def grants(self) -> dict[str, frozenset[int]]:
        """Role to the ids of the entities on which the user holds it; a superuser may hold none."""
        return dict(self._roles)

    def granted_entity_ids(self) -> frozenset[int]:
        """Ids of the entities on which the user holds a role."""
        return frozenset().union(*self._roles.values())

    def may(self, permission: str, entity_id: int | None = None) -> bool:
        """True if a role held there has the permission; superusers may (but see duties below).

        Segregation of duties is never asked here: `apps.common.access.require_distinct` binds
        superusers too.
        """
        if not self.is_active:
            return False
        if self.is_superuser:
            return True
        return bool(self.roles_on(entity_id) & roles_holding(permission))

    def entity_ids(self, permission: str | None = None) -> Any:
        """Ids of the entities on which the user holds a role (that has the permission)."""
        if not self.is_active:
            return []
        if self.is_superuser:
            return Entity.objects.values("pk")
        holders = roles_holding(permission) if permission else frozenset(ROLES)
        return sorted(set().union(*(self._roles.get(role, frozenset()) for role in holders)))


@audited
class EntityUserObjectPermission(UserObjectPermissionBase):
    """A grant: this user has this role on this entity (django-guardian, direct foreign key)."""

    content_object = models.ForeignKey(Entity, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        verbose_name = "grant"


@audited
class EntityGroupObjectPermission(GroupObjectPermissionBase):
    """A grant to a whole group; kept for django-guardian's look-ups."""

    content_object = models.ForeignKey(Entity, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        verbose_name = "group grant"
