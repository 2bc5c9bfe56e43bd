"""What people say and do about what a run found."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.common.bulk_checks import refers_at_once
from apps.common.guards import append_only, audited
from apps.common.models import history, scoped_by
from apps.common.money import AmountField, CurrencyField
from apps.reconciliation.models.outcomes import Break, GroupRevocation, MatchGroup, Run
from apps.reconciliation.models.resolutions import ResolutionRule
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.states import Cause, ReviewStatus

_user = settings.AUTH_USER_MODEL


@audited
class BreakReview(models.Model):
    """What people say of a break: explained by one, accepted by another."""

    broken = models.OneToOneField(Break, on_delete=models.PROTECT, related_name="review")
    status = models.CharField(
        max_length=10, choices=ReviewStatus.choices, default=ReviewStatus.OPEN
    )
    comment = models.TextField(blank=True, default="")
    explained_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    accepted_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    taken_over_from = models.ForeignKey(
        Break,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The same break of the run before, where people said this.",
    )
    changed_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1)

    objects = scoped_by(VIEW_RUNS, "broken__run__entity_id").as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(explained_by=None)
                | Q(accepted_by=None)
                | ~Q(explained_by=F("accepted_by")),
                name="explained_and_accepted_by_two",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()}: {self.broken_id}"


@append_only()
class BreakAssignment(models.Model):
    """A break given to somebody; the newest counts, before the owner of its match type."""

    broken = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="assignments")
    owner = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    assigned_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "broken__run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.broken_id} to {self.owner_id}"


@append_only()
class RematchPermit(models.Model):
    """Somebody said that the records of a revoked group may be matched by rules again."""

    revocation = models.OneToOneField(
        GroupRevocation, on_delete=models.PROTECT, related_name="permit"
    )
    reason = models.TextField()
    permitted_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    permitted_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "revocation__revision__run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.revocation_id} may be matched again"


@append_only()
class Correction(models.Model):
    """A label to learn from: the cause that was given, the right one, who says so and why."""

    broken = models.OneToOneField(Break, on_delete=models.PROTECT, related_name="correction")
    successor = models.OneToOneField(Break, on_delete=models.PROTECT, related_name="corrected")
    from_cause = models.CharField(max_length=20)
    to_cause = models.CharField(max_length=20, choices=Cause.choices)
    reason = models.TextField()
    evidence = models.JSONField(help_text="What the rules had gone by.")
    corrected_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    corrected_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "broken__run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(from_cause=F("to_cause")), name="correction_changes_the_cause"
            )
        ]

    def __str__(self) -> str:
        return f"{self.from_cause} to {self.to_cause}"


@append_only()
@refers_at_once("group")
class WriteOff(models.Model):
    """A break, or the difference inside a match by hand, that a journal entry books away."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="write_offs")
    broken = models.ForeignKey(
        Break, on_delete=models.PROTECT, null=True, related_name="write_offs"
    )
    group = models.ForeignKey(
        MatchGroup,
        on_delete=models.PROTECT,
        null=True,
        related_name="write_offs",
        db_constraint=False,
    )
    rule = models.ForeignKey(
        ResolutionRule,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="By which rule it was proposed; empty: by a person.",
    )
    entry = models.ForeignKey("ledger.JournalEntry", on_delete=models.PROTECT, related_name="+")
    currency = CurrencyField()
    amount = AmountField(help_text="Left less right, as the break or the group has it.")
    reason = models.TextField()
    proposed_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "run__entity_id").as_manager()

    class Meta:
        verbose_name = "write-off"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(broken__isnull=True) ^ Q(group__isnull=True),
                name="write_off_of_break_or_group",
            ),
            models.UniqueConstraint(fields=["broken", "entry"], name="break_once_in_an_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
