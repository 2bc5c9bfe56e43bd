from django.contrib import admin

from apps.common.admin import WindowAdmin
from apps.operations.models import IdempotentAnswer, OutboxMessage
from apps.operations.permissions import VIEW_OPERATIONS


@admin.register(OutboxMessage)
class OutboxMessageAdmin(WindowAdmin):
    view_permission = VIEW_OPERATIONS
    list_display = ("id", "task", "queued_at", "delivered_at")
    list_filter = ("task",)
    search_fields = ("key",)


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(WindowAdmin):
    view_permission = VIEW_OPERATIONS
    list_display = ("key", "actor", "status", "answered_at")
    exclude = ("body",)
