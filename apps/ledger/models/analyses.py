"""What people say that a balance consists of, and how far that has come."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.common.guards import append_only, audited
from apps.common.models import history, scoped_by
from apps.common.money import AmountField, CurrencyField
from apps.ledger.models.books import Account, Period
from apps.ledger.permissions import VIEW_LEDGER
from apps.ledger.states import AnalysisStatus

_user = settings.AUTH_USER_MODEL


def _sum_field() -> AmountField:
    """A sum of many amounts: wider than one of them."""
    return AmountField(max_digits=26)


@audited
class AccountAnalysis(models.Model):
    """The explanation of one account's balance in one period: how far it is, in which version."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="analyses")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="analyses")
    currency = CurrencyField()
    status = models.CharField(
        max_length=10, choices=AnalysisStatus.choices, default=AnalysisStatus.DRAFT
    )
    version = models.PositiveIntegerField(default=1, help_text="The newest version's number.")

    _history_user: Any  # set by services: whose hand the history shows
    objects = scoped_by(VIEW_LEDGER).as_manager()
    history = history()

    class Meta:
        verbose_name_plural = "account analyses"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["period", "account", "currency"], name="one_analysis_per_balance"
            ),
            models.CheckConstraint(
                condition=Q(status__in=AnalysisStatus.values), name="analysis_status_known"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """How people call it: "1000 Bank, 2023-04"."""
        return f"{self.account}, {self.period.name}"


@append_only()
class AnalysisVersion(models.Model):
    """What somebody said about the balance as it was then. A correction is another version.

    Opening, debit and credit are the ledger's, at the moment of writing; debit positive.
    """

    analysis = models.ForeignKey(
        AccountAnalysis, on_delete=models.PROTECT, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField(help_text="From 1.")
    opening = _sum_field()
    debit = _sum_field()
    credit = _sum_field()
    difference_explanation = models.CharField(
        max_length=2000, blank=True, default="", help_text="Why something is left unexplained."
    )
    change_explanation = models.CharField(
        max_length=2000, blank=True, default="", help_text="Why the balance moved in the period."
    )
    prepared_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_LEDGER, "analysis__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["analysis", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["analysis", "number"], name="one_analysis_version_per_number"
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def closing(self) -> Decimal:
        """The balance at the end of the period, debit positive."""
        return self.opening + self.debit - self.credit

    @property
    def change(self) -> Decimal:
        """How far the balance moved since the end of the period before."""
        return self.debit - self.credit


@append_only()
class AnalysisItem(models.Model):
    """One thing that the balance consists of, and what supports that."""

    version = models.ForeignKey(
        AnalysisVersion, on_delete=models.PROTECT, related_name="items", db_index=False
    )
    number = models.PositiveIntegerField(help_text="From 1.")
    description = models.CharField(max_length=300)
    amount = AmountField(help_text="Debit positive.")
    reference = models.CharField(
        max_length=140, blank=True, default="", help_text="The document that shows it."
    )
    dated_on = models.DateField(null=True, blank=True, help_text="The day of that document.")
    support_type = models.CharField(
        max_length=100, blank=True, default="", help_text='What in here shows it: "match_run".'
    )
    support_id = models.CharField(max_length=64, blank=True, default="")
    support_digest = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 of what it said then."
    )

    objects = scoped_by(VIEW_LEDGER, "version__analysis__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["version", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "number"], name="one_analysis_item_per_number"
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="analysis_item_has_an_amount"),
            models.CheckConstraint(
                condition=Q(support_type="", support_id="", support_digest="")
                | ~Q(support_type="") & ~Q(support_id="") & ~Q(support_digest=""),
                name="support_is_complete",
            ),
        ]

    def __str__(self) -> str:
        return f"item {self.number}"


@append_only()
class AnalysisThreshold(models.Model):
    """From which amounts on an analysis needs words. The newest of an account counts."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="thresholds")
    currency = CurrencyField()
    difference = AmountField(
        default=Decimal(0), help_text="The largest unexplained difference that needs no words."
    )
    change = AmountField(
        null=True, blank=True, help_text="The largest change that needs none; empty: none does."
    )
    set_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_LEDGER, "account__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(difference__gte=0) & (Q(change=None) | Q(change__gte=0)),
                name="threshold_not_negative",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.difference} {self.currency}"
