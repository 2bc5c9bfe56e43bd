"""When sources are pulled by themselves: cron lines, read by the clock of the entity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from celery.schedules import ParseException, crontab
from django.db import transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.transitions import require_version
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.ingestion.errors import ScheduleInvalid, SourceNotConnected, SourceRetired
from apps.ingestion.locks import idle_source_for_update, source_for_update
from apps.ingestion.models import Pull, Source
from apps.ingestion.permissions import MANAGE_SOURCES
from apps.ingestion.selectors.pulls import circuit_of, window_now
from apps.ingestion.services.asking import create_pull
from apps.ingestion.states import EVERY_QUARTER_HOUR, OPEN_PULLS

_MINUTE: Final = timedelta(minutes=1)
# What was missed while nobody looked is made up for once, if it is not older than this.
_LOOK_BACK: Final = timedelta(days=1)
_WORDS: Final = {"every 15 minutes": EVERY_QUARTER_HOUR}


@transaction.atomic
def schedule_source(
    *, source_id: int, schedule: str, actor: User, expected_version: int | None = None
) -> Source:
    """Have a source pulled by itself, from now on.

    Args:
        schedule: five cron fields by the entity's clock ("30 6 * * mon-fri"; a day of the month
            and a day of the week both have to fit), "every 15 minutes", or "" for never.
        expected_version: the `version` that the actor saw; None asks nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        StaleVersion: the source was set up otherwise meanwhile.
        SourceRetired, SourceNotConnected: it cannot be pulled.
        ScheduleInvalid: it is no cron line, or its day never comes.
    """
    source = source_for_update(source_id, actor=actor)
    authorize(actor, MANAGE_SOURCES, entity_id=source.entity_id)
    if not source.is_active:
        raise SourceRetired(remedy="It cannot be changed any more.")
    require_version(source, expected_version)
    if schedule.strip() and not source.connector:
        raise SourceNotConnected
    source.schedule = sound_schedule(schedule)
    source.scheduled_at = timezone.now()
    source.version += 1
    source.save(update_fields=["schedule", "scheduled_at", "version"])
    record(
        actor=actor,
        action="ingestion.source.schedule",
        subject=source,
        schedule=source.schedule,
    )
    return source


def ask_scheduled_pulls() -> list[int]:
    """Ask for every pull that is due; two that look at once ask for it once.

    Returns:
        Ids of the pulls that were asked for.
    """
    scheduled = Source.objects.filter(is_active=True).exclude(schedule="").exclude(connector="")
    asked = [_ask(source_id) for source_id in scheduled.values_list("pk", flat=True)]
    return [pull_id for pull_id in asked if pull_id is not None]


def sound_schedule(schedule: str) -> str:
    """The cron line with single blanks, "" for never.

    Raises:
        ScheduleInvalid: see `schedule_source`.
    """
    text = " ".join(schedule.casefold().split())
    text = _WORDS.get(text, text)
    if not text:
        return ""
    if len(text.split(" ")) != 5 or len(text) > 100:
        raise ScheduleInvalid(field="schedule")
    try:
        crontab.from_string(text)
    except (ParseException, ValueError):
        raise ScheduleInvalid(field="schedule") from None
    return text


def latest_slot(
    schedule: str, zone: ZoneInfo, *, after: datetime, until: datetime
) -> datetime | None:
    """The last minute of the schedule past `after` and not past `until`.

    Clocks that are put forward skip nothing: what falls into the hour that is not there is due
    right after it. Clocks that are put back repeat nothing but schedules of every hour.
    """
    cron = crontab.from_string(schedule)
    minute = until.astimezone(UTC).replace(second=0, microsecond=0)
    earliest = max(after, until - _LOOK_BACK)
    while minute > earliest:
        if _is_slot(cron, minute, zone):
            return minute
        minute -= _MINUTE
    return None


@transaction.atomic
def _ask(source_id: int) -> int | None:
    """Ask for the source's pull if a slot of its schedule has come since the last."""
    source = idle_source_for_update(source_id)
    if source is None or not source.schedule or source.scheduled_at is None:
        return None
    last = source.pulls.filter(slot_at__isnull=False).order_by("-slot_at").first()
    after = max(source.scheduled_at, last.slot_at) if last else source.scheduled_at
    zone = ZoneInfo(source.entity.time_zone)
    slot_at = latest_slot(source.schedule, zone, after=after, until=timezone.now())
    if slot_at is None or circuit_of(source).is_open:
        return None
    if Pull.objects.filter(source=source, status__in=OPEN_PULLS).exists():
        return None
    pull = create_pull(source, window_now(source.entity), actor=system_user(), slot_at=slot_at)
    return int(pull.pk)


def _is_slot(cron: crontab, minute: datetime, zone: ZoneInfo) -> bool:
    local = minute.astimezone(zone)
    if local.fold and len(cron.hour) < 24:
        return False
    skipped = _wall(local) - _wall((minute - _MINUTE).astimezone(zone)) - _MINUTE
    gap = max(skipped, timedelta(0)) // _MINUTE
    return any(_fits(cron, _wall(local) - number * _MINUTE) for number in range(gap + 1))


def _wall(local: datetime) -> datetime:
    """What the clock on the wall shows."""
    return local.replace(tzinfo=None, fold=0)


def _fits(cron: crontab, wall: datetime) -> bool:
    return (
        wall.minute in cron.minute
        and wall.hour in cron.hour
        and wall.day in cron.day_of_month
        and wall.month in cron.month_of_year
        and wall.isoweekday() % 7 in cron.day_of_week
    )
