"""Requests and all that belongs to them, to look at; deciding has its page."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse

from apps.approvals.models import (
    Attachment,
    Conflict,
    Consultation,
    Decision,
    Escalation,
    Notice,
    Opening,
    Opinion,
    Reassignment,
    Request,
    StageClock,
    Use,
)
from apps.approvals.permissions import VIEW_CONTROLS, VIEW_REQUESTS
from apps.common.admin import WindowAdmin, WindowInline


class DecisionInline(WindowInline):
    model = Decision
    fields = (
        "approver",
        "verdict",
        "stage",
        "role_at_time",
        "limit_amount",
        "comment",
        "decided_at",
    )
    readonly_fields = fields


class ConflictInline(WindowInline):
    model = Conflict
    fields = ("user",)
    readonly_fields = fields


class AttachmentInline(WindowInline):
    model = Attachment
    fields = ("kind", "filename", "size_bytes", "sha256", "attached_by", "attached_at")
    readonly_fields = fields


@admin.register(Request)
class RequestAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = (
        "title",
        "entity",
        "item_type",
        "amount",
        "currency",
        "maker",
        "status",
        "due_at",
    )
    list_filter = ("status", "item_type", "entity")
    list_select_related = ("entity", "maker")
    search_fields = ("title", "subject_id", "subject_hash")
    date_hierarchy = "requested_at"
    inlines = (DecisionInline, AttachmentInline, ConflictInline)

    def view_on_site(self, obj: Request) -> str:
        """Deciding has its page."""
        return reverse("approvals:request", args=[obj.pk])


@admin.register(StageClock)
class StageClockAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = ("request", "stage", "round", "started_at", "half_at", "late_at", "due_at")
    list_select_related = ("request",)
    search_fields = ("request__title",)
    date_hierarchy = "due_at"


@admin.register(Escalation)
class EscalationAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = ("request", "stage", "number", "added", "escalated_at")
    list_select_related = ("request",)
    search_fields = ("request__title",)
    date_hierarchy = "escalated_at"


@admin.register(Reassignment)
class ReassignmentAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = (
        "request",
        "stage",
        "from_person",
        "to_person",
        "reassigned_by",
        "reassigned_at",
    )
    list_select_related = ("request", "from_person", "to_person", "reassigned_by")
    search_fields = ("request__title", "from_person__username", "to_person__username")
    date_hierarchy = "reassigned_at"


@admin.register(Consultation)
class ConsultationAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = ("request", "stage", "person", "asked_by", "asked_at")
    list_select_related = ("request", "person", "asked_by")
    search_fields = ("request__title", "person__username", "question")
    date_hierarchy = "asked_at"


@admin.register(Opinion)
class OpinionAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = ("consultation", "given_at")
    list_select_related = ("consultation__person",)
    search_fields = ("consultation__request__title", "text")
    date_hierarchy = "given_at"


@admin.register(Use)
class UseAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = ("request", "used_by", "used_at")
    list_select_related = ("request", "used_by")
    search_fields = ("request__title", "used_by__username")
    date_hierarchy = "used_at"


@admin.register(Decision)
class DecisionAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = ("request", "approver", "verdict", "role_at_time", "decided_at")
    list_filter = ("verdict", "role_at_time")
    list_select_related = ("request", "approver")
    search_fields = ("request__title", "approver__username")
    date_hierarchy = "decided_at"


@admin.register(Attachment)
class AttachmentAdmin(WindowAdmin):
    """Facts only: the content is opened from the request's page, on record."""

    view_permission = VIEW_REQUESTS
    list_display = ("filename", "request", "kind", "size_bytes", "attached_by", "attached_at")
    list_filter = ("kind", "content_type")
    list_select_related = ("request", "attached_by")
    search_fields = ("filename", "sha256", "request__title")
    date_hierarchy = "attached_at"

    def view_on_site(self, obj: Attachment) -> str:
        return reverse("approvals:request", args=[obj.request_id])


@admin.register(Conflict)
class ConflictAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = ("request", "user")
    list_select_related = ("request", "user")
    search_fields = ("request__title", "user__username")


@admin.register(Notice)
class NoticeAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = ("title", "person", "kind", "noted_at", "read_at")
    list_filter = ("kind",)
    list_select_related = ("request", "waiver", "person")
    search_fields = ("request__title", "person__username")
    date_hierarchy = "noted_at"


@admin.register(Opening)
class OpeningAdmin(WindowAdmin):
    view_permission = VIEW_CONTROLS
    list_display = ("request", "person", "version", "opened_at")
    list_select_related = ("request", "person")
    search_fields = ("request__title", "person__username")
    date_hierarchy = "opened_at"
