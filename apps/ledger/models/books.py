"""Accounts, periods, and the journal: what the books consist of.

`apps.ledger.groundwork.guards` puts the rules of this module into the database as triggers.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.common.access import Actor
from apps.common.guards import append_only, audited
from apps.common.models import history, scoped_by
from apps.common.money import AmountField, CurrencyField
from apps.ledger.fiscal import MonthCalendar, WeekCalendar, WeekPattern, YearEnd
from apps.ledger.permissions import VIEW_LEDGER
from apps.ledger.states import (
    CLOSED,
    KINDS_TAKEN,
    AccountType,
    EntryKind,
    EntryStatus,
    NormalBalance,
    PeriodStatus,
)

_user = settings.AUTH_USER_MODEL
MONTHS = "month"


class CurrencyQuerySet(models.QuerySet["Currency"]):
    def visible_to(self, actor: Actor) -> Self:
        """The register of currencies belongs to no entity: whoever is signed in sees it."""
        return self if actor.is_authenticated else self.none()


@append_only()
class Currency(models.Model):
    """A currency and its decimals, for the database's own checks; filled from `common.money`."""

    code = CurrencyField(primary_key=True)
    name = models.CharField(max_length=100)
    exponent = models.PositiveSmallIntegerField(help_text="Decimals: JPY 0, EUR 2, KWD 3.")

    objects = CurrencyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "currencies"
        ordering: ClassVar = ["code"]

    def __str__(self) -> str:
        return self.code


