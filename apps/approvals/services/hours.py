"""Say when somebody works, and that he works as his company does again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import time, timedelta
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.approvals.errors import HoursInvalid
from apps.approvals.locks import hours_for_update, hours_of_person_for_update
from apps.approvals.models import WorkingHours
from apps.approvals.services.absence import authorize_for
from apps.audit.services import record
from apps.common.calendar import HolidaysUnknown, public_holidays_of
from apps.common.errors import IllegalMove
from apps.common.transitions import require_latest, require_version
from apps.identity.models import User, validate_time_zone

LEAST_A_WEEK: Final = timedelta(hours=8)


@transaction.atomic
def set_hours(
    *,
    person_id: int,
    time_zone: str,
    weekdays: Collection[int],
    opens_at: time,
    closes_at: time,
    actor: User,
    country: str = "",
    expected_version: int | None = None,
) -> WorkingHours:
    """Say on which days and at which hours somebody works; what was said before ends.

    Clocks that run already stay as they were frozen.

    Args:
        person_id: oneself, or somebody of an entity on which the actor manages absences.
        weekdays: Monday is 0.
        opens_at, closes_at: by the clock of the time zone; 00:00 at the end is the end of the day.
        country: ISO 3166, whose public holidays are free; empty: those of each entity.
        expected_version: of the hours that the actor saw, 0 for none; None to ask nothing.

    Raises:
        NotVisible: no such person for this actor.
        NotPermitted: the actor plans no absences here.
        HoursInvalid: no such time zone or holidays, no day, an end before the beginning, or fewer
            than eight hours a week.
        StaleVersion: the hours were changed meanwhile.
    """
    authorize_for(person_id, actor)
    _require_place(time_zone, country)
    former = hours_of_person_for_update(person_id)
    require_latest(former, expected_version)
    made = WorkingHours(
        person_id=person_id,
        time_zone=time_zone,
        weekdays=sorted(set(weekdays)),
        opens_at=opens_at,
        closes_at=closes_at,
        country=country,
        version=1 if former is None else former.version + 1,
        created_by=actor,
    )
    _require_time(made)
    if former is not None:
        _end(former)
    made.save()
    record(
        actor=actor,
        action="approvals.hours.set",
        subject=made,
        person=person_id,
        hours=made.in_words,
        replaced=former and former.pk,
    )
    return made


@transaction.atomic
def end_hours(*, hours_id: int, actor: User, expected_version: int | None = None) -> WorkingHours:
    """From now on the person works as each of his companies does.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: they have ended already.
        StaleVersion: they are not the ones that the actor saw.
    """
    hours = hours_for_update(hours_id, actor=actor)
    authorize_for(hours.person_id, actor)
    if hours.ended_at is not None:
        raise IllegalMove("These hours have ended already.")
    require_version(hours, expected_version)
    _end(hours)
    record(actor=actor, action="approvals.hours.end", subject=hours, person=hours.person_id)
    return hours


def _end(hours: WorkingHours) -> None:
    hours.ended_at = timezone.now()
    hours.version += 1
    hours.save(update_fields=["ended_at", "version"])


def _require_place(time_zone: str, country: str) -> None:
    try:
        validate_time_zone(time_zone)
    except ValidationError:
        raise HoursInvalid(
            f"{time_zone!r} is no time zone.",
            remedy="Name one of the IANA list, such as America/New_York.",
            field="time_zone",
        ) from None
    if not country:
        return
    try:
        public_holidays_of(country)
    except HolidaysUnknown:
        raise HoursInvalid(
            f"No public holidays are known for {country!r}.",
            remedy="Give the two letters of ISO 3166, such as US, or leave it empty.",
            field="country",
        ) from None


def _require_time(hours: WorkingHours) -> None:
    if not hours.weekdays or not set(hours.weekdays) <= set(range(7)):
        raise HoursInvalid("Name the working days, Monday is 0.", field="weekdays")
    if hours.closes_at != time(0) and hours.closes_at <= hours.opens_at:
        raise HoursInvalid(
            "The end is before the beginning.",
            remedy="Hours end on the day on which they begin, at 00:00 at the latest.",
            field="closes_at",
        )
    if hours.time_a_week < LEAST_A_WEEK:
        raise HoursInvalid(
            "That is less than eight hours a week.",
            remedy="Who is there less plans leave, or hands over what he would decide.",
            field="weekdays",
        )
