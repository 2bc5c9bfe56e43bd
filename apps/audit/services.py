"""Write the audit trail."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, models, transaction
from django.utils import timezone

from apps.audit.models import Event
from apps.audit.registry import event_recorded
from apps.common.access import Actor

_ACTION = re.compile(r"[a-z]+(\.[a-z_]+){2,3}")


def record(
    *,
    actor: Actor,
    action: str,
    subject: models.Model,
    entity_id: int | None = None,
    **details: Any,
) -> Event:
    """Append one event to the audit trail, in the transaction that makes the change.

    Args:
        actor: who did it; the system user for scheduled work.
        action: `app.noun.verb`, for example "ledger.entry.post".
        subject: the row that was changed (already saved).
        entity_id: the entity it belongs to; taken from `subject.entity_id` when left out.
        details: what a reader needs to understand the change: old and new values, counts,
            reasons. JSON values, dates and Decimals. No secret and no personal data.

    Returns:
        The event.

    Raises:
        ValueError: the action is not of that form.
        TransactionManagementError: called outside a transaction.
    """
    if not _ACTION.fullmatch(action):
        raise ValueError(f"{action!r} is not app.noun.verb")
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "record belongs into the transaction of the change"
        )
    facts = {
        "occurred_at": timezone.now(),
        "actor_id": actor.pk,
        "action": action,
        "subject_type": subject._meta.label_lower,
        "subject_id": str(subject.pk),
        "entity_id": entity_id if entity_id is not None else getattr(subject, "entity_id", None),
        "details": json.loads(canonical_bytes(details)),
        "request_id": str(structlog.contextvars.get_contextvars().get("request_id", "")),
    }
    event = Event.objects.create(**facts, canonical=canonical_bytes(facts))
    event_recorded(event, subject)
    return event


def canonical_bytes(value: Any) -> bytes:
    """JSON with sorted keys and no white space: the same facts always give the same bytes."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain
    ).encode()


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an audit event")
