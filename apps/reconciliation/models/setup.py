"""Match types and their rules: version by version, and from when each was in force."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.common.guards import append_only, audited
from apps.common.models import history, scoped_by
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.states import AdoptionBasis, Carries

_user = settings.AUTH_USER_MODEL


def default_ageing() -> list[int]:
    """0-30, 31-60, 61-90 and over 90 days."""
    return [30, 60, 90]


@audited
class MatchType(models.Model):
    """A configured reconciliation: which lines of which two sources are compared."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=50, db_index=False)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    left_source = models.ForeignKey(
        "ingestion.Source", on_delete=models.PROTECT, related_name="left_of"
    )
    left_accounts = models.JSONField(default=list, blank=True, help_text="Empty: all accounts.")
    right_source = models.ForeignKey(
        "ingestion.Source", on_delete=models.PROTECT, related_name="right_of"
    )
    right_accounts = models.JSONField(default=list, blank=True, help_text="Empty: all accounts.")
    carries = models.CharField(
        max_length=8,
        choices=Carries.choices,
        default=Carries.AWAITED,
        help_text="Which open items the next run takes up.",
    )
    owner = models.ForeignKey(
        _user,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who works its breaks, unless one is given to somebody else.",
    )
    sla_days = models.PositiveSmallIntegerField(
        default=5, help_text="Business days from the run until its breaks are due."
    )
    ageing_days = models.JSONField(
        default=default_ageing, help_text="Upper ends of the ageing buckets, in days."
    )

    objects = scoped_by(VIEW_RUNS).as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "code"], name="one_match_type_per_code")
        ]

    def __str__(self) -> str:
        return self.name


@append_only()
class RuleSetVersion(models.Model):
    """Rules of a match type as somebody proposed them; in force once they are adopted."""

    match_type = models.ForeignKey(MatchType, on_delete=models.PROTECT, related_name="rule_sets")
    number = models.PositiveIntegerField()
    rules = models.JSONField()
    digest = models.CharField(max_length=64)
    created_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "match_type__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["match_type", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["match_type", "number"], name="one_rule_set_per_number")
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


@append_only()
class RuleSetAdoption(models.Model):
    """From here on a version was in force; the newest adoption of a match type decides."""

    version = models.OneToOneField(
        RuleSetVersion, on_delete=models.PROTECT, related_name="adoption"
    )
    basis = models.CharField(max_length=10, choices=AdoptionBasis.choices)
    request = models.ForeignKey(
        "approvals.Request",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="The approval that let it take effect.",
    )
    adopted_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    adopted_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "version__match_type__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.version} in force since {self.adopted_at:%Y-%m-%d}"
