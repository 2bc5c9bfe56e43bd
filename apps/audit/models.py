"""The record of every change: who did what to what, when, in the same transaction."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.expressions import RawSQL

from apps.audit.permissions import VIEW_EVENTS
from apps.common.access import Actor
from apps.common.guards import append_only


class EventQuerySet(models.QuerySet["Event"]):
    def visible_to(self, actor: Actor) -> Self:
        """Events of granted entities; those of no entity for whoever may view events at all."""
        if not actor.may(VIEW_EVENTS):
            return self.none()
        return self.filter(
            models.Q(entity__isnull=True) | models.Q(entity_id__in=actor.entity_ids(VIEW_EVENTS))
        )


@append_only()
class Event(models.Model):
    """One change. `canonical` holds the exact bytes over which a later Merkle tree is built."""

    occurred_at = models.DateTimeField(editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    action = models.CharField(max_length=100)
    subject_type = models.CharField(max_length=100)
    subject_id = models.CharField(max_length=64)
    entity = models.ForeignKey(
        "identity.Entity", on_delete=models.PROTECT, null=True, related_name="+"
    )
    details = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True, default="")
    canonical = models.BinaryField(editable=False)
    # Set by the database, so that the guard of audited tables can tell whose event it is.
    transaction_id = models.BigIntegerField(
        db_default=RawSQL("(pg_current_xact_id()::text::bigint)", []), editable=False
    )

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = "audit event"
        indexes = [
            models.Index(fields=["transaction_id"], name="event_transaction"),
            models.Index(fields=["subject_type", "subject_id"], name="event_subject"),
            models.Index(fields=["action", "-id"], name="event_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_type} {self.subject_id}"