@audited
class Account(models.Model):
    """A line of the entity's chart of accounts. Code and entity never change, the name may."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=10, choices=AccountType.choices)
    normal_balance = models.CharField(max_length=6, choices=NormalBalance.choices)
    is_active = models.BooleanField(default=True, help_text="A retired account takes no new lines.")

    _history_user: Any  # set by services: whose hand the history shows
    objects = scoped_by(VIEW_LEDGER).as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["entity", "code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "code"], name="one_account_per_code"),
            models.CheckConstraint(
                condition=Q(type__in=AccountType.values), name="account_type_known"
            ),
            models.CheckConstraint(
                condition=Q(normal_balance__in=NormalBalance.values), name="normal_balance_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


@audited
class FiscalCalendar(models.Model):
    """How the entity cuts its years into periods; the periods themselves are rows."""

    PATTERNS: ClassVar = [
        (MONTHS, "Months"),
        *((pattern.value, pattern.value) for pattern in WeekPattern),
    ]

    entity = models.OneToOneField(
        "identity.Entity", on_delete=models.PROTECT, related_name="fiscal_calendar"
    )
    name = models.CharField(max_length=100)
    pattern = models.CharField(max_length=5, choices=PATTERNS, default=MONTHS)
    starts_month = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
        help_text="Months: the month in which the year starts.",
    )
    starts_day = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(28)],
        help_text="Months: the day of the month on which the year starts, 1 to 28.",
    )
    ends_month = models.PositiveSmallIntegerField(
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
        help_text="Weeks: the month with which the year nominally ends.",
    )
    ends_weekday = models.PositiveSmallIntegerField(
        default=5,
        validators=[MaxValueValidator(6)],
        help_text="Weeks: the weekday that every year ends on; Monday is 0.",
    )
    year_end = models.CharField(
        max_length=7,
        choices=[(rule.value, rule.value) for rule in YearEnd],
        default=YearEnd.LAST.value,
        help_text="Weeks: the last such weekday of the month, or the one nearest to its end.",
    )
    is_named_by_start = models.BooleanField(
        default=False, help_text="The year bears the name of the calendar year it starts in."
    )

    _history_user: Any  # set by services: whose hand the history shows
    objects = scoped_by(VIEW_LEDGER).as_manager()
    history = history()

    def __str__(self) -> str:
        return self.name

    def rule(self) -> MonthCalendar | WeekCalendar:
        """The rule that tells the periods of any year.

        Raises:
            FiscalCalendarInvalid: the fields contradict each other.
        """
        if self.pattern == MONTHS:
            return MonthCalendar(self.starts_month, self.starts_day, self.is_named_by_start)
        return WeekCalendar(
            WeekPattern(self.pattern),
            self.ends_month,
            self.ends_weekday,
            YearEnd(self.year_end),
            self.is_named_by_start,
        )


@audited
class Period(models.Model):
    """A period of a fiscal year. Its boundaries never change.

    The status only moves forward, but for a reopening.
    """

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    calendar = models.ForeignKey(FiscalCalendar, on_delete=models.PROTECT, related_name="periods")
    fiscal_year = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=20, help_text='Fiscal year and number, "2023-04".')
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The last day, inclusive.")
    status = models.CharField(
        max_length=12, choices=PeriodStatus.choices, default=PeriodStatus.PLANNED
    )
    closed_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        editable=False,
        help_text="SHA-256 over the posted entries, taken when the period was closed.",
    )

    _history_user: Any  # set by services: whose hand the history shows
    objects = scoped_by(VIEW_LEDGER).as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["entity", "starts_on"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "name"], name="one_period_per_name"),
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="period_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(status__in=PeriodStatus.values), name="period_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=CLOSED, closed_at__isnull=False, closed_by__isnull=False)
                & ~Q(digest="")
                | ~Q(status__in=CLOSED)
                & Q(closed_at__isnull=True, closed_by__isnull=True, digest=""),
                name="closed_period_says_by_whom",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["entity", "starts_on"], name="period_by_day")]

    def __str__(self) -> str:
        return self.name

    def takes(self, kind: str) -> bool:
        """True if entries of this kind may be posted here now; a reopening says which ones."""
        return kind in KINDS_TAKEN.get(self.status, frozenset())


@audited
class JournalEntry(models.Model):
    """A journal entry. Its lines change while it is a draft; posted, it is final."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="entries")
    number = models.PositiveIntegerField(
        null=True, blank=True, help_text="Within the period, from 1 without gaps; given by posting."
    )
    posted_on = models.DateField(help_text="The accounting date.")
    status = models.CharField(max_length=10, choices=EntryStatus.choices, default=EntryStatus.DRAFT)
    kind = models.CharField(max_length=10, choices=EntryKind.choices)
    description = models.CharField(max_length=500)
    source = models.CharField(
        max_length=50, blank=True, default="", help_text="The system or process it came from."
    )
    external_id = models.CharField(
        max_length=100, blank=True, default="", help_text="Its name there, unique per source."
    )
    origin = models.CharField(
        max_length=50, blank=True, default="", help_text="The sub-ledger or journal in the source."
    )
    preparer_name = models.CharField(
        max_length=100, blank=True, default="", help_text="Who prepared it, as the source says."
    )
    reverses = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversals"
    )
    prepared_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField(db_default=Now(), editable=False)
    posted_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    posted_at = models.DateTimeField(null=True, blank=True)
    content_hash = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 of the content; set by posting."
    )
    version = models.PositiveIntegerField(default=1)

    _history_user: Any  # set by services: whose hand the history shows
    objects = scoped_by(VIEW_LEDGER).as_manager()
    history = history()

    class Meta:
        verbose_name_plural = "journal entries"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["period", "number"], name="one_entry_per_number"),
            models.UniqueConstraint(
                fields=["entity", "source", "external_id"],
                condition=~Q(external_id="") & ~Q(status=EntryStatus.CANCELLED),
                name="one_entry_per_external_id",
            ),
            models.UniqueConstraint(
                fields=["reverses"],
                condition=~Q(status=EntryStatus.CANCELLED),
                name="one_reversal_per_entry",
            ),
            models.CheckConstraint(
                condition=Q(status__in=EntryStatus.values), name="entry_status_known"
            ),
            models.CheckConstraint(condition=Q(kind__in=EntryKind.values), name="entry_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=EntryKind.REVERSAL, reverses__isnull=False)
                | ~Q(kind=EntryKind.REVERSAL) & Q(reverses__isnull=True),
                name="only_a_reversal_reverses",
            ),
            models.CheckConstraint(
                condition=Q(
                    status=EntryStatus.POSTED,
                    number__gte=1,
                    posted_by__isnull=False,
                    posted_at__isnull=False,
                )
                & ~Q(content_hash="")
                | ~Q(status=EntryStatus.POSTED)
                & Q(
                    number__isnull=True,
                    posted_by__isnull=True,
                    posted_at__isnull=True,
                    content_hash="",
                ),
                name="posted_entry_is_complete",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["entity", "posted_on"], name="entry_by_day"),
            models.Index(fields=["entity", "status", "-id"], name="entry_by_status"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """How people call it: "2023-04/17" once posted, "Entry 312" before."""
        if self.number is None:
            return f"Entry {self.pk}"
        return f"{self.period.name}/{self.number}"

    @property
    def preparer(self) -> str:
        """Who prepared it: as the source says, or the user who wrote it here."""
        return self.preparer_name or str(self.prepared_by)


@audited
class JournalLine(models.Model):
    """One side of a journal entry: a debit or a credit on an account, never both."""

    entry = models.ForeignKey(
        JournalEntry, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    line_number = models.PositiveIntegerField(help_text="From 1.")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lines")
    debit = AmountField(default=Decimal(0))
    credit = AmountField(default=Decimal(0))
    currency = CurrencyField()
    reference = models.CharField(max_length=140, blank=True, default="")
    counterparty = models.CharField(max_length=200, blank=True, default="")
    narrative = models.CharField(max_length=1000, blank=True, default="")

    objects = scoped_by(VIEW_LEDGER, "entry__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["entry", "line_number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entry", "line_number"], name="one_line_per_number"),
            models.CheckConstraint(
                condition=Q(debit__gt=0, credit=0) | Q(debit=0, credit__gt=0),
                name="debit_or_credit",
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.line_number}"

    @property
    def amount(self) -> Decimal:
        """Debit positive, credit negative."""
        return self.debit - self.credit
