"""Send deliveries: at least once, always under the same id, one attempt at a time.

The process at work holds a session advisory lock on the delivery. A try is counted, and the time
of the next one set, before anything is sent: a process that dies on the way, or dies each time,
leaves a delivery that is tried again after its wait and given up in the end. Whether what it had
sent arrived nobody can know; the receiver tells by the id.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.advisory import session_lock
from apps.common.transitions import advance, require_move
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.operations.services import enqueue
from apps.outbound.errors import EndpointNotActive
from apps.outbound.locks import AT_WORK, delivery_for_update, delivery_held, endpoint_held
from apps.outbound.models import Delivery, DeliveryAttempt
from apps.outbound.permissions import MANAGE_ENDPOINTS
from apps.outbound.posting import Answer, post, signed_headers
from apps.outbound.services.due import queue_due
from apps.outbound.services.endpoints import egress_rules, turn_off
from apps.outbound.services.events import DELIVER_TASK
from apps.outbound.services.notices import notify_managers
from apps.outbound.states import (
    DELIVERY_MOVES,
    FIRST_WAIT,
    JITTER,
    LONGEST_ASKED_WAIT,
    LOST_AFTER,
    MOST_TRIES,
    DeliveryStatus,
    EndpointNoticeKind,
)

logger = structlog.get_logger(__name__)

_DIED = "The process that sent it died; whether it arrived is not known."
_GONE = "It answered that it is gone (410)."


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one attempt sends, and where."""

    delivery_id: int
    number: int
    begun_at: datetime
    url: str
    body: bytes
    headers: dict[str, str]


def deliver(*, delivery_id: int) -> None:
    """Try a delivery that is due; a no-op if it is not, or another process is at it."""
    with session_lock(AT_WORK, delivery_id) as is_ours:
        attempt = _begin(delivery_id) if is_ours else None
        if attempt is None:
            return
        answer = post(
            attempt.url, body=attempt.body, headers=attempt.headers, egress=egress_rules()
        )
        _settle(attempt, answer)


def queue_due_deliveries() -> int:
    """Queue what is due again, and what a dead process or an emptied broker left.

    Returns:
        How many were queued.
    """
    waiting = Delivery.objects.filter(status=DeliveryStatus.WAITING)
    return queue_due(waiting, task=DELIVER_TASK, argument="delivery_id")


@transaction.atomic
def resend_delivery(*, delivery_id: int, actor: User) -> Delivery:
    """Send a delivery again, now, whatever became of it; its id and its body stay.

    Raises:
        NotVisible, NotPermitted: not this actor.
        EndpointNotActive: nothing is sent there.
    """
    delivery = delivery_for_update(delivery_id, actor=actor)
    authorize(actor, MANAGE_ENDPOINTS, entity_id=delivery.endpoint.entity_id)
    if not delivery.endpoint.is_active:
        raise EndpointNotActive
    if delivery.status != DeliveryStatus.WAITING:
        advance(delivery, to=DeliveryStatus.WAITING, moves=DELIVERY_MOVES)
    now = timezone.now()
    delivery.try_count, delivery.due_at, delivery.settled_at = 0, now, None
    delivery.queued_until = now + LOST_AFTER
    delivery.save()
    record(
        actor=actor,
        action="outbound.delivery.resend",
        subject=delivery,
        entity_id=delivery.endpoint.entity_id,
        event=delivery.event.message_id,
    )
    enqueue(DELIVER_TASK, delivery_id=delivery.pk)
    return delivery


