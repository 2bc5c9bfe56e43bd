"""Pulls are asked for in a transaction, and queued with it; a task carries them out (`pulling`)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.transitions import advance
from apps.identity.models import User
from apps.ingestion.connectors import Window
from apps.ingestion.errors import (
    SourceNotConnected,
    SourceResting,
    SourceRetired,
    WindowInvalid,
)
from apps.ingestion.locks import source_for_update, visible_pull_for_update
from apps.ingestion.models import Pull, Source
from apps.ingestion.permissions import IMPORT_FILE
from apps.ingestion.selectors.pulls import circuit_of, window_now, window_of
from apps.ingestion.states import OPEN_PULLS, PULL_MOVES, PullStatus
from apps.operations.services import enqueue

_LONGEST_DAYS = 400


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
    pull, is_new = _open_or_new(source_id, starts_on, ends_on, actor)
    if is_new:
        queue_pull(pull)
    return pull


@transaction.atomic
def ask_pull_now(*, source_id: int, starts_on: date, ends_on: date, actor: User) -> Pull:
    """As `ask_pull`, for a caller who carries the pull out himself: it is due at once.

    No task is queued for a new one, since that would race him; if he dies, `resume_pulls` finds
    it.

    Raises:
        NotVisible, NotPermitted, SourceRetired, SourceNotConnected, SourceResting, WindowInvalid:
            see `ask_pull`.
    """
    pull, is_new = _open_or_new(source_id, starts_on, ends_on, actor)
    if not is_new and pull.status == PullStatus.WAITING:
        _require_awake(pull.source)
        _hasten(pull, actor)
    return pull


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
    require_connected(pull.source)
    _require_awake(pull.source)
    advance(pull, to=PullStatus.WAITING, moves=PULL_MOVES)
    open_one = _open_pull(pull.source, pull.starts_on, pull.ends_on)
    if open_one is not None:
        return open_one
    pull.try_count, pull.due_at, pull.ended_at = 0, timezone.now(), None
    pull.save()
    record(actor=actor, action="ingestion.pull.retry", subject=pull)
    queue_pull(pull)
    return pull


def create_pull(
    source: Source, window: Window, *, actor: User, slot_at: datetime | None = None
) -> Pull:
    """The pull's row and its task, in the caller's transaction, which holds the source's row."""
    pull = _new_pull(source, window, actor=actor, slot_at=slot_at)
    queue_pull(pull)
    return pull


def queue_pull(pull: Pull) -> None:
    """Have a worker carry the pull out, once the caller's transaction is committed."""
    enqueue("apps.ingestion.tasks.perform_pull", pull_id=pull.pk)


def require_connected(source: Source) -> None:
    """See that the source is one that is pulled.

    Raises:
        SourceRetired, SourceNotConnected: it is not.
    """
    if not source.is_active:
        raise SourceRetired
    if not source.connector:
        raise SourceNotConnected


def _open_or_new(
    source_id: int, starts_on: date | None, ends_on: date | None, actor: User
) -> tuple[Pull, bool]:
    """The open pull of these days, or a new one that nobody has queued yet; True if it is new."""
    source = source_for_update(source_id, actor=actor)
    authorize(actor, IMPORT_FILE, entity_id=source.entity_id)
    require_connected(source)
    window = _window(source, starts_on, ends_on)
    open_one = _open_pull(source, window.starts_on, window.ends_on)
    if open_one is not None:
        return open_one, False
    _require_awake(source)
    return _new_pull(source, window, actor=actor), True


def _open_pull(source: Source, starts_on: date, ends_on: date) -> Pull | None:
    found: Pull | None = source.pulls.filter(
        starts_on=starts_on, ends_on=ends_on, status__in=OPEN_PULLS
    ).first()
    return found


def _new_pull(
    source: Source, window: Window, *, actor: User, slot_at: datetime | None = None
) -> Pull:
    """The row of a pull that nobody has queued yet."""
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


def _hasten(pull: Pull, actor: User) -> None:
    """What waits for its next try is tried at once."""
    if pull.due_at > timezone.now():
        pull.due_at = timezone.now()
        pull.save()
        record(actor=actor, action="ingestion.pull.hasten", subject=pull)


def _window(source: Source, starts_on: date | None, ends_on: date | None) -> Window:
    if starts_on is None and ends_on is None:
        return window_now(source.entity)
    if starts_on is None or ends_on is None:
        raise WindowInvalid("Both the first and the last day are needed.", field="starts_on")
    if not timedelta(0) <= ends_on - starts_on <= timedelta(days=_LONGEST_DAYS):
        raise WindowInvalid(field="ends_on")
    return window_of(source.entity, starts_on, ends_on)


def _require_awake(source: Source) -> None:
    circuit = circuit_of(source)
    if circuit.is_open:
        raise SourceResting(rests_until=circuit.rests_until.isoformat())  # type: ignore[union-attr]
