"""Runs and what they found: facts, stored once."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.common.bulk_checks import holds_at_once, refers_at_once, unique_at_once
from apps.common.guards import append_only, audited
from apps.common.models import ScopedQuerySet, history, scoped_by
from apps.common.money import AmountField, CurrencyField
from apps.reconciliation.models.setup import MatchType, RuleSetVersion
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.states import UNDER_WAY, RevisionKind, RunStatus, Side

_user = settings.AUTH_USER_MODEL


_Scoped = models.Manager.from_queryset(ScopedQuerySet)


class _Standing(_Scoped):
    """The rows that nobody took back; a model's `ever` has the others too."""


class StandingGroups(_Standing):
    _queryset_class = scoped_by(VIEW_RUNS, "run__entity_id")

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(revocation__isnull=True)


class StandingBreaks(_Standing):
    _queryset_class = scoped_by(VIEW_RUNS, "run__entity_id")

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(closure__isnull=True)


class StandingBreakItems(_Standing):
    _queryset_class = scoped_by(VIEW_RUNS, "broken__run__entity_id")

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(broken__closure__isnull=True)


class RunQuerySet(ScopedQuerySet):
    view_permission = VIEW_RUNS

    def live(self) -> Self:
        """Runs whose outcome stands."""
        return self.filter(status=RunStatus.COMPLETED)


@audited
class Run(models.Model):
    """One reconciliation of one match type over some days."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    match_type = models.ForeignKey(MatchType, on_delete=models.PROTECT, related_name="runs")
    rule_set = models.ForeignKey(RuleSetVersion, on_delete=models.PROTECT, related_name="+")
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="Also the day on which ages are counted.")
    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.QUEUED)
    input_digest = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 over rules, dates and items."
    )
    outcome_digest = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 over groups and breaks."
    )
    left_count = models.PositiveIntegerField(default=0, help_text="With what was carried in.")
    right_count = models.PositiveIntegerField(default=0, help_text="With what was carried in.")
    carried_left_count = models.PositiveIntegerField(default=0)
    carried_right_count = models.PositiveIntegerField(default=0)
    group_count = models.PositiveIntegerField(default=0)
    break_count = models.PositiveIntegerField(default=0)
    proof = models.JSONField(default=list, blank=True, help_text="The proof, by currency.")
    requested_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    failure = models.TextField(blank=True, default="")
    division = models.TextField(
        blank=True,
        default="",
        help_text="Into which shards it was split, or why into none; empty: it is small.",
    )
    due_on = models.DateField(
        null=True, blank=True, help_text="By when its breaks are to be worked; a new run keeps it."
    )

    objects = RunQuerySet.as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["match_type", "ends_on", "status"], name="run_by_day")
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="run_not_empty"),
            models.UniqueConstraint(
                fields=["match_type", "starts_on", "ends_on"],
                condition=Q(status="completed"),
                name="one_live_run_per_days",
            ),
            models.UniqueConstraint(
                fields=["match_type", "starts_on", "ends_on"],
                condition=Q(status__in=UNDER_WAY),
                name="one_queued_run_per_days",
            ),
            models.UniqueConstraint(
                fields=["match_type"],
                condition=Q(status=RunStatus.RUNNING),
                name="one_running_run_per_match_type",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.match_type} {self.starts_on} to {self.ends_on}"


@append_only()
class LearnedWeights(models.Model):
    """What a run learned for a fuzzy pass that gives no weights; later runs of the version use it.

    The run that had candidates first decides: weights learned anew from other items would match
    otherwise, and a rerun is to change nothing.
    """

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="learned")
    rule_set = models.ForeignKey(RuleSetVersion, on_delete=models.PROTECT, related_name="learned")
    pass_name = models.CharField(max_length=100)
    weights = models.JSONField(help_text="In bits, as the rules take them.")
    learned_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "run__entity_id").as_manager()

    class Meta:
        verbose_name_plural = "learned weights"
        ordering: ClassVar = ["rule_set", "pass_name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule_set", "pass_name"], name="learned_once")
        ]

    def __str__(self) -> str:
        return f"weights of {self.pass_name}, {self.rule_set}"

    @property
    def levels(self) -> list[tuple[str, dict[str, str]]]:
        """What the levels of each field are worth."""
        return [(name, levels) for name, levels in self.weights.items() if name != "prior"]


@append_only()
class Revision(models.Model):
    """What somebody changed in an outcome, and why; everything that follows names it."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=15, choices=RevisionKind.choices)
    reason = models.TextField()
    outcome_digest = models.CharField(max_length=64, help_text="Of the outcome after it.")
    revised_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    revised_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_RUNS, "run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["run", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "number"], name="one_revision_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason}"


