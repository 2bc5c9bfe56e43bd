"""Queue messages with the notices that they tell of: each notice once in each channel."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from apps.approvals.models import Notice, Request, Waiver
from apps.operations.services import enqueue
from apps.outbound.models import Message, MessageLine, MessagePreference
from apps.outbound.states import LOST_AFTER, Channel, MessageStatus, Rhythm

SEND_TASK = "apps.outbound.tasks.send_message"


def pass_on_notices(about: Request | Waiver, kind: str, occasion: str) -> None:
    """Queue what these notices say to the people who want to be told outside.

    A listener of approvals, in the transaction that makes the notices; called again it does
    nothing.
    """
    notices = list(
        Notice.objects.about(about).filter(kind=kind, occasion=occasion).order_by("person_id")
    )
    people = {notice.person_id: notice for notice in notices}
    chosen = MessagePreference.objects.filter(person_id__in=people).order_by("person_id")
    done = set(MessageLine.objects.filter(notice__in=notices).values_list("notice_id", "channel"))
    for preference in chosen:
        notice = people[preference.person_id]
        for channel in preference.channels:
            if (notice.pk, channel) not in done:
                message = _message_for(preference, channel)
                MessageLine.objects.create(message=message, notice=notice, channel=channel)


def next_digest(preference: MessagePreference, now: datetime) -> tuple[date, datetime]:
    """The day of the next digest, by the person's clock, and the moment that it is due."""
    zone = ZoneInfo(preference.time_zone)
    day = now.astimezone(zone).date()
    due_at = _at(day, preference.digest_hour, zone)
    if due_at <= now:
        day += timedelta(days=1)
        due_at = _at(day, preference.digest_hour, zone)
    return day, due_at


def _at(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=zone)


def _message_for(preference: MessagePreference, channel: Channel) -> Message:
    """The digest that is still to come, or a message of its own that is sent at once."""
    now = timezone.now()
    if preference.rhythm == Rhythm.DAILY:
        return _digest_for(preference, channel, now)
    message: Message = Message.objects.create(
        person_id=preference.person_id,
        channel=channel,
        due_at=now,
        queued_until=now + LOST_AFTER,
    )
    enqueue(SEND_TASK, message_id=message.pk)
    return message


def _digest_for(preference: MessagePreference, channel: Channel, now: datetime) -> Message:
    """The person's next digest, its row locked: it is not begun while something is put into it.

    One that was begun already (the person has moved the hour) takes nothing more: the next does.
    """
    day, due_at = next_digest(preference, now)
    while True:
        Message.objects.bulk_create(
            [
                Message(
                    person_id=preference.person_id,
                    channel=channel,
                    digest_on=day,
                    due_at=due_at,
                    queued_until=due_at,
                )
            ],
            ignore_conflicts=True,
        )
        message: Message = Message.objects.select_for_update().get(
            person_id=preference.person_id, channel=channel, digest_on=day
        )
        if message.try_count == 0 and message.status == MessageStatus.WAITING:
            return message
        day += timedelta(days=1)
        due_at = _at(day, preference.digest_hour, ZoneInfo(preference.time_zone))
