"""Carry pulls out, and take up those that were left.

The process at work holds a session advisory lock on the source, so that a source is pulled by one
process at a time and a process that dies is noticed at once. What is fetched is imported like any
file: all of it in one transaction, and the same bytes again change nothing. Running a pull twice
is therefore harmless.
"""

from __future__ import annotations

from datetime import date, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from apps.common.access import authorize
from apps.common.advisory import is_held, session_lock
from apps.common.errors import Refusal
from apps.identity.models import User
from apps.ingestion.connectors import NothingThere, PullFailed, Window, connector_named
from apps.ingestion.locks import AT_WORK
from apps.ingestion.models import Pull
from apps.ingestion.permissions import IMPORT_FILE
from apps.ingestion.services.asking import ask_pull_now, queue_pull, require_connected
from apps.ingestion.services.attempts import (
    begin_attempt,
    end_attempt,
    finish_attempt,
    interrupt_pull,
)
from apps.ingestion.services.connecting import credentials_of, site_of
from apps.ingestion.services.imports import ImportOutcome, import_file
from apps.ingestion.states import AttemptStatus, PullStatus

logger = structlog.get_logger(__name__)

_LOST_AFTER = timedelta(minutes=2)


def perform_pull(*, pull_id: int) -> None:
    """Carry out a waiting pull; a no-op if it is not due, not waiting, or its source is at work.

    A refusal ends or postpones the pull with its message; anything else fails it as an internal
    error and is raised again for the log.
    """
    source_id = Pull.objects.values_list("source_id", flat=True).get(pk=pull_id)
    with session_lock(AT_WORK, source_id) as is_ours:
        attempt = begin_attempt(pull_id) if is_ours else None
        if attempt is None:
            return
        logger.info("pull_begun", pull=pull_id, attempt=attempt.number)
        try:
            finish_attempt(attempt.pk, _fetch(attempt.pull))
        except NothingThere as refusal:
            end_attempt(attempt.pk, AttemptStatus.NOTHING_THERE, refusal)
        except Refusal as refusal:
            end_attempt(attempt.pk, AttemptStatus.FAILED, refusal)
        except BaseException as error:  # a worker told to stop, too: the feed shows it at once
            broken = PullFailed(f"The pull broke off ({type(error).__name__}).")
            end_attempt(attempt.pk, AttemptStatus.FAILED, broken)
            raise


def pull_now(*, source_id: int, starts_on: date, ends_on: date, actor: User) -> Pull:
    """Pull a source in this process, and wait for what becomes of it; for a close.

    What failed a while ago and waits for its next try is tried at once. What another process is
    pulling at this moment is left to it, and comes back as it stands.

    Raises:
        NotVisible, NotPermitted, SourceRetired, SourceNotConnected, SourceResting, WindowInvalid:
            see `ask_pull`.
    """
    pull = ask_pull_now(source_id=source_id, starts_on=starts_on, ends_on=ends_on, actor=actor)
    perform_pull(pull_id=pull.pk)
    found: Pull = Pull.objects.select_related("batch", "failed_import").get(pk=pull.pk)
    return found


def resume_pulls() -> list[int]:
    """Queue what is due again, and what a dead process or an emptied broker left.

    Returns:
        Ids of the pulls that were queued.
    """
    now = timezone.now()
    resumed = []
    for pull in Pull.objects.filter(status=PullStatus.RUNNING):
        if not is_held(AT_WORK, pull.source_id) and interrupt_pull(pull.pk):
            resumed.append(pull.pk)
    waiting = Pull.objects.filter(status=PullStatus.WAITING, due_at__lte=now)
    for pull in waiting.exclude(try_count=0, due_at__gt=now - _LOST_AFTER):
        with transaction.atomic():
            queue_pull(pull)
        resumed.append(pull.pk)
    return resumed


def _fetch(pull: Pull) -> ImportOutcome:
    """What the connector brings, imported."""
    source = pull.source
    require_connected(source)
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
