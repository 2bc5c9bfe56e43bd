"""Templates, runs, tasks with their dependencies, and every attempt at a task."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.close.permissions import VIEW_CLOSE
from apps.close.scheduling import DependencyKind
from apps.close.states import DONE, AttemptStatus, RunStatus, TaskStatus
from apps.common.guards import append_only, audited
from apps.common.models import history, scoped_by

_user = settings.AUTH_USER_MODEL


@audited
class CloseTemplate(models.Model):
    """The plan of a close: tasks with the usual keys, and handler, owner and deadline."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=50)
    name = models.CharField(max_length=200)
    tasks = models.JSONField()
    version = models.PositiveIntegerField(default=1)

    objects = scoped_by(VIEW_CLOSE).as_manager()
    history = history()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entity", "code"], name="one_template_per_code")
        ]

    def __str__(self) -> str:
        return self.name


@audited
class CloseRun(models.Model):
    """One close of one period."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    template = models.ForeignKey(CloseTemplate, on_delete=models.PROTECT, related_name="runs")
    template_version = models.PositiveIntegerField()
    period = models.ForeignKey("ledger.Period", on_delete=models.PROTECT, related_name="close_runs")
    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.OPEN)
    opened_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(db_default=Now(), editable=False)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = scoped_by(VIEW_CLOSE).as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["period"], condition=Q(status="open"), name="one_open_run_per_period"
            )
        ]

    def __str__(self) -> str:
        return f"Close of {self.period}"


@audited
class CloseTask(models.Model):
    """One step of a run; its status is the only thing that changes much."""

    run = models.ForeignKey(CloseRun, on_delete=models.PROTECT, related_name="tasks")
    key = models.CharField(max_length=80)
    position = models.PositiveIntegerField(help_text="Order in the template.")
    name = models.CharField(max_length=200)
    handler = models.CharField(max_length=80, blank=True, default="")
    parameters = models.JSONField(default=dict, blank=True)
    is_automated = models.BooleanField(help_text="False: it waits for people.")
    duration_estimate_minutes = models.PositiveIntegerField()
    owner_role = models.CharField(max_length=20)
    owner = models.ForeignKey(_user, on_delete=models.PROTECT, null=True, related_name="+")
    due_at = models.DateTimeField()
    status = models.CharField(max_length=25, choices=TaskStatus.choices, default=TaskStatus.PENDING)
    note = models.TextField(
        blank=True, default="", help_text="Warning, root cause, or what was done by hand."
    )
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    completed_by = models.ForeignKey(_user, on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(auto_now=True)

    objects = scoped_by(VIEW_CLOSE, "run__entity_id").as_manager()
    history = history()

    class Meta:
        ordering: ClassVar = ["run", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "key"], name="one_task_per_key")
        ]
        indexes: ClassVar = [models.Index(fields=["status"], name="task_status")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_done(self) -> bool:
        return self.status in DONE


@append_only()
class TaskDependency(models.Model):
    """`task` waits for `predecessor`."""

    task = models.ForeignKey(CloseTask, on_delete=models.PROTECT, related_name="dependencies")
    predecessor = models.ForeignKey(CloseTask, on_delete=models.PROTECT, related_name="successors")
    kind = models.CharField(
        max_length=15,
        choices=[(kind.value, kind.value.replace("_", "-")) for kind in DependencyKind],
        default=DependencyKind.FINISH_START.value,
    )
    lag_minutes = models.PositiveIntegerField(default=0)
    is_hard = models.BooleanField(default=True)

    objects = scoped_by(VIEW_CLOSE, "task__run__entity_id").as_manager()

    class Meta:
        verbose_name_plural = "task dependencies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["task", "predecessor", "kind"], name="one_dependency_per_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task_id} after {self.predecessor_id}"


@audited
class TaskAttempt(models.Model):
    """One try at an automated task, counted before the work begins."""

    task = models.ForeignKey(CloseTask, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    status = models.CharField(
        max_length=12, choices=AttemptStatus.choices, default=AttemptStatus.RUNNING
    )
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    summary = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=50, blank=True, default="")
    error_message = models.TextField(blank=True, default="")

    objects = scoped_by(VIEW_CLOSE, "task__run__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["task", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "number"], name="one_attempt_per_number"),
            models.UniqueConstraint(
                fields=["task"], condition=Q(status="running"), name="one_running_attempt"
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} at {self.task_id}"


@append_only()
class TaskApproval(models.Model):
    """A task waits for this approval request."""

    task = models.ForeignKey(CloseTask, on_delete=models.PROTECT, related_name="approvals")
    attempt = models.ForeignKey(TaskAttempt, on_delete=models.PROTECT, related_name="approvals")
    request = models.ForeignKey("approvals.Request", on_delete=models.PROTECT, related_name="+")

    objects = scoped_by(VIEW_CLOSE, "task__run__entity_id").as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attempt", "request"], name="one_wait_per_request")
        ]

    def __str__(self) -> str:
        return f"{self.task_id} waits for {self.request_id}"
