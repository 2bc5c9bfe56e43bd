"""Pulls of sources, and each try at one. They move on, with an audit event each time."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.common.guards import audited
from apps.common.models import scoped_by
from apps.ingestion.models.batches import Batch, FailedImport
from apps.ingestion.models.sources import Source
from apps.ingestion.permissions import VIEW_SOURCES
from apps.ingestion.states import OPEN_PULLS, AttemptStatus, PullStatus

_user = settings.AUTH_USER_MODEL


@audited
class Pull(models.Model):
    """A source is to be fetched by its connector: what was asked for, and what became of it."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="pulls")
    period = models.CharField(max_length=20, help_text="Name of the period, for {period}.")
    starts_on = models.DateField()
    ends_on = models.DateField()
    slot_at = models.DateTimeField(
        null=True, blank=True, help_text="When the schedule wanted it; empty if somebody asked."
    )
    status = models.CharField(max_length=13, choices=PullStatus.choices, default=PullStatus.WAITING)
    due_at = models.DateTimeField(help_text="Not tried before.")
    try_count = models.PositiveSmallIntegerField(default=0, help_text="Since it was asked for.")
    asked_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    failure_code = models.CharField(max_length=50, blank=True, default="")
    failure_message = models.TextField(blank=True, default="")
    failure_remedy = models.TextField(blank=True, default="")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, null=True, blank=True, related_name="pulls"
    )
    failed_import = models.ForeignKey(
        FailedImport, on_delete=models.PROTECT, null=True, blank=True, related_name="pulls"
    )

    objects = scoped_by(VIEW_SOURCES).as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "slot_at"], name="one_pull_per_slot"),
            models.UniqueConstraint(
                fields=["source", "starts_on", "ends_on"],
                condition=models.Q(status__in=OPEN_PULLS),
                name="one_open_pull_per_window",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], name="pull_open", condition=models.Q(status__in=OPEN_PULLS)
            ),
            models.Index(fields=["source", "-id"], name="pull_by_source"),
        ]

    def __str__(self) -> str:
        return f"pull {self.pk} of {self.source_id}"


@audited
class PullAttempt(models.Model):
    """One try at a pull, counted before it begins."""

    pull = models.ForeignKey(Pull, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    status = models.CharField(
        max_length=13, choices=AttemptStatus.choices, default=AttemptStatus.RUNNING
    )
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    failure_code = models.CharField(max_length=50, blank=True, default="")
    failure_message = models.TextField(blank=True, default="")

    objects = scoped_by(VIEW_SOURCES, "pull__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["pull", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pull", "number"], name="one_pull_attempt_per_number"),
            models.UniqueConstraint(
                fields=["pull"],
                condition=models.Q(status=AttemptStatus.RUNNING),
                name="one_running_pull_attempt",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} at {self.pull_id}"
