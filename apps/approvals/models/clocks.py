"""By when people have to decide, and who was added because they did not."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.approvals.models.requests import Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.common.guards import append_only
from apps.common.models import scoped_by


@append_only()
class StageClock(models.Model):
    """The instants of one step, frozen when it starts and again when it is escalated."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="clocks")
    stage = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField(help_text="How often the step was escalated before.")
    started_at = models.DateTimeField()
    half_at = models.DateTimeField(help_text="Half of the time is over: the first reminder.")
    late_at = models.DateTimeField(help_text="Three quarters are over: the second.")
    due_at = models.DateTimeField(help_text="All of it is over: escalation.")
    basis = models.JSONField(
        default=dict,
        help_text="What it was counted from: the hours, how many were needed, and whose days and"
        " hours they were. Empty: before that was kept, the company's.",
    )

    objects = scoped_by(VIEW_REQUESTS, "request__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request", "stage", "round"], name="one_clock_per_step_and_round"
            )
        ]

    def __str__(self) -> str:
        return f"step {self.stage + 1} of request {self.request_id}, due {self.due_at}"


@append_only()
class Escalation(models.Model):
    """An authority that was added to a step because nobody decided in time."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="escalations")
    stage = models.PositiveSmallIntegerField()
    number = models.PositiveSmallIntegerField(help_text="Its place in the policy's path, from 1.")
    added = models.JSONField(help_text='{"role": "controller"} or {"people": ["connie"]}')
    escalated_at = models.DateTimeField()

    objects = scoped_by(VIEW_REQUESTS, "request__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request", "stage", "number"], name="one_escalation_per_step_and_number"
            )
        ]

    def __str__(self) -> str:
        return f"escalation {self.number} of step {self.stage + 1} of request {self.request_id}"
