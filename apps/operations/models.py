"""Transport: work queued with the change that asks for it, and answers kept for retries."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.common.access import Actor
from apps.common.guards import unguarded
from apps.operations.permissions import VIEW_OPERATIONS


class TransportQuerySet(models.QuerySet["OutboxMessage"]):
    def visible_to(self, actor: Actor) -> Self:
        """Transport belongs to no entity: whoever may look at operations sees all of it."""
        return self if actor.may(VIEW_OPERATIONS) else self.none()


@unguarded("transport: a delivered message is marked and later dropped")
class OutboxMessage(models.Model):
    """A task to run, written in the transaction that asks for it."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    task = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True, default="")
    queued_at = models.DateTimeField(db_default=Now(), editable=False)
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = TransportQuerySet.as_manager()

    class Meta:
        verbose_name = "outbox message"
        indexes = [
            models.Index(
                fields=["id"],
                name="outbox_waiting",
                condition=models.Q(delivered_at__isnull=True),
            ),
            models.Index(fields=["delivered_at"], name="outbox_delivered"),
        ]

    def __str__(self) -> str:
        return f"{self.task} #{self.pk}"


@unguarded("transport: answers kept so that a repeated request is answered, not repeated")
class IdempotentAnswer(models.Model):
    """The answer to a request with an Idempotency-Key, per actor and key."""

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    answered_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = TransportQuerySet.as_manager()

    class Meta:
        verbose_name = "idempotent answer"
        constraints = [
            models.UniqueConstraint(fields=["actor", "key"], name="one_answer_per_actor_and_key")
        ]
        indexes = [models.Index(fields=["answered_at"], name="answer_age")]

    def __str__(self) -> str:
        return f"{self.key} ({self.status})"
