"""Journal entries and their lines in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from apps.common.admin import WindowInline, service_action
from apps.ledger import services
from apps.ledger.admin.base import LedgerAdmin
from apps.ledger.models import JournalEntry, JournalLine


class LineInline(WindowInline):
    model = JournalLine
    fields = ("line_number", "account", "debit", "credit", "currency", "reference", "narrative")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("account")


@admin.register(JournalEntry)
class JournalEntryAdmin(LedgerAdmin):
    list_display = ("label", "entity", "posted_on", "status", "kind", "description", "prepared_by")
    list_filter = ("status", "kind", "entity", "period")
    list_select_related = ("entity", "period", "prepared_by")
    search_fields = ("description", "external_id")
    date_hierarchy = "posted_on"
    inlines = (LineInline,)
    actions = ("submit_selected", "post_selected")

    def view_on_site(self, obj: JournalEntry) -> str:
        """Changing, withdrawing and reversing have their page."""
        return reverse("ledger:entry", args=[obj.pk])

    submit_selected = service_action(
        services.submit_entry,
        "entry_id",
        "Submit selected entries",
        done="submitted",
        permission="submit",
    )
    post_selected = service_action(
        services.post_entry, "entry_id", "Post selected entries", done="posted", permission="post"
    )


@admin.register(JournalLine)
class JournalLineAdmin(LedgerAdmin):
    list_display = ("entry", "line_number", "account", "debit", "credit", "currency", "reference")
    list_filter = ("currency", "account")
    list_select_related = ("entry__period", "account")
    search_fields = ("reference", "entry__external_id")
