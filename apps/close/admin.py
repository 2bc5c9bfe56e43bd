"""The close in the admin: a window, and the actions that services offer."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from apps.close.models import (
    CloseRun,
    CloseTask,
    CloseTemplate,
    TaskApproval,
    TaskAttempt,
    TaskDependency,
)
from apps.close.permissions import VIEW_CLOSE
from apps.close.services import retry_task
from apps.common.admin import WindowAdmin, service_action


@admin.register(CloseTemplate)
class CloseTemplateAdmin(WindowAdmin):
    view_permission = VIEW_CLOSE
    list_display = ("code", "name", "entity", "version", "task_count")

    @admin.display(description="Tasks")
    def task_count(self, template: CloseTemplate) -> int:
        return len(template.tasks)


@admin.register(CloseRun)
class CloseRunAdmin(WindowAdmin):
    view_permission = VIEW_CLOSE
    list_display = ("period", "entity", "template", "status", "opened_by", "opened_at", "board")
    list_filter = ("status", "entity")
    list_select_related = ("period", "entity", "template", "opened_by")

    @admin.display(description="Board")
    def board(self, run: CloseRun) -> str:
        return format_html('<a href="{}">Open</a>', reverse("close:run", args=[run.pk]))


@admin.register(CloseTask)
class CloseTaskAdmin(WindowAdmin):
    view_permission = VIEW_CLOSE
    list_display = ("name", "run", "status", "owner", "due_at", "started_at", "completed_at")
    list_filter = ("status", "owner_role", "run__entity")
    search_fields = ("name", "key", "note")
    list_select_related = ("run__period", "owner")
    actions: ClassVar = ["retry"]

    retry = service_action(
        retry_task, "task_id", "Try again", done="queued again", permission="view"
    )


@admin.register(TaskAttempt)
class TaskAttemptAdmin(WindowAdmin):
    view_permission = VIEW_CLOSE
    list_display = ("task", "number", "status", "started_at", "finished_at", "error_code")
    list_filter = ("status",)
    list_select_related = ("task",)


@admin.register(TaskDependency)
class TaskDependencyAdmin(WindowAdmin):
    view_permission = VIEW_CLOSE
    list_display = ("task", "predecessor", "kind", "lag_minutes", "is_hard")
    list_select_related = ("task", "predecessor")


@admin.register(TaskApproval)
class TaskApprovalAdmin(WindowAdmin):
    view_permission = VIEW_CLOSE
    list_display = ("task", "attempt", "request")
    list_select_related = ("task", "attempt", "request")
