"""Sources in the admin: set up through the services."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminPasswordWidget

from apps.common.admin import ServiceAdmin, ServiceForm, service_action
from apps.common.forms import StrictJSONField
from apps.identity.context import actor_of
from apps.identity.models import Entity
from apps.ingestion import services
from apps.ingestion.admin.seen import SeenAdmin
from apps.ingestion.connectors import CONNECTORS
from apps.ingestion.formats import FORMATS
from apps.ingestion.models import (
    Source,
)
from apps.ingestion.permissions import IMPORT_FILE, MANAGE_SOURCES
from apps.privacy.classification import Classification
from apps.privacy.masking import shown_to

_FORMATS = [("", "Recognised from the content"), *((known.name, known.title) for known in FORMATS)]
_CONNECTORS = [("", "None: files are uploaded"), *((one.name, one.title) for one in CONNECTORS)]
_CHANGING = ("mapping", "connector", "connector_settings", "schedule")
_TYPED = ("new_credentials", "seen_version")
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
    new_credentials = StrictJSONField(
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text='JSON such as {"password": "..."}. Empty keeps those that are there, {} drops'
        " them.",
    )

    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Source
        fields: ClassVar = ("mapping", "connector", "connector_settings", "schedule")
        field_classes: ClassVar = {
            "mapping": StrictJSONField,
            "connector_settings": StrictJSONField,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen_version"].initial = self.instance.version

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
            expected_version=facts["seen_version"],
        )


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
                *(_TYPED if self.has_change_permission(request, obj) else ()),
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
        user = actor_of(request)
        return bool(user.may(IMPORT_FILE))

    pull_selected = service_action(
        services.ask_pull,
        "source_id",
        "Pull selected sources now",
        done="asked for",
        permission="pull",
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
        return format_html('<a class="text-primary-600" href="{}">Preview on a file</a>', url)

    retire_selected = service_action(
        services.retire_source,
        "source_id",
        "Retire selected sources",
        done="retired",
        permission="retire",
    )
