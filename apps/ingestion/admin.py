"""The imports in the admin: looked at here, set up through the services."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import TabularInline

from apps.common.admin import ServiceAdmin, ServiceForm, WindowAdmin, run_each
from apps.identity.models import Entity
from apps.ingestion import services
from apps.ingestion.connectors import CONNECTORS
from apps.ingestion.formats import FORMATS
from apps.ingestion.models import (
    Amendment,
    Batch,
    FailedImport,
    LineCorrection,
    Pull,
    PullAttempt,
    Record,
    RejectedLine,
    Source,
)
from apps.ingestion.permissions import IMPORT_FILE, MANAGE_SOURCES, VIEW_SOURCES
from apps.ingestion.selectors import holds_bank_accounts, record_shown, records_frame
from apps.privacy.classification import Classification
from apps.privacy.masking import shown_to

_FORMATS = [("", "Recognised from the content"), *((known.name, known.title) for known in FORMATS)]
_CONNECTORS = [("", "None: files are uploaded"), *((one.name, one.title) for one in CONNECTORS)]
_CHANGING = ("mapping", "connector", "connector_settings", "schedule")
_FIXED = ("entity", "code", "name", "format", "account", "drop_path", "is_active")


class SourceForm(ServiceForm):
    """A new source."""

    format = forms.ChoiceField(choices=_FORMATS, required=False)
    account_number = forms.CharField(
        max_length=50, required=False, help_text="Statements of other accounts are refused."
    )

    class Meta:
        model = Source
        fields: ClassVar = (
            "entity",
            "code",
            "name",
            "format",
            "mapping",
            "account_number",
            "drop_path",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entities: Any = self.fields["entity"]
        entities.queryset = Entity.objects.filter(pk__in=self.actor.entity_ids(MANAGE_SOURCES))

    def carry_out(self, facts: dict[str, Any]) -> Source:
        plain = {name: facts[name] for name in self.Meta.fields if name != "entity"}
        return services.define_source(entity_id=facts["entity"].pk, **plain, actor=self.actor)


class SetUpForm(ServiceForm):
    """Another mapping, connector or schedule for a source. Credentials go in and never out."""

    connector = forms.ChoiceField(choices=_CONNECTORS, required=False)
    new_credentials = forms.JSONField(
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text='JSON such as {"password": "..."}. Empty keeps those that are there, {} drops'
        " them.",
    )

    class Meta:
        model = Source
        fields: ClassVar = ("mapping", "connector", "connector_settings", "schedule")

    def carry_out(self, facts: dict[str, Any]) -> Source:
        given = facts.get("new_credentials")
        return services.set_up_source(
            source_id=self.instance.pk,
            mapping=facts["mapping"],
            connector=facts["connector"],
            connector_settings=facts["connector_settings"],
            credentials=given if self["new_credentials"].value() else None,
            schedule=facts["schedule"],
            actor=self.actor,
        )


class SeenAdmin(WindowAdmin):
    """Rows know who looks at them, so that what is confidential can be masked."""

    view_permission = VIEW_SOURCES

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_readonly_fields(request, obj)
        return [name for name in names if name not in (self.exclude or ())]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.seen_by = request.user
        return found


@admin.register(Source)
class SourceAdmin(SeenAdmin, ServiceAdmin):
    add_permission = MANAGE_SOURCES
    change_permission = MANAGE_SOURCES
    add_form = SourceForm
    list_display = ("name", "code", "entity", "format_shown", "is_active", "files", "page")
    list_filter = ("entity", "format", "is_active")
    list_select_related = ("entity",)
    search_fields = ("code", "name")
    actions = ("pull_selected", "retire_selected")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (
            SourceForm.Meta.fields
            if obj is None
            else (
                *_FIXED,
                *(("preview",) if self.has_change_permission(request, obj) else ()),
                *_CHANGING,
                *(("new_credentials",) if self.has_change_permission(request, obj) else ()),
            )
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        may_change = self.has_change_permission(request, obj)
        return (*_FIXED, "preview") if may_change else (*_FIXED, *_CHANGING)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is not None:
            kwargs["form"] = SetUpForm
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = request.user
        return form

    def has_pull_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.may(IMPORT_FILE))

    @admin.action(description="Pull selected sources now", permissions=["pull"])
    def pull_selected(self, request: HttpRequest, queryset: Any) -> None:
        actor: Any = request.user
        run_each(
            request,
            queryset,
            lambda row: services.ask_pull(source_id=row.pk, actor=actor),
            done="asked for",
        )

    def has_retire_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)

    @admin.display(description="Account number")
    def account(self, source: Any) -> str:
        return shown_to(
            source.seen_by,
            source.account_number,
            Classification.CONFIDENTIAL,
            entity_id=source.entity_id,
        )

    @admin.display(description="Format", ordering="format")
    def format_shown(self, source: Source) -> str:
        return source.format or "recognised"

    @admin.display(description="Files")
    def files(self, source: Source) -> str:
        url = reverse("admin:ingestion_batch_changelist")
        return format_html('<a href="{}?source__id__exact={}">Files</a>', url, source.pk)

    @admin.display(description="Page")
    def page(self, source: Source) -> str:
        return format_html('<a href="{}">Open</a>', reverse("ingestion:source", args=[source.pk]))

    @admin.display(description="Try a mapping")
    def preview(self, source: Source) -> str:
        url = reverse("ingestion:mapping", args=[source.pk])
        return format_html('<a href="{}">Preview on a file, then save</a>', url)

    @admin.action(description="Retire selected sources", permissions=["retire"])
    def retire_selected(self, request: HttpRequest, queryset: Any) -> None:
        actor: Any = request.user
        run_each(
            request,
            queryset,
            lambda row: services.retire_source(source_id=row.pk, actor=actor),
            done="retired",
        )


class SeenInline(TabularInline):
    """Rows below the row that they belong to, to be looked at."""

    can_delete = False
    extra = 0
    per_page = 50

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
            frame = records_frame(source_ids=[found.source_id], record_ids=[found.pk])
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
