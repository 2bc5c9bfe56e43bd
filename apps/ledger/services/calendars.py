"""Fiscal calendars and the periods that they cut."""

from __future__ import annotations

from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.identity.models import User
from apps.ledger.errors import CalendarExists, FiscalCalendarInvalid, FiscalYearExists
from apps.ledger.fiscal import MonthCalendar, WeekCalendar
from apps.ledger.locks import hold_chart
from apps.ledger.models import MONTHS, FiscalCalendar, Period
from apps.ledger.permissions import MANAGE_CHART
from apps.ledger.services.drafts import require_text
from apps.ledger.services.scope import visible_calendar, visible_entity

_YEARS = range(1900, 2200)


@transaction.atomic
def define_calendar(
    *,
    entity_id: int,
    name: str,
    rule: MonthCalendar | WeekCalendar,
    year: int,
    actor: User,
) -> FiscalCalendar:
    """Give the entity its fiscal calendar, with the planned periods of one fiscal year.

    Args:
        rule: how years are cut; `MonthCalendar()` is the calendar year by months.
        year: the fiscal year whose periods are made; further ones by `add_fiscal_year`.

    Raises:
        NotVisible, NotPermitted: not this actor.
        CalendarExists: the entity has one.
        FiscalCalendarInvalid: the year is out of range.
        TextInvalid: the name is too long.
    """
    entity = visible_entity(entity_id, actor)
    authorize(actor, MANAGE_CHART, entity_id=entity.pk)
    hold_chart(entity.pk)
    if FiscalCalendar.objects.filter(entity=entity).exists():
        raise CalendarExists
    calendar = FiscalCalendar(entity=entity, name=require_text(FiscalCalendar, "name", name))
    _describe(calendar, rule)
    calendar._history_user = actor
    calendar.save()
    record(
        actor=actor,
        action="ledger.calendar.define",
        subject=calendar,
        pattern=calendar.pattern,
    )
    _add_periods(calendar, year, actor)
    return calendar


@transaction.atomic
def add_fiscal_year(*, calendar_id: int, year: int, actor: User) -> list[Period]:
    """Make the planned periods of another fiscal year.

    Raises:
        NotVisible, NotPermitted: not this actor.
        FiscalYearExists: they are there.
        FiscalCalendarInvalid: the year is out of range.
    """
    calendar = visible_calendar(calendar_id, actor)
    authorize(actor, MANAGE_CHART, entity_id=calendar.entity_id)
    hold_chart(calendar.entity_id)
    return _add_periods(calendar, year, actor)


def _describe(calendar: FiscalCalendar, rule: MonthCalendar | WeekCalendar) -> None:
    """Write the rule into the calendar's columns."""
    calendar.is_named_by_start = rule.is_named_by_start
    if isinstance(rule, MonthCalendar):
        calendar.pattern = MONTHS
        calendar.starts_month, calendar.starts_day = rule.starts_month, rule.starts_day
        return
    calendar.pattern = rule.pattern.value
    calendar.ends_month, calendar.ends_weekday = rule.ends_month, rule.ends_weekday
    calendar.year_end = rule.year_end.value


def _add_periods(calendar: FiscalCalendar, year: int, actor: User) -> list[Period]:
    if year not in _YEARS:
        raise FiscalCalendarInvalid(f"There is no fiscal year {year} here.", field="year")
    if calendar.periods.filter(fiscal_year=year).exists():
        raise FiscalYearExists(field="year")
    periods = [
        Period(
            entity_id=calendar.entity_id,
            calendar=calendar,
            fiscal_year=year,
            name=cut.name,
            starts_on=cut.starts_on,
            ends_on=cut.ends_on,
        )
        for cut in calendar.rule().periods(year)
    ]
    for period in periods:
        period._history_user = actor
        period.save()
    record(
        actor=actor,
        action="ledger.calendar.add_year",
        subject=calendar,
        year=year,
        periods=[period.name for period in periods],
    )
    return periods
