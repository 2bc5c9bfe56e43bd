"""Periods and their reopenings in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import helpers
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.common.admin import run_each, service_action
from apps.identity.context import actor_of
from apps.ledger import services
from apps.ledger.admin.base import LedgerAdmin
from apps.ledger.models import Period, PeriodReopening
from apps.ledger.selectors import period_summary


@admin.register(Period)
class PeriodAdmin(LedgerAdmin):
    list_display = ("name", "entity", "starts_on", "ends_on", "status", "closed_by", "closed_at")
    list_filter = ("entity", "status", "fiscal_year")
    list_select_related = ("entity", "closed_by")
    search_fields = ("name",)
    actions = ("open_selected", "soft_close_selected", "close_selected", "archive_selected")

    @admin.action(description="Open selected periods", permissions=["open"])
    def open_selected(self, request: HttpRequest, queryset: Any) -> None:
        actor = actor_of(request)
        run_each(
            request,
            queryset,
            lambda row: services.open_period(entity_id=row.entity_id, name=row.name, actor=actor),
            done="opened",
        )

    soft_close_selected = service_action(
        services.soft_close_period,
        "period_id",
        "Soft-close selected periods",
        done="soft-closed",
        permission="close",
    )

    @admin.action(description="Close selected periods…", permissions=["close"])
    def close_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Say in numbers what closing means, and close when it is confirmed."""
        if "confirmed" not in request.POST:
            return _ask_to_close(self, request, queryset)
        actor = actor_of(request)
        run_each(
            request,
            queryset,
            lambda row: services.close_period(period_id=row.pk, actor=actor),
            done="closed",
        )
        return None

    archive_selected = service_action(
        services.archive_period,
        "period_id",
        "Archive selected periods",
        done="archived",
        permission="close",
    )


@admin.register(PeriodReopening)
class PeriodReopeningAdmin(LedgerAdmin):
    """Asked for, opened and ended on their own page."""

    list_display = (
        "period",
        "number",
        "entity",
        "status",
        "asked_by",
        "expires_at",
        "opened_at",
        "ended_at",
    )
    list_filter = ("status", "ended_how", "period__entity")
    list_select_related = ("period__entity", "asked_by")
    search_fields = ("period__name", "reason")
    date_hierarchy = "asked_at"

    def view_on_site(self, obj: PeriodReopening) -> str:
        return reverse("ledger:reopening", args=[obj.pk])

    @admin.display(description="Entity")
    def entity(self, reopening: PeriodReopening) -> str:
        return str(reopening.period.entity)


def _ask_to_close(page: PeriodAdmin, request: HttpRequest, queryset: Any) -> HttpResponse:
    periods = [
        {"period": period, "summary": period_summary(period)}
        for period in queryset.select_related("entity").order_by("starts_on")
    ]
    context = {
        **page.admin_site.each_context(request),
        "title": "Close periods",
        "opts": page.model._meta,
        "periods": periods,
        "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "ledger/admin/close_periods.html", context)