@transaction.atomic
def _begin(delivery_id: int) -> _Attempt | None:
    """Count the try before it is made; None if it is not the delivery's turn."""
    delivery = delivery_held(delivery_id)
    now = timezone.now()
    if delivery.status != DeliveryStatus.WAITING or delivery.due_at > now:
        return None
    _note_death(delivery)
    if not delivery.endpoint.is_active:
        _end(delivery, DeliveryStatus.DROPPED)
        return None
    if delivery.try_count >= MOST_TRIES:  # the last one died
        _give_up(delivery)
        return None
    delivery.try_count += 1
    delivery.attempt_count += 1
    is_last = delivery.try_count == MOST_TRIES
    delivery.begun_at = now
    delivery.due_at = now + _wait(1 if is_last else delivery.try_count)
    delivery.queued_until = delivery.due_at
    delivery.save()
    body = delivery.event.body.encode()
    return _Attempt(
        delivery_id=delivery.pk,
        number=delivery.attempt_count,
        begun_at=now,
        url=delivery.endpoint.url,
        body=body,
        headers=signed_headers(
            message_id=delivery.event.message_id,
            timestamp=int(time.time()),
            body=body,
            secrets_in_force=delivery.endpoint.secrets_in_force,
        ),
    )


def _note_death(delivery: Delivery) -> None:
    """Put on record the try that was begun and has no outcome."""
    number = delivery.attempt_count
    if delivery.begun_at is not None and not _has_outcome(delivery, number):
        DeliveryAttempt.objects.create(
            delivery=delivery, number=number, tried_at=delivery.begun_at, error=_DIED
        )


def _has_outcome(delivery: Delivery, number: int) -> bool:
    return delivery.attempts.filter(number=number).exists()


@transaction.atomic
def _settle(attempt: _Attempt, answer: Answer) -> None:
    """Put the attempt on record, and what it means for the delivery and its endpoint."""
    endpoint_id = Delivery.objects.values_list("endpoint_id", flat=True).get(pk=attempt.delivery_id)
    endpoint = endpoint_held(endpoint_id) if answer.is_gone else None
    delivery = delivery_held(attempt.delivery_id)
    if _has_outcome(delivery, attempt.number):
        return  # our connection was lost, and with it the lock: it was declared dead (fencing)
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=attempt.number,
        tried_at=attempt.begun_at,
        status_code=answer.status_code,
        duration_ms=answer.duration_ms,
        error=answer.error[:300],
        answer=answer.text,
    )
    if answer.is_taken:
        _end(delivery, DeliveryStatus.DELIVERED)
    elif delivery.status != DeliveryStatus.WAITING:
        return  # dropped meanwhile
    elif endpoint is not None:
        _end(delivery, DeliveryStatus.DROPPED)
        if endpoint.is_active:
            turn_off(endpoint, reason=_GONE, actor=system_user())
            notify_managers(endpoint, EndpointNoticeKind.SWITCHED_OFF)
    elif delivery.try_count >= MOST_TRIES:
        _give_up(delivery)
    else:
        _put_off(delivery, answer.retry_after_seconds)


def _put_off(delivery: Delivery, asked_seconds: int) -> None:
    """Wait longer than planned where the other side asks for it."""
    asked = min(timedelta(seconds=asked_seconds), LONGEST_ASKED_WAIT)
    if asked and timezone.now() + asked > delivery.due_at:
        delivery.due_at = delivery.queued_until = timezone.now() + asked
        delivery.save(update_fields=["due_at", "queued_until"])


def _give_up(delivery: Delivery) -> None:
    _end(delivery, DeliveryStatus.GIVEN_UP)
    notify_managers(delivery.endpoint, EndpointNoticeKind.GIVEN_UP)
    logger.warning("delivery_given_up", delivery=delivery.pk, endpoint=delivery.endpoint_id)


def _end(delivery: Delivery, status: DeliveryStatus) -> None:
    require_move(delivery, to=status, moves=DELIVERY_MOVES)
    delivery.status, delivery.settled_at = status, timezone.now()
    delivery.save(update_fields=["status", "settled_at"])


def _wait(try_count: int) -> timedelta:
    """Twice as long after each try, and never the same for what failed together."""
    jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return FIRST_WAIT * 2 ** (try_count - 1) * jitter
