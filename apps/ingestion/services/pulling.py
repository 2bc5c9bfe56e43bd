"""Pull a source: asked for in a transaction, carried out by a task, tried again after a while.

The process at work holds a session advisory lock on the source, so that a source is pulled by one
process at a time and a process that dies is noticed at once. What is fetched is imported like any
file: all of it in one transaction, and the same bytes again change nothing. Running a pull twice
is therefore harmless.
"""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.advisory import is_held, session_lock
from apps.common.errors import Refusal
from apps.common.transitions import advance
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.ingestion.connectors import NothingThere, PullFailed, Window, connector_named
from apps.ingestion.errors import (
    SourceNotConnected,
    SourceResting,
    SourceRetired,
    WindowInvalid,
)
from apps.ingestion.locks import (
    AT_WORK,
    pull_for_update,
    source_for_update,
    visible_pull_for_update,
)
from apps.ingestion.models import Pull, PullAttempt, Source
from apps.ingestion.permissions import IMPORT_FILE
from apps.ingestion.selectors.pulls import circuit_of, window_now, window_of
from apps.ingestion.services.connecting import credentials_of, site_of
from apps.ingestion.services.imports import ImportOutcome, import_file
from apps.ingestion.states import (
    FIRST_WAIT,
    MOST_TRIES,
    OPEN_PULLS,
    PULL_MOVES,
    AttemptStatus,
    PullStatus,
)
from apps.operations.services import enqueue

logger = structlog.get_logger(__name__)

_TASK = "apps.ingestion.tasks.perform_pull"
_LONGEST_DAYS = 400
_LOST_AFTER = timedelta(minutes=2)


@transaction.atomic
def ask_pull(
    *,
    source_id: int,
    actor: User,
    starts_on: date | None = None,
    ends_on: date | None = None,
) -> Pull:
    """Ask for a source to be pulled soon; an open pull of the same days is answered as it is.

    Args:
        starts_on, ends_on: both included; without them the present period (see `window_now`).

    Raises:
        NotVisible, NotPermitted: not this actor.
        SourceRetired, SourceNotConnected: it is not pulled.
        SourceResting: it failed too often in a row and is left alone for a while.
        WindowInvalid: one day alone, more than 400 days, or an end before the start.
    """
    source = source_for_update(source_id, actor=actor)
    authorize(actor, IMPORT_FILE, entity_id=source.entity_id)
    _require_connected(source)
    window = _window(source, starts_on, ends_on)
    open_one = _open_pull(source, window.starts_on, window.ends_on)
    if open_one is not None:
        return open_one
    _require_awake(source)
    return create_pull(source, window, actor=actor)


def pull_now(*, source_id: int, starts_on: date, ends_on: date, actor: User) -> Pull:
    """Pull a source in this process, and wait for what becomes of it; for a close.

    What failed a while ago and waits for its next try is tried at once. What another process is
    pulling at this moment is left to it, and comes back as it stands.

    Raises:
        NotVisible, NotPermitted, SourceRetired, SourceNotConnected, SourceResting, WindowInvalid:
            see `ask_pull`.
    """
    pull = _pull_due_now(source_id, starts_on, ends_on, actor)
    perform_pull(pull_id=pull.pk)
    found: Pull = Pull.objects.select_related("batch", "failed_import").get(pk=pull.pk)
    return found


@transaction.atomic
def retry_pull(*, pull_id: int, actor: User) -> Pull:
    """Try a failed pull again, for the same days; its attempts stay on record.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it has not failed.
        SourceRetired, SourceNotConnected, SourceResting: see `ask_pull`.
    """
    pull = visible_pull_for_update(pull_id, actor=actor)
    authorize(actor, IMPORT_FILE, entity_id=pull.entity_id)
    _require_connected(pull.source)
    _require_awake(pull.source)
    advance(pull, to=PullStatus.WAITING, moves=PULL_MOVES)
    open_one = _open_pull(pull.source, pull.starts_on, pull.ends_on)
    if open_one is not None:
        return open_one
    pull.try_count, pull.due_at, pull.ended_at = 0, timezone.now(), None
    pull.save()
    record(actor=actor, action="ingestion.pull.retry", subject=pull)
    enqueue(_TASK, pull_id=pull.pk)
    return pull


def create_pull(
    source: Source, window: Window, *, actor: User, slot_at: datetime | None = None
) -> Pull:
    """The pull's row and its task, in the caller's transaction, which holds the source's row."""
    pull = _new_pull(source, window, actor=actor, slot_at=slot_at)
    enqueue(_TASK, pull_id=pull.pk)
    return pull


def _new_pull(
    source: Source, window: Window, *, actor: User, slot_at: datetime | None = None
) -> Pull:
    pull: Pull = Pull.objects.create(
        entity_id=source.entity_id,
        source=source,
        period=window.period,
        starts_on=window.starts_on,
        ends_on=window.ends_on,
        slot_at=slot_at,
        due_at=timezone.now(),
        asked_by=actor,
    )
    record(
        actor=actor,
        action="ingestion.pull.ask",
        subject=pull,
        source=source.code,
        starts_on=pull.starts_on,
        ends_on=pull.ends_on,
    )
    return pull


