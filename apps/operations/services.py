"""Queue work with the change that asks for it, and hand it to the broker after the commit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from apps.operations.models import IdempotentAnswer, OutboxMessage

logger = structlog.get_logger(__name__)

_BATCH = 200


def enqueue(task: str, **arguments: Any) -> OutboxMessage:
    """Queue a task in the current transaction; it runs only if the transaction commits.

    Args:
        task: the task's full name ("apps.ledger.tasks.rebuild_balances").
        arguments: JSON values; ids, never objects or personal data.

    Returns:
        The message; its `key` becomes the Celery task id.

    Raises:
        TransactionManagementError: called outside a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "enqueue belongs into the transaction of the change"
        )
    message = OutboxMessage.objects.create(task=task, arguments=arguments, request_id=_request_id())
    if settings.OUTBOX_RELAY_ON_COMMIT:
        transaction.on_commit(_relay_now)
    return message


def relay_outbox() -> int:
    """Hand waiting messages to the broker, oldest first; safe to run in many processes at once.

    A crash between publishing and committing publishes again: tasks are idempotent.

    Returns:
        How many were handed over.
    """
    handed_over = 0
    while True:
        with transaction.atomic():
            waiting = list(
                OutboxMessage.objects.select_for_update(skip_locked=True)
                .filter(delivered_at__isnull=True)
                .order_by("id")[:_BATCH]
            )
            for message in waiting:
                _publish(message)
            OutboxMessage.objects.filter(pk__in=[message.pk for message in waiting]).update(
                delivered_at=timezone.now()
            )
        handed_over += len(waiting)
        if len(waiting) < _BATCH:
            return handed_over


def drop_delivered(*, older_than_days: int = 30) -> int:
    """Delete delivered messages and kept answers past their use; returns how many rows went."""
    before = timezone.now() - timedelta(days=older_than_days)
    messages, _ = OutboxMessage.objects.filter(delivered_at__lt=before).delete()
    answers, _ = IdempotentAnswer.objects.filter(answered_at__lt=before).delete()
    return messages + answers


def _relay_now() -> None:
    """The quick way right after a commit; the beat's relay catches what fails here."""
    try:
        relay_outbox()
    except OperationalError:
        logger.warning("outbox_broker_unreachable")


def _publish(message: OutboxMessage) -> None:
    current_app.send_task(
        message.task,
        kwargs=message.arguments,
        task_id=str(message.key),
        headers={"request_id": message.request_id},
        retry=False,
    )


def _request_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
