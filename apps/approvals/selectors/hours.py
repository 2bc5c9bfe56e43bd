"""When people work, where that differs from the hours of their company."""

from __future__ import annotations

from apps.approvals.models import WorkingHours
from apps.common.calendar import BusinessCalendar, zone_named
from apps.identity.models import Entity, User
from apps.identity.selectors import holidays_known_in


def hours_of(person: User) -> WorkingHours | None:
    """The hours of a person; None: those of each entity are his."""
    found: WorkingHours | None = WorkingHours.objects.standing().filter(person=person).first()
    return found


def calendar_of(hours: WorkingHours, entity: Entity) -> BusinessCalendar:
    """The days and hours of one person, seen from an entity."""
    return BusinessCalendar(
        zone=zone_named(hours.time_zone),
        weekdays=frozenset(hours.weekdays),
        holidays=holidays_known_in(hours.country or entity.country),
        opens_at=hours.opens_at,
        closes_at=hours.closes_at,
    )
