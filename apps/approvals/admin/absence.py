"""Leave, working hours and delegations: planned and taken back, never edited."""

from __future__ import annotations

from django.contrib import admin

from apps.approvals.forms.absence import AdminDelegationForm, AdminLeaveForm
from apps.approvals.forms.hours import AdminHoursForm
from apps.approvals.models import (
    Delegation,
    Leave,
    WorkingHours,
)
from apps.approvals.permissions import (
    DELEGATE,
    MANAGE_ABSENCES,
    VIEW_ABSENCES,
)
from apps.approvals.services import (
    cancel_leave,
    end_hours,
    revoke_delegation,
)
from apps.common.admin import ServiceAdmin, service_action


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

    cancel = service_action(cancel_leave, "leave_id", "Cancel selected leaves", done="cancelled")


@admin.register(WorkingHours)
class WorkingHoursAdmin(ServiceAdmin):
    """Hours are set and ended, never edited: new ones take the place of those before."""

    view_permission = VIEW_ABSENCES
    add_permission = MANAGE_ABSENCES
    add_form = AdminHoursForm
    list_display = ("person", "in_words", "created_by", "set_at", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("person", "created_by")
    search_fields = ("person__username",)
    actions = ("end",)

    end = service_action(end_hours, "hours_id", "End selected hours", done="ended")


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

    revoke = service_action(
        revoke_delegation, "delegation_id", "Revoke selected delegations", done="revoked"
    )
