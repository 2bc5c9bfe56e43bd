"""The ledger in the admin: looked at here, changed through the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin import helpers
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from apps.common.admin import ServiceAdmin, ServiceForm, WindowAdmin, WindowInline, run_each
from apps.identity.context import actor_of
from apps.identity.models import Entity
from apps.ledger import services
from apps.ledger.models import (
    Account,
    AccountAnalysis,
    AnalysisItem,
    AnalysisThreshold,
    AnalysisVersion,
    Currency,
    FiscalCalendar,
    JournalEntry,
    JournalLine,
    Period,
    PeriodReopening,
)
from apps.ledger.permissions import (
    CLOSE_PERIOD,
    MANAGE_CHART,
    OPEN_PERIOD,
    POST_ENTRY,
    SET_THRESHOLD,
    SUBMIT_ENTRY,
    VIEW_LEDGER,
)
from apps.ledger.selectors import period_summary


class LedgerAdmin(WindowAdmin):
    """What the ledger's admin pages share."""

    view_permission = VIEW_LEDGER

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "entity":
            kwargs["queryset"] = Entity.objects.visible_to(actor_of(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return _may(request, MANAGE_CHART)

    def has_open_permission(self, request: HttpRequest) -> bool:
        return _may(request, OPEN_PERIOD)

    def has_close_permission(self, request: HttpRequest) -> bool:
        return _may(request, CLOSE_PERIOD)

    def has_submit_permission(self, request: HttpRequest) -> bool:
        return _may(request, SUBMIT_ENTRY)

    def has_post_permission(self, request: HttpRequest) -> bool:
        return _may(request, POST_ENTRY)


@admin.register(Currency)
class CurrencyAdmin(LedgerAdmin):
    list_display = ("code", "name", "exponent")
    list_filter = ("exponent",)
    search_fields = ("code", "name")


class AccountForm(ServiceForm):
    """A new account."""

    class Meta:
        model = Account
        fields: ClassVar = ("entity", "code", "name", "type", "normal_balance")

    def carry_out(self, facts: dict[str, Any]) -> Account:
        return services.define_account(
            entity_id=facts["entity"].pk,
            code=facts["code"],
            name=facts["name"],
            account_type=facts["type"],
            normal_balance=facts["normal_balance"],
            actor=self.actor,
        )


@admin.register(Account)
class AccountAdmin(LedgerAdmin, ServiceAdmin):
    add_form = AccountForm
    add_permission = MANAGE_CHART
    change_permission = MANAGE_CHART
    list_display = ("code", "name", "entity", "type", "normal_balance", "is_active")
    list_filter = ("entity", "type", "is_active")
    list_select_related = ("entity",)
    search_fields = ("code", "name")
    fields = ("entity", "code", "name", "type", "normal_balance")
    actions = ("retire_selected", "reinstate_selected")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and self.has_change_permission(request, obj):
            return ("entity", "code", "type", "normal_balance")
        return super().get_readonly_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Only the name changes; a new account was saved by its form."""
        if change:
            services.rename_account(account_id=obj.pk, name=obj.name, actor=actor_of(request))

    @admin.action(description="Retire selected accounts", permissions=["manage"])
    def retire_selected(self, request: HttpRequest, queryset: Any) -> None:
        actor = actor_of(request)
        run_each(
            request,
            queryset,
            lambda row: services.retire_account(account_id=row.pk, actor=actor),
            done="retired",
        )

    @admin.action(description="Reinstate selected accounts", permissions=["manage"])
    def reinstate_selected(self, request: HttpRequest, queryset: Any) -> None:
        actor = actor_of(request)
        run_each(
            request,
            queryset,
            lambda row: services.reinstate_account(account_id=row.pk, actor=actor),
            done="reinstated",
        )


class CalendarForm(ServiceForm):
    """A new calendar, with the fiscal year to begin with."""

    year = forms.IntegerField(label="First fiscal year", widget=UnfoldAdminIntegerFieldWidget)

    class Meta:
        model = FiscalCalendar
        fields: ClassVar = (
            "entity",
            "name",
            "pattern",
            "starts_month",
            "starts_day",
            "ends_month",
            "ends_weekday",
            "year_end",
            "is_named_by_start",
        )

    def carry_out(self, facts: dict[str, Any]) -> FiscalCalendar:
        year = facts.pop("year")
        return services.define_calendar(
            entity_id=facts["entity"].pk,
            name=facts["name"],
            rule=FiscalCalendar(**facts).rule(),
            year=year,
            actor=self.actor,
        )


class PeriodInline(WindowInline):
    model = Period
    fields = ("name", "starts_on", "ends_on", "status")
    readonly_fields = fields
    ordering = ("-starts_on",)


@admin.register(FiscalCalendar)
class FiscalCalendarAdmin(LedgerAdmin, ServiceAdmin):
    add_form = CalendarForm
    add_permission = MANAGE_CHART
    list_display = ("name", "entity", "pattern")
    list_filter = ("pattern",)
    list_select_related = ("entity",)
    inlines = (PeriodInline,)
    actions = ("add_next_year",)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()

    @admin.action(description="Add the next fiscal year", permissions=["manage"])
    def add_next_year(self, request: HttpRequest, queryset: Any) -> None:
        actor = actor_of(request)

        def add(calendar: FiscalCalendar) -> None:
            latest = calendar.periods.aggregate(models.Max("fiscal_year"))["fiscal_year__max"]
            services.add_fiscal_year(calendar_id=calendar.pk, year=latest + 1, actor=actor)

        run_each(request, queryset, add, done="extended by a year")


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

    @admin.action(description="Soft-close selected periods", permissions=["close"])
    def soft_close_selected(self, request: HttpRequest, queryset: Any) -> None:
        actor = actor_of(request)
        run_each(
            request,
            queryset,
            lambda row: services.soft_close_period(period_id=row.pk, actor=actor),
            done="soft-closed",
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

    @admin.action(description="Archive selected periods", permissions=["close"])
    def archive_selected(self, request: HttpRequest, queryset: Any) -> None:
        actor = actor_of(request)
        run_each(
            request,
            queryset,
            lambda row: services.archive_period(period_id=row.pk, actor=actor),
            done="archived",
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

    @admin.action(description="Submit selected entries", permissions=["submit"])
    def submit_selected(self, request: HttpRequest, queryset: Any) -> None:
        _each_entry(request, queryset, services.submit_entry, "submitted")

    @admin.action(description="Post selected entries", permissions=["post"])
    def post_selected(self, request: HttpRequest, queryset: Any) -> None:
        _each_entry(request, queryset, services.post_entry, "posted")


@admin.register(JournalLine)
class JournalLineAdmin(LedgerAdmin):
    list_display = ("entry", "line_number", "account", "debit", "credit", "currency", "reference")
    list_filter = ("currency", "account")
    list_select_related = ("entry__period", "account")
    search_fields = ("reference", "entry__external_id")


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

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "account":
            kwargs["queryset"] = Account.objects.visible_to(actor_of(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def _each_entry(
    request: HttpRequest, queryset: Any, service: Callable[..., Any], done: str
) -> None:
    """One service call per entry, in the order in which they were written."""
    actor = actor_of(request)
    run_each(
        request,
        queryset.order_by("pk"),
        lambda row: service(entry_id=row.pk, actor=actor),
        done=done,
    )


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


def _may(request: HttpRequest, permission: str) -> bool:
    return bool(actor_of(request).may(permission))
