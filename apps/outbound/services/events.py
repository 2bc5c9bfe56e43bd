"""Turn what is put on record into webhook events, in the transaction that records it."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.utils import timezone

from apps.audit.models import Event
from apps.audit.services import canonical_bytes
from apps.operations.services import enqueue
from apps.outbound.models import Delivery, Endpoint, WebhookEvent
from apps.outbound.registry import WATCHED_ACTIONS, EventKind, kinds_of
from apps.outbound.states import LOST_AFTER, EndpointStatus

DELIVER_TASK = "apps.outbound.tasks.deliver"


def publish_event(event: Event, subject: Any) -> None:
    """Queue a delivery to every active endpoint of the entity that wants the kind.

    A listener to the audit trail: what is rolled back was never queued, and what is committed is
    in the outbox. Nothing is kept where nobody wants it.
    """
    if event.action not in WATCHED_ACTIONS or event.entity_id is None:
        return
    kinds = kinds_of(event.action, subject)
    wanting = list(
        Endpoint.objects.filter(
            entity_id=event.entity_id,
            status=EndpointStatus.ACTIVE,
            kinds__overlap=[kind.name for kind in kinds],
        ).order_by("pk")
    )
    for kind in kinds:
        endpoints = [endpoint for endpoint in wanting if kind.name in endpoint.kinds]
        if endpoints:
            _queue(_told(kind, event, subject), endpoints)


def _told(kind: EventKind, event: Event, subject: Any) -> WebhookEvent:
    """The event as it will be sent, to the byte."""
    entity: Any = event.entity
    told = WebhookEvent(
        entity=entity,
        kind=kind.name,
        source=event,
        occurred_at=event.occurred_at,
    )
    body = {
        "id": told.message_id,
        "kind": kind.name,
        "occurred_at": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "entity": entity.code,
        "data": kind.facts(subject, event.details),
    }
    told.body = canonical_bytes(body).decode()
    told.save()
    return told


def _queue(told: WebhookEvent, endpoints: list[Endpoint]) -> None:
    now = timezone.now()
    deliveries = Delivery.objects.bulk_create(
        Delivery(endpoint=endpoint, event=told, due_at=now, queued_until=now + LOST_AFTER)
        for endpoint in endpoints
    )
    for delivery in deliveries:
        enqueue(DELIVER_TASK, delivery_id=delivery.pk)
