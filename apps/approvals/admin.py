"""Approvals in the admin: policies are put in force and retired, everything else is looked at."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from unfold.admin import TabularInline

from apps.approvals.forms import LimitForm, PolicyForm, RateForm
from apps.approvals.forms.absence import AdminDelegationForm, AdminLeaveForm
from apps.approvals.models import (
    Attachment,
    Conflict,
    Decision,
    Delegation,
    Escalation,
    ExchangeRate,
    Leave,
    Limit,
    Notice,
    Policy,
    Request,
    StageClock,
)
from apps.approvals.permissions import (
    DELEGATE,
    MANAGE_ABSENCES,
    MANAGE_LIMITS,
    MANAGE_POLICIES,
    VIEW_ABSENCES,
    VIEW_LIMITS,
    VIEW_POLICIES,
    VIEW_REQUESTS,
)
from apps.approvals.selectors import stage_in_words
from apps.approvals.services import (
    cancel_leave,
    retire_limit,
    retire_policy,
    revoke_delegation,
)
from apps.common.admin import ServiceAdmin, WindowAdmin, run_each


@admin.register(Policy)
class PolicyAdmin(ServiceAdmin):
    """A policy is never edited: a new version for the same range replaces it."""

    view_permission = VIEW_POLICIES
    add_permission = MANAGE_POLICIES
    add_form = PolicyForm
    list_display = (
        "item_type",
        "entity",
        "currency",
        "least_amount",
        "below_amount",
        "steps",
        "version",
        "in_force_at",
        "retired_at",
    )
    list_filter = ("entity", "item_type", ("retired_at", admin.EmptyFieldListFilter))
    list_select_related = ("entity",)
    search_fields = ("item_type",)
    actions = ("retire",)
    add_fields: ClassVar = (
        "entity",
        "item_type",
        "currency",
        ("least_amount", "below_amount"),
        ("stage_1_role", "stage_1_people", "stage_1_count"),
        ("stage_2_role", "stage_2_people", "stage_2_count"),
        ("stage_3_role", "stage_3_people", "stage_3_count"),
        "needs_comment",
        "attestation_text",
        "due_after_hours",
        ("escalation_1_role", "escalation_1_people"),
        ("escalation_2_role", "escalation_2_people"),
        "expires_after_days",
        "evidence_kinds",
        "resolution_required",
    )

    @admin.display(description="Who approves")
    def steps(self, policy: Policy) -> str:
        return ", then ".join(stage_in_words(stage) for stage in policy.stages)

    @admin.action(description="Retire selected policies", permissions=["manage"])
    def retire(self, request: HttpRequest, queryset: models.QuerySet[Policy]) -> None:
        actor: Any = request.user
        run_each(
            request,
            queryset,
            lambda policy: retire_policy(policy_id=policy.pk, actor=actor),
            done="retired",
        )


@admin.register(Limit)
class LimitAdmin(ServiceAdmin):
    """A limit is never edited: a new one of the same holder and kind replaces it."""

    view_permission = VIEW_LIMITS
    add_permission = MANAGE_LIMITS
    add_form = LimitForm
    list_display = (
        "item_type",
        "entity",
        "role",
        "user",
        "amount",
        "currency",
        "starts_on",
        "ends_on",
        "retired_at",
    )
    list_filter = ("entity", "item_type", "role", ("retired_at", admin.EmptyFieldListFilter))
    list_select_related = ("entity", "user")
    search_fields = ("item_type", "user__username")
    actions = ("retire",)

    @admin.action(description="Retire selected limits", permissions=["manage"])
    def retire(self, request: HttpRequest, queryset: models.QuerySet[Limit]) -> None:
        actor: Any = request.user
        run_each(
            request,
            queryset,
            lambda limit: retire_limit(limit_id=limit.pk, actor=actor),
            done="retired",
        )


@admin.register(ExchangeRate)
class ExchangeRateAdmin(ServiceAdmin):
    """Rates are entered, never changed."""

    view_permission = VIEW_LIMITS
    add_permission = MANAGE_LIMITS
    add_form = RateForm
    list_display = ("entity", "currency", "quote", "quoted_on", "rate", "source", "entered_by")
    list_filter = ("entity", "currency", "quote")
    list_select_related = ("entity", "entered_by")
    date_hierarchy = "quoted_on"


@admin.register(Leave)
class LeaveAdmin(ServiceAdmin):
    """Leave is planned and cancelled, never edited."""

    view_permission = VIEW_ABSENCES
    add_permission = MANAGE_ABSENCES
    add_form = AdminLeaveForm
    list_display = ("person", "starts_on", "ends_on", "created_by", "cancelled_at")
    list_filter = (("cancelled_at", admin.EmptyFieldListFilter),)
    list_select_related = ("person", "created_by")
    search_fields = ("person__username",)
    date_hierarchy = "starts_on"
    actions = ("cancel",)

    @admin.action(description="Cancel selected leaves", permissions=["manage"])
    def cancel(self, request: HttpRequest, queryset: models.QuerySet[Leave]) -> None:
        actor: Any = request.user
        run_each(
            request,
            queryset,
            lambda leave: cancel_leave(leave_id=leave.pk, actor=actor),
            done="cancelled",
        )


@admin.register(Delegation)
class DelegationAdmin(ServiceAdmin):
    """Delegations are made and revoked, never edited."""

    view_permission = VIEW_ABSENCES
    add_permission = DELEGATE
    add_form = AdminDelegationForm
    list_display = (
        "delegator",
        "delegate",
        "entity",
        "item_type",
        "cap_amount",
        "cap_currency",
        "starts_on",
        "ends_on",
        "revoked_at",
    )
    list_filter = ("entity", "item_type", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("entity", "delegator", "delegate")
    search_fields = ("delegator__username", "delegate__username")
    date_hierarchy = "starts_on"
    actions = ("revoke",)

    @admin.action(description="Revoke selected delegations", permissions=["manage"])
    def revoke(self, request: HttpRequest, queryset: models.QuerySet[Delegation]) -> None:
        actor: Any = request.user
        run_each(
            request,
            queryset,
            lambda made: revoke_delegation(delegation_id=made.pk, actor=actor),
            done="revoked",
        )


class _PartOfRequest(TabularInline):
    """What belongs to a request, to look at."""

    can_delete = False
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DecisionInline(_PartOfRequest):
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


class ConflictInline(_PartOfRequest):
    model = Conflict
    fields = ("user",)
    readonly_fields = fields


class AttachmentInline(_PartOfRequest):
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
    list_display = ("request", "person", "kind", "noted_at", "read_at")
    list_filter = ("kind",)
    list_select_related = ("request", "person")
    search_fields = ("request__title", "person__username")
    date_hierarchy = "noted_at"
