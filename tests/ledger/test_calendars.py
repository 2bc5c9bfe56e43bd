"""Fiscal calendars: one per entity, with the periods of the years that were added."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.ledger.errors import (
    CalendarExists,
    FiscalCalendarInvalid,
    FiscalYearExists,
    PeriodMissing,
    TextInvalid,
)
from apps.ledger.fiscal import MonthCalendar, WeekCalendar, WeekPattern, YearEnd
from apps.ledger.models import FiscalCalendar, Period
from apps.ledger.selectors import period_for
from apps.ledger.services import add_fiscal_year, define_calendar

RULES = [
    MonthCalendar(),
    MonthCalendar(4, 6, is_named_by_start=True),
    *(WeekCalendar(pattern) for pattern in WeekPattern),
    WeekCalendar(WeekPattern.FOUR_FIVE_FOUR, 1, 5, YearEnd.NEAREST, is_named_by_start=True),
]


def define(entity: Any, actor: Any, **changes: Any) -> FiscalCalendar:
    facts = {"name": "Ours", "rule": MonthCalendar(), "year": 2023}
    return define_calendar(entity_id=entity.pk, actor=actor, **{**facts, **changes})


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_the_periods_of_the_year_are_those_of_the_rule(entity: Any, connie: Any, rule: Any) -> None:
    calendar = define(entity, connie, rule=rule)
    calendar.refresh_from_db()
    assert calendar.rule() == rule
    cut = [(p.name, p.starts_on, p.ends_on) for p in calendar.periods.order_by("starts_on")]
    assert cut == [tuple(period) for period in rule.periods(2023)]
    assert set(calendar.periods.values_list("status", flat=True)) == {"planned"}


def test_years_are_added_once(entity: Any, connie: Any) -> None:
    calendar = define(entity, connie)
    periods = add_fiscal_year(calendar_id=calendar.pk, year=2024, actor=connie)
    assert (periods[0].name, periods[1].ends_on) == ("2024-01", date(2024, 2, 29))
    with pytest.raises(FiscalYearExists):
        add_fiscal_year(calendar_id=calendar.pk, year=2024, actor=connie)
    assert Period.objects.count() == 24
    assert Event.objects.filter(action="ledger.calendar.add_year").count() == 2


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("alice", {}, NotPermitted),
        ("charlie", {}, NotVisible),
        ("connie", {"year": 1066}, FiscalCalendarInvalid),
        ("connie", {"year": 2200}, FiscalCalendarInvalid),
        ("connie", {"name": "x" * 101}, TextInvalid),
    ],
)
def test_refused_definitions_change_nothing(
    request: pytest.FixtureRequest,
    entity: Any,
    table_counts: Any,
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        define(entity, actor, **changes)
    assert table_counts() == before


def test_an_entity_has_one_calendar(entity: Any, connie: Any, table_counts: Any) -> None:
    define(entity, connie)
    before = table_counts()
    with pytest.raises(CalendarExists):
        define(entity, connie, year=2024)
    assert table_counts() == before


@pytest.mark.parametrize(("who", "refusal"), [("alice", NotPermitted), ("charlie", NotVisible)])
def test_others_add_no_year(
    request: pytest.FixtureRequest, entity: Any, connie: Any, who: str, refusal: type[Refusal]
) -> None:
    calendar = define(entity, connie)
    with pytest.raises(refusal):
        add_fiscal_year(calendar_id=calendar.pk, year=2024, actor=request.getfixturevalue(who))
    assert Period.objects.count() == 12


def test_the_period_of_a_day(books: Any, other_books: Any) -> None:
    assert period_for(books.pk, date(2023, 4, 1)).name == "2023-04"
    assert period_for(books.pk, date(2023, 4, 30)).entity == books
    with pytest.raises(PeriodMissing):
        period_for(books.pk, date(2022, 12, 31))
