"""Rules by which small breaks are booked away without a person looking at each."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.common.guards import audited
from apps.common.models import history, scoped_by
from apps.common.money import AmountField, CurrencyField
from apps.reconciliation.models.setup import MatchType
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.states import Cause, ResolutionStatus

_user = settings.AUTH_USER_MODEL


@audited
class ResolutionRule(models.Model):
    """Breaks of a cause up to an amount are proposed to an account; none is in force by default."""

    match_type = models.ForeignKey(
        MatchType, on_delete=models.PROTECT, related_name="resolution_rules"
    )
    number = models.PositiveIntegerField()
    cause = models.CharField(max_length=20, choices=Cause.choices)
    currency = CurrencyField()
    limit = AmountField(help_text="The largest amount of a break, without its sign.")
    expense_account = models.CharField(max_length=50)
    status = models.CharField(
        max_length=12, choices=ResolutionStatus.choices, default=ResolutionStatus.PROPOSED
    )
    created_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "match_type__entity_id").as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["match_type", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["match_type", "number"], name="one_resolution_rule_per_number"
            ),
            models.UniqueConstraint(
                fields=["match_type", "cause", "currency"],
                condition=Q(status="in_force"),
                name="one_resolution_rule_in_force",
            ),
            models.CheckConstraint(condition=Q(limit__gt=0), name="resolution_limit_above_zero"),
        ]

    def __str__(self) -> str:
        return f"rule {self.number}: {self.get_cause_display()} up to {self.limit} {self.currency}"
