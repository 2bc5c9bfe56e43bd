"""Waivers, to look at; signing and revoking have their page."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse

from apps.approvals.models import Waiver
from apps.approvals.permissions import VIEW_REQUESTS
from apps.common.admin import WindowAdmin


@admin.register(Waiver)
class WaiverAdmin(WindowAdmin):
    view_permission = VIEW_REQUESTS
    list_display = (
        "person",
        "entity",
        "item_type",
        "starts_on",
        "ends_on",
        "proposed_by",
        "signed_by",
        "revoked_at",
    )
    list_filter = ("entity", "item_type", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("entity", "person", "proposed_by", "signed_by")
    search_fields = ("person__username", "reason")
    date_hierarchy = "starts_on"

    def view_on_site(self, obj: Waiver) -> str:
        return reverse("approvals:waivers")