def perform_pull(*, pull_id: int) -> None:
    """Carry out a waiting pull; a no-op if it is not due, not waiting, or its source is at work.

    A refusal ends or postpones the pull with its message; anything else fails it as an internal
    error and is raised again for the log.
    """
    source_id = Pull.objects.values_list("source_id", flat=True).get(pk=pull_id)
    with session_lock(AT_WORK, source_id) as is_ours:
        attempt = _begin_attempt(pull_id) if is_ours else None
        if attempt is None:
            return
        logger.info("pull_begun", pull=pull_id, attempt=attempt.number)
        try:
            _finish(attempt.pk, _fetch(attempt.pull))
        except NothingThere as refusal:
            _end(attempt.pk, AttemptStatus.NOTHING_THERE, refusal)
        except Refusal as refusal:
            _end(attempt.pk, AttemptStatus.FAILED, refusal)
        except BaseException as error:
            broken = PullFailed(f"The pull broke off ({type(error).__name__}).")
            _end(attempt.pk, AttemptStatus.FAILED, broken)
            raise


def resume_pulls() -> list[int]:
    """Queue what is due again, and what a dead process or an emptied broker left.

    Returns:
        Ids of the pulls that were queued.
    """
    now = timezone.now()
    resumed = []
    for pull in Pull.objects.filter(status=PullStatus.RUNNING):
        if not is_held(AT_WORK, pull.source_id) and _interrupt(pull.pk):
            resumed.append(pull.pk)
    waiting = Pull.objects.filter(status=PullStatus.WAITING, due_at__lte=now)
    for pull in waiting.exclude(try_count=0, due_at__gt=now - _LOST_AFTER):
        with transaction.atomic():
            enqueue(_TASK, pull_id=pull.pk)
        resumed.append(pull.pk)
    return resumed


@transaction.atomic
def _pull_due_now(source_id: int, starts_on: date, ends_on: date, actor: User) -> Pull:
    """The open pull of these days, due now, or a new one.

    No task is queued for it, since that would race us; if we die, `resume_pulls` finds it.
    """
    source = source_for_update(source_id, actor=actor)
    authorize(actor, IMPORT_FILE, entity_id=source.entity_id)
    _require_connected(source)
    window = _window(source, starts_on, ends_on)
    pull = _open_pull(source, window.starts_on, window.ends_on)
    if pull is None or pull.status == PullStatus.WAITING:
        _require_awake(source)
    if pull is None:
        return _new_pull(source, window, actor=actor)
    if pull.status == PullStatus.WAITING and pull.due_at > timezone.now():
        pull.due_at = timezone.now()
        pull.save()
        record(actor=actor, action="ingestion.pull.hasten", subject=pull)
    return pull


def _open_pull(source: Source, starts_on: date, ends_on: date) -> Pull | None:
    found: Pull | None = source.pulls.filter(
        starts_on=starts_on, ends_on=ends_on, status__in=OPEN_PULLS
    ).first()
    return found


def _window(source: Source, starts_on: date | None, ends_on: date | None) -> Window:
    if starts_on is None and ends_on is None:
        return window_now(source.entity)
    if starts_on is None or ends_on is None:
        raise WindowInvalid("Both the first and the last day are needed.", field="starts_on")
    if not timedelta(0) <= ends_on - starts_on <= timedelta(days=_LONGEST_DAYS):
        raise WindowInvalid(field="ends_on")
    return window_of(source.entity, starts_on, ends_on)


def _require_connected(source: Source) -> None:
    if not source.is_active:
        raise SourceRetired
    if not source.connector:
        raise SourceNotConnected


def _require_awake(source: Source) -> None:
    circuit = circuit_of(source)
    if circuit.is_open:
        raise SourceResting(rests_until=circuit.rests_until.isoformat())  # type: ignore[union-attr]


@transaction.atomic
def _begin_attempt(pull_id: int) -> PullAttempt | None:
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


def _fetch(pull: Pull) -> ImportOutcome:
    """What the connector brings, imported."""
    source = pull.source
    _require_connected(source)
    authorize(pull.asked_by, IMPORT_FILE, entity_id=source.entity_id)
    window = Window(pull.period, pull.starts_on, pull.ends_on)
    pulled = connector_named(source.connector).pull(
        source.connector_settings, credentials_of(source), window, site_of(source.entity)
    )
    return import_file(
        source_id=source.pk,
        filename=pulled.filename,
        content=pulled.content,
        query_text=pulled.query_text,
        parameters={**window.values, **pulled.parameters},
        days=(pull.starts_on, pull.ends_on) if pulled.is_of_window else None,
        actor=pull.asked_by,
    )


@transaction.atomic
def _finish(attempt_id: int, outcome: ImportOutcome) -> None:
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
def _end(attempt_id: int, status: AttemptStatus, refusal: Refusal) -> None:
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


@transaction.atomic
def _interrupt(pull_id: int) -> bool:
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
    enqueue(_TASK, pull_id=pull.pk)
    return True


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
