"""Policies, limits and rates: put in force and retired, never edited."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest

from apps.approvals.forms.setup import LimitForm, PolicyForm, RateForm
from apps.approvals.models import (
    ExchangeRate,
    Limit,
    Policy,
)
from apps.approvals.permissions import (
    MANAGE_LIMITS,
    MANAGE_POLICIES,
    VIEW_LIMITS,
    VIEW_POLICIES,
)
from apps.approvals.selectors import limits_replaced_by, stage_in_words
from apps.approvals.services import (
    retire_limit,
    retire_policy,
)
from apps.common.admin import ServiceAdmin, service_action


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
        ("stage_1_role", "stage_1_people", "stage_1_count", "stage_1_review"),
        ("stage_2_role", "stage_2_people", "stage_2_count", "stage_2_review"),
        ("stage_3_role", "stage_3_people", "stage_3_count", "stage_3_review"),
        "needs_comment",
        "attestation_text",
        "due_after_hours",
        ("escalation_1_role", "escalation_1_people"),
        ("escalation_2_role", "escalation_2_people"),
        "expires_after_days",
        "evidence_kinds",
        "resolution_required",
        "bulk_allowed",
    )

    @admin.display(description="Who approves")
    def steps(self, policy: Policy) -> str:
        return ", then ".join(stage_in_words(stage) for stage in policy.stages)

    retire = service_action(retire_policy, "policy_id", "Retire selected policies", done="retired")


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

    def save_model(self, request: HttpRequest, obj: Limit, form: Any, change: bool) -> None:
        """Tell what it replaced: somebody else may have defined that a moment ago."""
        super().save_model(request, obj, form, change)
        for former in limits_replaced_by(obj):
            messages.warning(
                request, f"It takes the place of “{former}”, which {former.created_by} defined."
            )

    retire = service_action(retire_limit, "limit_id", "Retire selected limits", done="retired")


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