@append_only()
@refers_at_once("group")
class GroupRevocation(models.Model):
    """A group that somebody took back; its items are open since."""

    group = models.OneToOneField(
        "reconciliation.MatchGroup",
        on_delete=models.PROTECT,
        related_name="revocation",
        db_constraint=False,
    )
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="revocations")

    objects = scoped_by(VIEW_RUNS, "revision__run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.group_id} revoked"


@append_only()
@refers_at_once("run")
@refers_at_once("revision")
@holds_at_once("left_ids", "right_ids", of="ingestion.Record")
@unique_at_once("number", owner="run", near="number")
class MatchGroup(models.Model):
    """Items that belong together, by which pass, and why.

    Its items are the records that it names: each with its whole amount.
    """

    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, related_name="groups", db_index=False, db_constraint=False
    )
    number = models.PositiveIntegerField()
    pass_name = models.CharField(max_length=100)
    status = models.CharField(max_length=10, help_text="automatic, suggested or forced")
    currency = CurrencyField()
    left_total = AmountField()
    right_total = AmountField()
    difference = AmountField()
    left_ids = ArrayField(models.BigIntegerField(), help_text="Records of the left, ascending.")
    right_ids = ArrayField(models.BigIntegerField(), help_text="Records of the right, ascending.")
    reasons = models.JSONField()
    revision = models.ForeignKey(
        "reconciliation.Revision",
        on_delete=models.PROTECT,
        null=True,
        related_name="groups_made",
        db_index=False,
        db_constraint=False,
        help_text="By which people made it by hand; empty: the rules did.",
    )

    objects = StandingGroups()
    ever = scoped_by(VIEW_RUNS, "run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["run", "number"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(difference=F("left_total") - F("right_total")),
                name="group_difference_adds_up",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["run", "number"], name="group_by_number")]

    def __str__(self) -> str:
        return f"group {self.number}"

    @property
    def members(self) -> list[tuple[Side, int]]:
        """Side and id of each record, the left ones first."""
        sides = ((Side.LEFT, self.left_ids), (Side.RIGHT, self.right_ids))
        return [(side, pk) for side, ids in sides for pk in ids]

    @property
    def record_ids(self) -> frozenset[int]:
        """The records, whatever their side."""
        return frozenset((*self.left_ids, *self.right_ids))


@append_only()
@refers_at_once("run")
@refers_at_once("revision")
class Break(models.Model):
    """What stayed open, its cause, and the evidence that decided it."""

    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, related_name="breaks", db_index=False, db_constraint=False
    )
    number = models.PositiveIntegerField()
    cause = models.CharField(max_length=20)
    state = models.CharField(max_length=10, help_text="awaited, missing or mismatched")
    currency = CurrencyField()
    left_total = AmountField()
    right_total = AmountField()
    amount = AmountField(help_text="Left total less right total.")
    is_material = models.BooleanField()
    reason = models.TextField()
    evidence = models.JSONField()
    revision = models.ForeignKey(
        "reconciliation.Revision",
        on_delete=models.PROTECT,
        null=True,
        related_name="breaks_made",
        db_index=False,
        db_constraint=False,
        help_text="By which people made it; empty: the rules did.",
    )

    objects = StandingBreaks()
    ever = scoped_by(VIEW_RUNS, "run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["run", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "number"], name="one_break_per_number"),
            models.CheckConstraint(
                condition=Q(amount=F("left_total") - F("right_total")),
                name="break_amount_adds_up",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["cause"], name="break_by_cause")]

    def __str__(self) -> str:
        return f"break {self.number}: {self.cause}"


@append_only()
@refers_at_once("broken")
@refers_at_once("record")
class BreakItem(models.Model):
    """A record in a break."""

    broken = models.ForeignKey(
        Break, on_delete=models.PROTECT, related_name="items", db_index=False, db_constraint=False
    )
    record = models.ForeignKey(
        "ingestion.Record",
        on_delete=models.PROTECT,
        related_name="break_items",
        db_constraint=False,
    )
    side = models.CharField(max_length=5, choices=Side.choices)

    objects = StandingBreakItems()
    ever = scoped_by(VIEW_RUNS, "broken__run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["broken", "side", "record"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["broken", "record"], name="one_break_item_per_record")
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.record_id}"


@append_only()
class BreakClosure(models.Model):
    """A break that no longer stands: its items were matched by hand, split or explained anew."""

    broken = models.OneToOneField(Break, on_delete=models.PROTECT, related_name="closure")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="closures")

    objects = scoped_by(VIEW_RUNS, "revision__run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.broken_id} closed"
