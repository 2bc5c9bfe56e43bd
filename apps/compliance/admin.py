"""Controls and evidence packages in the admin: described through the service, else looked at."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.common.admin import ServiceAdmin, WindowAdmin
from apps.compliance.forms import ControlForm
from apps.compliance.models import Control, EvidencePackage
from apps.compliance.permissions import DOWNLOAD_EVIDENCE, MANAGE_CONTROLS, VIEW_EVIDENCE
from apps.compliance.states import Assertion
from apps.identity.context import actor_of


@admin.register(Control)
class ControlAdmin(ServiceAdmin):
    view_permission = VIEW_EVIDENCE
    add_permission = MANAGE_CONTROLS
    add_form = ControlForm
    list_display = (
        "identifier",
        "name",
        "entity",
        "nature",
        "automation",
        "is_key",
        "owner_role",
        "version",
    )
    list_filter = ("entity", "nature", "automation", "is_key", "owner_role")
    list_select_related = ("entity",)
    search_fields = ("identifier", "name", "objective", "risk")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ControlForm.Meta.fields
        replaced = {"assertions": "assertions_shown", "task_keys": "tasks_shown"}
        return (*(replaced.get(name, name) for name in ControlForm.Meta.fields), "version")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    @admin.display(description="Assertions")
    def assertions_shown(self, control: Control) -> str:
        return ", ".join(str(Assertion(value).label) for value in control.assertions)

    @admin.display(description="Close tasks")
    def tasks_shown(self, control: Control) -> str:
        return ", ".join(control.task_keys) or "—"


@admin.register(EvidencePackage)
class EvidencePackageAdmin(WindowAdmin):
    """Packages are made by the close, and never changed."""

    view_permission = VIEW_EVIDENCE
    list_display = (
        "close_run",
        "version",
        "entity",
        "made_by",
        "made_at",
        "root",
        "page",
        "download",
    )
    list_filter = ("entity", "close_run__period")
    list_select_related = ("entity", "close_run__period", "made_by")
    search_fields = ("manifest_root", "document_sha256")
    date_hierarchy = "made_at"
    fields = (
        "entity",
        "close_run",
        "version",
        "supersedes",
        "made_by",
        "made_at",
        "manifest_root",
        "content_sha256",
        "document_sha256",
        "document_size_bytes",
        "certificate_sha256",
        "manifest_shown",
        "download",
    )
    readonly_fields = fields

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._offered(request, self.list_display)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self._offered(request, self.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def _offered(self, request: HttpRequest, names: tuple[str, ...]) -> tuple[str, ...]:
        """Without the document for those who may not take it."""
        user = actor_of(request)
        return tuple(name for name in names if name != "download" or user.may(DOWNLOAD_EVIDENCE))

    def view_on_site(self, obj: EvidencePackage) -> str:
        """Checking has its page."""
        return reverse("compliance:package", args=[obj.pk])

    @admin.display(description="Manifest root")
    def root(self, package: EvidencePackage) -> str:
        return f"{package.manifest_root[:16]}…"

    @admin.display(description="Manifest")
    def manifest_shown(self, package: EvidencePackage) -> str:
        text = json.dumps(package.manifest, indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", text)

    @admin.display(description="Page")
    def page(self, package: EvidencePackage) -> str:
        return format_html('<a href="{}">Check</a>', self.view_on_site(package))

    @admin.display(description="Document")
    def download(self, package: EvidencePackage) -> str:
        return format_html(
            '<a href="{}" download>Download</a>', reverse("compliance:document", args=[package.pk])
        )
