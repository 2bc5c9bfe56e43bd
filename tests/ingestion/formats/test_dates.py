"""Dates as written: never shifted, and day and month never guessed."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ingestion.formats.dates import (
    clamped_date,
    date_of,
    dates_of,
    known_dates,
    parse_iso_date,
)
from apps.ingestion.formats.errors import AmbiguousDates


def column_dates(cells: list[str], date_format: str | None = None) -> list[date | None]:
    column = pl.Series(cells)
    known, _ = known_dates([column], date_format)
    return dates_of(column, known).to_list()


@pytest.mark.parametrize(
    "cell",
    [
        "2026-04-13",
        "2026/4/13",
        "2026.04.13",
        "20260413",
        "13.04.2026",
        "13.4.26",
        "13/04/2026",
        "04/13/2026",
        "13-4-2026",
        "4-13-2026",
        "13-Apr-2026",
        "13 APR 2026",
        "Apr 13, 2026",
        " 2026-04-13 ",
        "2026-04-13T23:59:59.000Z",
        "2026-04-13T00:00:00-08:00",
        "2026-04-13 10:11",
        "13/04/2026 11:59 PM",
        "4/13/2026, 9:00:00 AM",
    ],
)
def test_ways_to_write_a_date(cell):
    assert column_dates([cell, ""]) == [date(2026, 4, 13), None]


@pytest.mark.parametrize(
    "cells",
    [
        ["03/04/2026"],
        ["03-04-2026", "05-06-2026"],
        ["13-04-26"],
        ["13/04/2026", "04/13/2026"],
        ["13/04/2026", "04-13-2026"],
    ],
)
def test_day_and_month_either_way_round_are_refused(cells):
    with pytest.raises(AmbiguousDates):
        column_dates(cells)


def test_one_date_settles_the_order_for_all():
    assert column_dates(["03/04/2026", "13/04/2026"]) == [date(2026, 4, 3), date(2026, 4, 13)]
    assert column_dates(["03/04/2026", "04/13/2026"]) == [date(2026, 3, 4), date(2026, 4, 13)]


def test_columns_settle_the_order_for_each_other():
    booked, value = pl.Series(["03/04/2026"]), pl.Series(["13/04/2026"])

    known, formats = known_dates([booked, value], None)

    found = [dates_of(column, known).to_list() for column in (booked, value)]
    assert found == [[date(2026, 4, 3)], [date(2026, 4, 13)]]
    assert formats == "%d/%m/%Y"


def test_a_date_that_is_the_same_both_ways_round_is_no_riddle():
    assert column_dates(["05/05/2026"]) == [date(2026, 5, 5)]


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "99.99.2026", "0206-01-01", "9999-12-31", "26-4", "tomorrow", "45000"]
)
def test_what_is_no_date_is_none(cell):
    assert column_dates([cell, "2026-04-13"]) == [None, date(2026, 4, 13)]


def test_a_stated_format_is_the_only_one():
    cells = ["03/04/2026", "2026-04-03", "03/04/0026", " 04/04/2026"]

    assert column_dates(cells, "%m/%d/%Y") == [date(2026, 3, 4), None, None, date(2026, 4, 4)]
    assert column_dates(["13.04.2026 10:11"], "%d.%m.%Y %H:%M") == [date(2026, 4, 13)]


FORMATS = ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d", "%d-%b-%Y"]


@given(
    st.lists(st.dates(date(1970, 1, 1), date(2099, 12, 31)), min_size=1, max_size=20),
    st.sampled_from(FORMATS),
)
def test_dates_of_one_format_are_read_back_or_refused(days, written):
    cells = [day.strftime(written) for day in days]

    assert column_dates(cells, written) == days
    try:
        assert column_dates(cells) == days
    except AmbiguousDates:
        assert all(day.day <= 12 for day in days)


def test_iso_dates_and_instants_are_taken_as_written():
    for text in ("2026-04-07", "2026-04-07T23:30:00-11:00", "2026-04-07+01:00", " 2026-04-07Z"):
        assert parse_iso_date(text) == date(2026, 4, 7)


@pytest.mark.parametrize("text", ["", "07.04.2026", "2026-13-01", "2026-02-30", "1026-01-01"])
def test_iso_dates_that_are_none(text):
    with pytest.raises(ValueError, match="is"):
        parse_iso_date(text)


def test_a_day_past_the_month_is_its_last_day():
    assert clamped_date(2026, 2, 30) == date(2026, 2, 28)
    assert clamped_date(2024, 2, 30) == date(2024, 2, 29)
    assert clamped_date(2026, 4, 30) == date(2026, 4, 30)


@pytest.mark.parametrize(("month", "day"), [(13, 1), (0, 1), (1, 0), (1, 32)])
def test_other_impossible_days_stay_impossible(month, day):
    with pytest.raises(ValueError, match="calendar"):
        clamped_date(2026, month, day)
    with pytest.raises(ValueError, match="1970"):
        date_of(1969, 1, 1)
