"""A run while its shards are at work. All of it goes when the run has ended."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from apps.common.guards import unguarded
from apps.common.models import scoped_by
from apps.reconciliation.models.outcomes import Run
from apps.reconciliation.permissions import VIEW_RUNS

_WORK = "work under way, gone when the run has ended; what it led to is on record with the run"


@unguarded(_WORK)
class ShardPlan(models.Model):
    """How a run is split, and which records it takes: those that were there when it was planned."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="plan")
    key = models.CharField(max_length=60, help_text="What decides in which shard a record is.")
    pass_count = models.PositiveSmallIntegerField(help_text="The passes that shards carry out.")
    batch_ids = models.JSONField(help_text="By side: the batches that were there.")
    carried_ids = models.JSONField(help_text="By side: records left over by the run before.")
    taken_ids = models.JSONField(help_text="By side: records that people have matched by hand.")
    hand_digest = models.CharField(max_length=64, help_text="SHA-256 over what people did.")
    planned_at = models.DateTimeField(db_default=Now(), editable=False)
    handed_at = models.DateTimeField(
        db_default=Now(), editable=False, help_text="When work on it was last handed to workers."
    )
    attempt_count = models.PositiveSmallIntegerField(
        default=0, help_text="Tries to finish the run, counted before the work."
    )

    objects = scoped_by(VIEW_RUNS, "run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"shards of run {self.run_id}"


@unguarded(_WORK)
class Shard(models.Model):
    """A part of a run's records that one worker matches."""

    plan = models.ForeignKey(ShardPlan, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveSmallIntegerField()
    left_count = models.PositiveIntegerField()
    right_count = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 over the ids of its records.")
    attempt_count = models.PositiveSmallIntegerField(
        default=0, help_text="Counted before the work."
    )
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    objects = scoped_by(VIEW_RUNS, "plan__run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["plan", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "number"], name="one_shard_per_number")
        ]

    def __str__(self) -> str:
        return f"shard {self.number}"

    @property
    def row_count(self) -> int:
        """Records of both sides."""
        return self.left_count + self.right_count

    def file_name(self, attempt: int) -> str:
        """Where the storage has what an attempt found."""
        return f"reconciliation/shards/{self.plan_id}/{self.number}-{attempt}"

    @property
    def items_name(self) -> str:
        """Where the storage has its records, if a worker read them with those of its own shard."""
        return f"reconciliation/shards/{self.plan_id}/{self.number}-items"
