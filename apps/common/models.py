"""Bases of the apps' models."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from simple_history.models import HistoricalRecords

from apps.common.access import Actor


class ScopedQuerySet(models.QuerySet[Any]):
    """A queryset that knows which rows an actor may see: those of granted entities.

    `entity_path` is the look-up from the model to its entity's id; `view_permission` is what a
    role on that entity has to hold for its rows to be seen.
    """

    entity_path = "entity_id"
    view_permission: str

    def visible_to(self, actor: Actor) -> Self:
        """Rows of the entities on which the actor may look at such rows; nothing for strangers.

        Any role there is not enough: who administers the people of one company and controls
        another one looks at the books of the second only.
        """
        return self._of_entities(actor, self.view_permission)

    def granted_to(self, actor: Actor) -> Self:
        """Rows of the entities on which the actor holds any role.

        For services, which then ask for the permission that the deed needs: a colleague is told
        that he may not do it, to others the row does not exist. Doors show `visible_to`.
        """
        return self._of_entities(actor, None)

    def _of_entities(self, actor: Actor, permission: str | None) -> Self:
        if not actor.is_authenticated:
            return self.none()
        return self.filter(**{f"{self.entity_path}__in": actor.entity_ids(permission)})


def scoped_by(view_permission: str, entity_path: str = "entity_id") -> type[ScopedQuerySet]:
    """A `ScopedQuerySet` for who holds the permission; the path leads to the rows' entity."""
    facts = {"entity_path": entity_path, "view_permission": view_permission}
    return type("ScopedQuerySet", (ScopedQuerySet,), facts)


def history(**options: Any) -> HistoricalRecords:
    """django-simple-history with 64-bit ids."""
    return HistoricalRecords(history_id_field=models.BigAutoField(), **options)
