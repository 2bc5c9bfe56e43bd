"""Attempts at a pull: counted before the work, written down with how they ended.

An attempt whose process was given up for dead meanwhile changes nothing any more (fencing).
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.advisory import is_held
from apps.common.errors import Refusal
from apps.common.transitions import advance
from apps.identity.selectors import system_user
from apps.ingestion.connectors import PullFailed
from apps.ingestion.locks import AT_WORK, pull_for_update
from apps.ingestion.models import Pull, PullAttempt
from apps.ingestion.selectors.pulls import circuit_of
from apps.ingestion.services.asking import queue_pull
from apps.ingestion.services.imports import ImportOutcome
from apps.ingestion.states import (
    FIRST_WAIT,
    MOST_TRIES,
    PULL_MOVES,
    AttemptStatus,
    PullStatus,
)

logger = structlog.get_logger(__name__)


@transaction.atomic
def begin_attempt(pull_id: int) -> PullAttempt | None:
    """Count the attempt before the work; None if it is not the pull's turn."""
    pull = pull_for_update(pull_id)
    now = timezone.now()
    if pull.status != PullStatus.WAITING or pull.due_at > now:
        return None
    circuit = circuit_of(pull.source)
    if circuit.is_open and circuit.rests_until is not None:
        pull.due_at = circuit.rests_until
        _save(pull, "ingestion.pull.postpone", due_at=pull.due_at)
        return None
    advance(pull, to=PullStatus.RUNNING, moves=PULL_MOVES)
    pull.try_count += 1
    attempt: PullAttempt = PullAttempt.objects.create(
        pull=pull, number=pull.attempts.count() + 1, started_at=now
    )
    _save(pull, "ingestion.pull.start", attempt=attempt.number)
    return attempt


@transaction.atomic
def finish_attempt(attempt_id: int, outcome: ImportOutcome) -> None:
    """The source answered: its file is imported, or refused and kept."""
    attempt = _ours(attempt_id)
    if attempt is None:
        return
    pull, failure = attempt.pull, outcome.failure
    pull.batch, pull.failed_import = outcome.batch, failure
    if failure is not None:
        _fail(attempt, AttemptStatus.REFUSED, failure.code, failure.message, failure.remedy)
        return
    _close(attempt, AttemptStatus.SUCCEEDED)
    advance(pull, to=PullStatus.SUCCEEDED, moves=PULL_MOVES)
    _settle(pull)
    batch = outcome.batch
    _save(
        pull,
        "ingestion.pull.finish",
        batch=batch.pk if batch else None,
        is_new=outcome.is_new,
    )


@transaction.atomic
def end_attempt(attempt_id: int, status: AttemptStatus, refusal: Refusal) -> None:
    """The source brought nothing: for good, or until the next try."""
    attempt = _ours(attempt_id)
    if attempt is None:
        return
    pull = attempt.pull
    is_passing = isinstance(refusal, PullFailed) and refusal.is_passing
    if status == AttemptStatus.NOTHING_THERE:
        _close(attempt, status, refusal.code, refusal.message)
        advance(pull, to=PullStatus.NOTHING_THERE, moves=PULL_MOVES)
        _settle(pull)
        _save(pull, "ingestion.pull.find_nothing")
    elif is_passing and pull.try_count < MOST_TRIES:
        _close(attempt, status, refusal.code, refusal.message)
        advance(pull, to=PullStatus.WAITING, moves=PULL_MOVES)
        pull.due_at = timezone.now() + _wait(pull.try_count)
        _tell(pull, refusal.code, refusal.message, refusal.remedy)
        _save(pull, "ingestion.pull.postpone", code=refusal.code, due_at=pull.due_at)
    else:
        _fail(attempt, status, refusal.code, refusal.message, refusal.remedy)


@transaction.atomic
def interrupt_pull(pull_id: int) -> bool:
    """Write down that the process died; queue the pull again unless it died too often."""
    pull = pull_for_update(pull_id)
    attempt = pull.attempts.filter(status=AttemptStatus.RUNNING).first()
    if attempt is None or is_held(AT_WORK, pull.source_id):
        return False
    attempt.pull = pull
    message = "The process that pulled it died."
    if pull.try_count >= MOST_TRIES:
        _fail(attempt, AttemptStatus.INTERRUPTED, "INTERRUPTED", message, "Retry the pull.")
        return False
    _close(attempt, AttemptStatus.INTERRUPTED, "INTERRUPTED", message)
    advance(pull, to=PullStatus.WAITING, moves=PULL_MOVES)
    pull.due_at = timezone.now()
    _save(pull, "ingestion.pull.interrupt", attempt=attempt.number)
    queue_pull(pull)
    return True


def _wait(try_count: int) -> timedelta:
    """Twice as long after each try, and never the same for two sources that fail together."""
    return FIRST_WAIT * 2 ** (try_count - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter


def _fail(
    attempt: PullAttempt, status: AttemptStatus, code: str, message: str, remedy: str
) -> None:
    """The end of a pull that brought nothing: on record, and on the page of the feeds."""
    pull = attempt.pull
    _close(attempt, status, code, message)
    advance(pull, to=PullStatus.FAILED, moves=PULL_MOVES)
    pull.ended_at = timezone.now()
    _tell(pull, code, message, remedy)
    _save(pull, "ingestion.pull.fail", code=code, message=message, tries=pull.try_count)
    logger.warning("pull_failed", pull=pull.pk, source=pull.source.code, code=code)


def _ours(attempt_id: int) -> PullAttempt | None:
    """The attempt with its pull locked, unless it was declared interrupted meanwhile (fencing)."""
    pull_id = PullAttempt.objects.values_list("pull_id", flat=True).get(pk=attempt_id)
    pull = pull_for_update(pull_id)
    attempt: PullAttempt = PullAttempt.objects.get(pk=attempt_id)
    attempt.pull = pull
    return attempt if attempt.status == AttemptStatus.RUNNING else None


def _close(attempt: PullAttempt, status: AttemptStatus, code: str = "", message: str = "") -> None:
    attempt.status = status
    attempt.ended_at = timezone.now()
    attempt.failure_code, attempt.failure_message = code, message
    attempt.save()


def _settle(pull: Pull) -> None:
    """It ended well: what an earlier try said does not stand any more."""
    pull.ended_at = timezone.now()
    _tell(pull, "", "", "")


def _tell(pull: Pull, code: str, message: str, remedy: str) -> None:
    pull.failure_code, pull.failure_message, pull.failure_remedy = code, message, remedy


def _save(pull: Pull, action: str, **details: Any) -> None:
    pull.save()
    record(actor=system_user(), action=action, subject=pull, **details)
