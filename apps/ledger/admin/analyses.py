"""Account analyses and their thresholds in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from apps.common.admin import ServiceAdmin, ServiceForm, WindowInline
from apps.ledger import services
from apps.ledger.admin.base import LedgerAdmin
from apps.ledger.models import (
    AccountAnalysis,
    AnalysisItem,
    AnalysisThreshold,
    AnalysisVersion,
)
from apps.ledger.permissions import SET_THRESHOLD


class VersionInline(WindowInline):
    model = AnalysisVersion
    fields = ("number", "opening", "debit", "credit", "prepared_by", "prepared_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("prepared_by")


class ItemInline(WindowInline):
    model = AnalysisItem
    fields = ("number", "description", "amount", "reference", "dated_on", "support_type")
    readonly_fields = fields


@admin.register(AccountAnalysis)
class AccountAnalysisAdmin(LedgerAdmin):
    list_display = ("label", "entity", "currency", "status", "version")
    list_filter = ("status", "entity", "period")
    list_select_related = ("entity", "period", "account")
    search_fields = ("account__code", "account__name")
    inlines = (VersionInline,)

    def view_on_site(self, obj: AccountAnalysis) -> str:
        """Signing, withdrawing and writing have their pages."""
        return reverse("ledger:analysis", args=[obj.pk])


@admin.register(AnalysisVersion)
class AnalysisVersionAdmin(LedgerAdmin):
    list_display = ("analysis", "number", "closing", "prepared_by", "prepared_at")
    list_select_related = ("analysis__period", "analysis__account", "prepared_by")
    inlines = (ItemInline,)


@admin.register(AnalysisItem)
class AnalysisItemAdmin(LedgerAdmin):
    list_display = ("version", "number", "description", "amount", "reference", "dated_on")
    list_select_related = ("version",)
    search_fields = ("description", "reference")


class ThresholdForm(ServiceForm):
    """A threshold from now on."""

    class Meta:
        model = AnalysisThreshold
        fields: ClassVar = ("account", "currency", "difference", "change")

    def carry_out(self, facts: dict[str, Any]) -> AnalysisThreshold:
        return services.set_threshold(
            account_id=facts["account"].pk,
            currency=facts["currency"],
            difference=facts["difference"],
            change=facts["change"],
            actor=self.actor,
        )


@admin.register(AnalysisThreshold)
class AnalysisThresholdAdmin(LedgerAdmin, ServiceAdmin):
    add_form = ThresholdForm
    add_permission = SET_THRESHOLD
    list_display = ("account", "currency", "difference", "change", "set_by", "set_at")
    list_filter = ("account__entity", "currency")
    list_select_related = ("account", "set_by")
    search_fields = ("account__code", "account__name")
