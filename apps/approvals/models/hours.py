"""When people work, where that differs from the hours of their company."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import ClassVar, Final, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.approvals.models.absence import OfPeople
from apps.common.guards import audited
from apps.common.models import history
from apps.identity.models import validate_time_zone

_user = settings.AUTH_USER_MODEL
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class WorkingHoursQuerySet(OfPeople):
    def standing(self) -> Self:
        """Hours that nothing has taken the place of."""
        return self.filter(ended_at__isnull=True)


@audited
class WorkingHours(models.Model):
    """The days and hours of one person; without any, those of each entity are his."""

    person = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    time_zone = models.CharField(max_length=64, validators=[validate_time_zone])
    weekdays = models.JSONField(help_text="Working days, Monday is 0: [0, 1, 2, 3, 4].")
    opens_at = models.TimeField(help_text="By the clock of the time zone.")
    closes_at = models.TimeField(help_text="00:00 is the end of the day.")
    country = models.CharField(
        max_length=2,
        blank=True,
        default="",
        help_text="ISO 3166; whose public holidays are free. Empty: those of each entity.",
    )
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = WorkingHoursQuerySet.as_manager()
    history = history()

    class Meta:
        verbose_name_plural = "working hours"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at=None), name="one_set_of_hours_per_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.in_words}"

    @property
    def in_words(self) -> str:
        """ "09:00 to 17:00 America/New_York, Mon, Tue, Wed, Thu, Fri"."""
        days = ", ".join(WEEKDAYS[day] for day in sorted(self.weekdays))
        holidays = f", holidays of {self.country}" if self.country else ""
        return f"{self.opens_at:%H:%M} to {self.closes_at:%H:%M} {self.time_zone}, {days}{holidays}"

    @property
    def time_a_week(self) -> timedelta:
        """How much time a week without holidays has."""
        opening = datetime.combine(date.min, self.opens_at)
        closing = datetime.combine(date.min, self.closes_at)
        if self.closes_at == time(0):
            closing += timedelta(days=1)
        return (closing - opening) * len(set(self.weekdays))
