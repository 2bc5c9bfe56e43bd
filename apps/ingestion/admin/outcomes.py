"""What came in, in the admin: looked at here."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.ingestion.admin.seen import SeenAdmin, SeenInline
from apps.ingestion.models import (
    Amendment,
    Batch,
    FailedImport,
    LineCorrection,
    Pull,
    PullAttempt,
    Record,
    RejectedLine,
)
from apps.ingestion.selectors import holds_bank_accounts, record_shown, records_named


class RejectedLineInline(SeenInline):
    model = RejectedLine
    fields = ("line", "field", "reason")
    readonly_fields = fields


@admin.register(Batch)
class BatchAdmin(SeenAdmin):
    list_display = (
        "filename",
        "source",
        "starts_on",
        "ends_on",
        "line_count",
        "added_count",
        "amended_count",
        "rejected_count",
        "imported_at",
        "imported_by",
        "page",
    )
    list_filter = ("source", "entity", "format")
    list_select_related = ("source", "imported_by")
    search_fields = ("filename", "sha256")
    date_hierarchy = "imported_at"
    inlines = (RejectedLineInline,)
    exclude = ("statements",)  # with the keyed hashes of accounts; the page shows them

    @admin.display(description="Page")
    def page(self, batch: Batch) -> str:
        return format_html('<a href="{}">Open</a>', reverse("ingestion:batch", args=[batch.pk]))


@admin.register(Record)
class RecordAdmin(SeenAdmin):
    list_display = ("external_id", "source", "booked_on", "amount", "currency", "reference", "file")
    list_filter = ("source", "currency")
    list_select_related = ("source", "batch")
    search_fields = ("=external_id", "=reference")
    date_hierarchy = "booked_on"
    fields = (
        "entity",
        "source",
        "file",
        "line",
        "external_id",
        "account_shown",
        "booked_on",
        "value_on",
        "amount",
        "currency",
        "reference",
        "counterparty",
        "narrative",
        "attributes",
        "occurrence",
    )
    readonly_fields = fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            frame = records_named(source_ids=[found.source_id], record_ids=[found.pk])
            found.shown = record_shown(
                frame.row(0, named=True),
                actor=found.seen_by,
                source=found.source,
                are_bank_accounts=holds_bank_accounts(found.source),
            )
        return found

    @admin.display(description="File")
    def file(self, record: Record) -> str:
        url = reverse("ingestion:batch", args=[record.batch_id])
        return format_html(
            '<a href="{}?from={}">{}, line {}</a>',
            url,
            record.line,
            record.batch.filename,
            record.line,
        )

    @admin.display(description="Account")
    def account_shown(self, record: Any) -> str:
        return str(record.shown["account"])

    @admin.display(description="Counterparty")
    def counterparty(self, record: Any) -> str:
        return str(record.shown["counterparty"])

    @admin.display(description="Narrative")
    def narrative(self, record: Any) -> str:
        return str(record.shown["narrative"])

    @admin.display(description="Other columns")
    def attributes(self, record: Any) -> str:
        return json.dumps(record.shown["attributes"], ensure_ascii=False)


@admin.register(Amendment)
class AmendmentAdmin(SeenAdmin):
    list_display = ("record", "source", "supersedes", "file")
    list_filter = ("record__source",)
    list_select_related = ("record__source", "record__batch", "supersedes")
    search_fields = ("=record__external_id",)

    @admin.display(description="Source")
    def source(self, amendment: Amendment) -> str:
        return str(amendment.record.source)

    @admin.display(description="File")
    def file(self, amendment: Amendment) -> str:
        return str(amendment.record.batch)


class PullAttemptInline(SeenInline):
    model = PullAttempt
    fields = ("number", "status", "started_at", "ended_at", "failure_code", "failure_message")
    readonly_fields = fields


@admin.register(Pull)
class PullAdmin(SeenAdmin):
    list_display = (
        "source",
        "period",
        "starts_on",
        "ends_on",
        "status",
        "failure_message",
        "asked_at",
        "asked_by",
        "batch",
    )
    list_filter = ("source", "entity", "status", "failure_code")
    list_select_related = ("source", "asked_by", "batch")
    search_fields = ("source__code", "failure_message")
    date_hierarchy = "asked_at"
    inlines = (PullAttemptInline,)


@admin.register(PullAttempt)
class PullAttemptAdmin(SeenAdmin):
    list_display = ("pull", "number", "status", "started_at", "ended_at", "failure_message")
    list_filter = ("status", "failure_code")
    list_select_related = ("pull",)


@admin.register(RejectedLine)
class RejectedLineAdmin(SeenAdmin):
    list_display = ("batch", "line", "field", "reason")
    list_filter = ("batch__source", "field")
    list_select_related = ("batch",)
    search_fields = ("batch__filename",)


@admin.register(LineCorrection)
class LineCorrectionAdmin(SeenAdmin):
    list_display = ("rejected_line", "batch", "reason", "corrected_by", "corrected_at", "page")
    list_filter = ("batch__source",)
    list_select_related = ("rejected_line__batch", "batch", "corrected_by")
    date_hierarchy = "corrected_at"
    exclude = ("changes",)  # the page shows them, masked

    @admin.display(description="Page")
    def page(self, correction: LineCorrection) -> str:
        url = reverse("ingestion:rejected-line", args=[correction.rejected_line_id])
        return format_html('<a href="{}">Open</a>', url)


@admin.register(FailedImport)
class FailedImportAdmin(SeenAdmin):
    list_display = ("filename", "source", "code", "message", "line", "failed_at", "imported_by")
    list_filter = ("source", "entity", "code")
    list_select_related = ("source", "imported_by")
    search_fields = ("filename", "sha256")
    date_hierarchy = "failed_at"
