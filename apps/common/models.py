"""Bases of the apps' models."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from simple_history.models import HistoricalRecords

from apps.common.access import Actor


class ScopedQuerySet(models.QuerySet[Any]):
    """A queryset that knows which rows an actor may see: those of granted entities.

    `entity_path` is the look-up from the model to its entity's id.
    """

    entity_path = "entity_id"

    def visible_to(self, actor: Actor) -> Self:
        """Rows of the entities granted to the actor; nothing for strangers."""
        if not actor.is_authenticated:
            return self.none()
        return self.filter(**{f"{self.entity_path}__in": actor.entity_ids()})


def scoped_by(entity_path: str) -> type[ScopedQuerySet]:
    """A `ScopedQuerySet` whose rows reach their entity by another path."""
    return type("ScopedQuerySet", (ScopedQuerySet,), {"entity_path": entity_path})


def history(**options: Any) -> HistoricalRecords:
    """django-simple-history with 64-bit ids."""
    return HistoricalRecords(history_id_field=models.BigAutoField(), **options)
