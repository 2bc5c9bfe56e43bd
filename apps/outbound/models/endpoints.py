"""Webhooks: endpoints, events, deliveries, attempts."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.common.guards import append_only, audited, unguarded
from apps.common.models import history, scoped_by
from apps.outbound.permissions import VIEW_ENDPOINTS
from apps.outbound.states import DeliveryStatus, EndpointNoticeKind, EndpointStatus
from apps.privacy.fields import EncryptedTextField

_user = settings.AUTH_USER_MODEL


@audited
class Endpoint(models.Model):
    """A URL of another system that is told what happens in an entity."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100, help_text="Which system it is, for people.")
    url = models.CharField(max_length=500, help_text="Its host has to be listed in EGRESS_HOSTS.")
    kinds = ArrayField(models.CharField(max_length=60), help_text="Kinds of events to be told of.")
    secret: Any = EncryptedTextField(editable=False, help_text="Signs; shown once.")
    former_secret: Any = EncryptedTextField(blank=True, default="", editable=False)
    former_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Until then both secrets sign."
    )
    status = models.CharField(
        max_length=10, choices=EndpointStatus.choices, default=EndpointStatus.ACTIVE
    )
    off_reason = models.CharField(max_length=200, blank=True, default="", editable=False)
    created_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    secret_changed_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = scoped_by(VIEW_ENDPOINTS).as_manager()
    history = history(excluded_fields=["secret", "former_secret"])

    class Meta:
        ordering: ClassVar = ["name", "id"]
        indexes: ClassVar = [
            models.Index(fields=["entity"], name="endpoint_active", condition=Q(status="active"))
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kinds__len__gt=0), name="endpoint_wants_something"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        return self.status == EndpointStatus.ACTIVE

    @property
    def secrets_in_force(self) -> list[str]:
        """The secrets that sign now, the newest first."""
        is_former_valid = self.former_until is not None and timezone.now() < self.former_until
        return [self.secret, self.former_secret] if is_former_valid else [self.secret]


@append_only()
class WebhookEvent(models.Model):
    """Something that happened, exactly as endpoints are told it."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=60)
    source = models.ForeignKey(
        "audit.Event",
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The audit event that it follows from.",
    )
    occurred_at = models.DateTimeField()
    body = models.TextField(help_text="JSON; what is signed and sent, to the byte.")

    objects = scoped_by(VIEW_ENDPOINTS, "entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "kind"], name="one_webhook_event_per_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"

    @property
    def message_id(self) -> str:
        """What receivers know it by, however often it comes."""
        return f"evt_{self.key.hex}"


@unguarded("transport: what is still to be sent; attempts are facts, sending again is on record")
class Delivery(models.Model):
    """One event for one endpoint, until it is taken, given up or dropped."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="deliveries")
    event = models.ForeignKey(WebhookEvent, on_delete=models.PROTECT, related_name="deliveries")
    status = models.CharField(
        max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.WAITING
    )
    try_count = models.PositiveSmallIntegerField(
        default=0, help_text="Tries begun since it was queued or sent again."
    )
    attempt_count = models.PositiveIntegerField(default=0, help_text="Tries begun in all.")
    begun_at = models.DateTimeField(null=True, blank=True, help_text="When the last try began.")
    due_at = models.DateTimeField(help_text="Not tried before.")
    queued_until = models.DateTimeField(help_text="Until then a task for it is on its way.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = scoped_by(VIEW_ENDPOINTS, "endpoint__entity_id").as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="one_delivery_per_endpoint")
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="delivery_due", condition=Q(status="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.endpoint}"


@append_only()
class DeliveryAttempt(models.Model):
    """One try to deliver, and what came of it."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    tried_at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, default="")
    answer = models.TextField(blank=True, default="", help_text="The first 1,024 bytes.")

    objects = scoped_by(VIEW_ENDPOINTS, "delivery__endpoint__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["delivery", "number"], name="one_delivery_attempt_per_number"
            )
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.status_code or self.error}"


@append_only(except_columns=("read_at",))
class EndpointNotice(models.Model):
    """What the people who manage an endpoint are told about it, at most once a day of a kind."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="notices")
    person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=EndpointNoticeKind.choices)
    occasion = models.CharField(
        max_length=40, help_text="What makes a second notice of the same kind another one."
    )
    noted_at = models.DateTimeField(db_default=Now(), editable=False)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = scoped_by(VIEW_ENDPOINTS, "endpoint__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "person", "kind", "occasion"],
                name="one_endpoint_notice_per_occasion",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.endpoint_id} to {self.person_id}"
