"""Reopenings: a closed period takes postings again, for a while and within a scope."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.common.guards import audited
from apps.common.models import ScopedQuerySet, history
from apps.ledger.models.books import Period
from apps.ledger.permissions import VIEW_LEDGER
from apps.ledger.states import LIVE_REOPENINGS, LONGEST_REOPENING, ReopeningEnd, ReopeningStatus

_user = settings.AUTH_USER_MODEL


class ReopeningQuerySet(ScopedQuerySet):
    view_permission = VIEW_LEDGER

    entity_path = "period__entity_id"

    def live(self) -> Self:
        """Those that wait for approval or are open: one for each period at most."""
        return self.filter(status__in=LIVE_REOPENINGS)


@audited
class PeriodReopening(models.Model):
    """A closed period is to take postings again, as two other people approve it.

    Reason, scope and end never change, and neither does the digest of what the period held.
    """

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="reopenings")
    number = models.PositiveIntegerField(help_text="Within the period, from 1.")
    reason = models.TextField()
    kinds = models.JSONField(help_text='The kinds of entries it takes: ["adjustment"].')
    accounts = models.JSONField(
        default=list,
        blank=True,
        help_text="Codes of the accounts that entries may use; empty: all.",
    )
    expires_at = models.DateTimeField(help_text="From this instant on nothing is posted.")
    status = models.CharField(
        max_length=10, choices=ReopeningStatus.choices, default=ReopeningStatus.ASKED
    )
    asked_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(editable=False)
    opened_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    opened_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_how = models.CharField(
        max_length=10, choices=ReopeningEnd.choices, blank=True, default=""
    )
    digest_before = models.CharField(
        max_length=64, help_text="The digest of the period when it was asked to be reopened."
    )
    digest_after = models.CharField(
        max_length=64, blank=True, default="", help_text="The digest when it was closed again."
    )
    content_hash = models.CharField(
        max_length=64, help_text="SHA-256 over period, digest, reason, scope and end."
    )

    _history_user: Any  # set by services: whose hand the history shows
    objects = ReopeningQuerySet.as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["period", "number"], name="one_reopening_per_number"),
            models.UniqueConstraint(
                fields=["period"],
                condition=Q(status__in=LIVE_REOPENINGS),
                name="one_live_reopening_per_period",
            ),
            models.CheckConstraint(
                condition=Q(status__in=ReopeningStatus.values), name="reopening_status_known"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("asked_at"))
                & Q(expires_at__lte=F("asked_at") + LONGEST_REOPENING),
                name="reopening_ends_soon",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="reopening_says_why"),
            models.CheckConstraint(
                condition=Q(
                    status__in=[ReopeningStatus.ASKED, ReopeningStatus.DROPPED],
                    opened_at__isnull=True,
                    opened_by__isnull=True,
                )
                | Q(
                    status__in=[ReopeningStatus.OPEN, ReopeningStatus.ENDED],
                    opened_at__isnull=False,
                    opened_by__isnull=False,
                ),
                name="open_reopening_says_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(
                    status=ReopeningStatus.ENDED,
                    ended_at__isnull=False,
                    ended_by__isnull=False,
                    ended_how__in=ReopeningEnd.values,
                )
                & ~Q(digest_after="")
                | ~Q(status=ReopeningStatus.ENDED)
                & Q(ended_at__isnull=True, ended_by__isnull=True, ended_how="", digest_after=""),
                name="ended_reopening_says_how",
            ),
        ]

    def __str__(self) -> str:
        return f"Reopening {self.number} of {self.period}"

    @property
    def entity_id(self) -> int:
        """The entity whose period it is."""
        return self.period.entity_id
