"""Currencies, accounts and fiscal calendars in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from apps.common.admin import ServiceAdmin, ServiceForm, WindowInline, run_each, service_action
from apps.identity.context import actor_of
from apps.ledger import services
from apps.ledger.admin.base import LedgerAdmin
from apps.ledger.models import Account, Currency, FiscalCalendar, Period
from apps.ledger.permissions import MANAGE_CHART


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

    retire_selected = service_action(
        services.retire_account, "account_id", "Retire selected accounts", done="retired"
    )
    reinstate_selected = service_action(
        services.reinstate_account, "account_id", "Reinstate selected accounts", done="reinstated"
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
