"""Scoring runs, the entries they flagged (facts), and what people decided about them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.analytics.permissions import VIEW_ANOMALIES
from apps.analytics.states import Disposition
from apps.common.guards import append_only, audited
from apps.common.models import history, scoped_by

_user = settings.AUTH_USER_MODEL


@append_only()
class ScoringRun(models.Model):
    """One scoring of a period's entries, with everything it depended on."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    period = models.ForeignKey(
        "ledger.Period", on_delete=models.PROTECT, related_name="scoring_runs"
    )
    parameters = models.JSONField(help_text="All parameters of the measures.")
    versions = models.JSONField(help_text="Version of each measure.")
    input_digest = models.CharField(max_length=64, help_text="SHA-256 over parameters and lines.")
    line_count = models.PositiveIntegerField()
    history_count = models.PositiveIntegerField()
    entry_count = models.PositiveIntegerField()
    flagged_count = models.PositiveIntegerField()
    unscored = models.JSONField(help_text="What a measure could not score, and why.")
    scored_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    scored_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_ANOMALIES).as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"Scoring {self.pk} of {self.period}"


@append_only()
class AnomalyScore(models.Model):
    """An entry that stands out: its score and why."""

    run = models.ForeignKey(ScoringRun, on_delete=models.PROTECT, related_name="scores")
    entry = models.ForeignKey(
        "ledger.JournalEntry", on_delete=models.PROTECT, related_name="anomaly_scores"
    )
    score = models.DecimalField(max_digits=6, decimal_places=5, help_text="0 to 1.")
    reasons = models.JSONField()

    objects = scoped_by(VIEW_ANOMALIES, "run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["run", "-score", "entry"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "entry"], name="one_score_per_entry")
        ]

    def __str__(self) -> str:
        return f"{self.entry.label} ({self.score:.2f})"


@audited
class AnomalyReview(models.Model):
    """What was decided about an entry that stood out."""

    score = models.OneToOneField(AnomalyScore, on_delete=models.PROTECT, related_name="review")
    disposition = models.CharField(
        max_length=10, choices=Disposition.choices, default=Disposition.OPEN
    )
    comment = models.TextField(blank=True, default="")
    reviewed_by = models.ForeignKey(
        _user, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True, editable=False)
    taken_over_from = models.ForeignKey(
        AnomalyScore,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The same anomaly of the scoring before, where people said this.",
    )
    version = models.PositiveIntegerField(default=1)

    _history_user: Any  # set by services: whose hand the history shows
    objects = scoped_by(VIEW_ANOMALIES, "score__run__entity_id").as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_disposition_display()}: {self.score_id}"
