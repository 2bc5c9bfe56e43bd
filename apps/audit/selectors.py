"""Read the audit trail."""

from __future__ import annotations

from django.db import models

from apps.audit.models import Event, EventQuerySet
from apps.common.access import Actor


def events_about(subject: models.Model, *, actor: Actor) -> EventQuerySet:
    """Everything that was done to the subject, oldest first, as far as the actor may see it."""
    return (
        Event.objects.visible_to(actor)
        .filter(subject_type=subject._meta.label_lower, subject_id=str(subject.pk))
        .select_related("actor")
        .order_by("id")
    )
