"""The generator: the same bytes every time, and refusals where it would write nonsense."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.practice.company import money, render_files
from apps.practice.company.__main__ import main
from apps.practice.company.bench import Bench, Wanted, Window
from apps.practice.company.dice import Dice
from apps.practice.company.disturbances import change_rate
from apps.practice.company.facts import Book, Entry, Item, Kind, Line, MatchType, Pair
from apps.practice.company.workdays import Month, is_workday, workday_from, workday_until
from tests.practice.company.plain_reader import FIXTURES

CENTS = st.integers(-10_000_000_000, 10_000_000_000)
MARCH = Month(2023, 3)
ROOT = Path(__file__).parents[3]


def _files_below(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def rendered() -> dict[str, bytes]:
    return render_files()


def test_the_committed_files_are_what_the_generator_writes(rendered):
    assert _files_below(FIXTURES) == rendered


def test_the_command_writes_the_same_files_in_another_zone_and_hash_order(tmp_path):
    environment = {**os.environ, "TZ": "Pacific/Auckland", "PYTHONHASHSEED": "4711"}
    command = [sys.executable, "-m", "apps.practice.company", str(tmp_path / "out")]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert _files_below(tmp_path / "out") == _files_below(FIXTURES)


def test_the_command_says_what_it_wrote_and_leaves_other_files_alone(tmp_path, capsys, rendered):
    (tmp_path / "notes.txt").write_text("mine")
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"
    size = sum(len(content) for content in rendered.values())
    assert capsys.readouterr().out == f"29 files, {size:,} bytes\n"


def test_the_files_are_small_enough_to_commit():
    assert sum(len(content) for content in _files_below(FIXTURES).values()) < 6_000_000


def test_an_entry_that_does_not_balance_is_refused_and_not_recorded():
    book = Book()
    entry = _entry(date(2023, 3, 1), Line("1000", 100), Line("2000", -99))
    with pytest.raises(ValueError, match="does not balance"):
        book.post(entry)
    assert book.entries == []


def test_a_month_without_a_fitting_pair_is_reported():
    bench = Bench(Book(), MARCH, Dice(1, "none"))
    with pytest.raises(LookupError, match="2023-03 has no pair left"):
        bench.take(Wanted(MatchType.BANK_GL, (Kind.FUEL,), Window.BODY))
    assert bench.used == set()


def test_only_jobs_have_a_rate_to_change():
    entry = _entry(date(2023, 3, 1), Line("1000", 100), Line("2000", -100))
    day = entry.posted_on
    item = Item(MatchType.BANK_GL, Kind.FUEL, day, 100, "R", "C", "T")
    pair = Pair(item, entry, entry.lines[0])
    bench = Bench(Book(pairs=[pair]), MARCH, Dice(1, "rate"))
    with pytest.raises(TypeError, match="only jobs"):
        change_rate(bench, pair)
    assert bench.book.pairs == [pair]
    assert item.cents == 100


def test_an_entry_has_one_line_on_an_account_or_none_is_given():
    entry = _entry(date(2023, 3, 1), Line("1000", 60), Line("1000", 40), Line("2000", -100))
    assert entry.line_on("2000").cents == -100
    for account in ("1000", "3000"):
        with pytest.raises(ValueError):
            entry.line_on(account)


def _entry(day: date, *lines: Line) -> Entry:
    return Entry(day, "R", "C", "T", "manual", "alice.preparer", list(lines))


@given(CENTS, st.integers(0, 10_000))
def test_a_share_is_rounded_like_decimal_half_up(cents, basis_points):
    exact = Decimal(cents) * basis_points / 10_000
    assert money.share_of(cents, basis_points) == exact.quantize(Decimal(1), ROUND_HALF_UP)


@given(st.integers(0, 10_000_000_000))
def test_a_price_without_vat_is_rounded_like_decimal_half_up(gross):
    exact = Decimal(gross) * 100 / 121
    assert money.without_vat(gross) == exact.quantize(Decimal(1), ROUND_HALF_UP)


@given(CENTS)
def test_every_form_of_an_amount_reads_back(cents):
    amount = Decimal(cents) / 100
    assert Decimal(money.plain(cents)) == amount
    assert Decimal(money.comma(cents).replace(",", ".")) == amount
    assert Decimal(money.european(cents).replace(".", "").replace(",", ".")) == amount


def test_thousands_are_grouped_by_dots():
    assert money.european(-123_456_789) == "-1.234.567,89"
    assert money.european(5) == "0,05"


def test_a_stream_of_chance_depends_on_its_name_alone():
    one, two, other = Dice(1, "a", "b"), Dice(1, "a", "b"), Dice(1, "a", "c")
    draws = [one.below(1000) for _ in range(20)]
    assert draws == [two.below(1000) for _ in range(20)]
    assert draws != [other.below(1000) for _ in range(20)]


def test_a_stream_of_chance_is_the_same_in_every_python_version():
    pinned = Dice(7, "pinned")
    assert [pinned.below(1000) for _ in range(5)] == [410, 977, 790, 255, 903]


@given(st.integers(), st.lists(st.integers(), unique=True, min_size=1), st.data())
def test_draws_are_different_members(seed, members, data):
    count = data.draw(st.integers(0, len(members)))
    drawn = Dice(seed, "draw").draw(members, count)
    assert len(set(drawn)) == count
    assert set(drawn) <= set(members)


@pytest.mark.parametrize(
    ("day", "after", "before"),
    [
        (date(2023, 4, 6), date(2023, 4, 6), date(2023, 4, 6)),
        (date(2023, 4, 7), date(2023, 4, 11), date(2023, 4, 6)),
        (date(2023, 4, 27), date(2023, 4, 28), date(2023, 4, 26)),
        (date(2023, 4, 30), date(2023, 5, 2), date(2023, 4, 28)),
    ],
)
def test_working_days_step_over_weekends_and_holidays(day, after, before):
    assert workday_from(day) == after
    assert workday_until(day) == before
    assert is_workday(day) == (after == day)


def test_months_follow_each_other_over_the_year_end():
    assert Month(2022, 12).next == Month(2023, 1)
    assert Month(2023, 2).last_on == date(2023, 2, 28)
    assert Month(2023, 2).label == "2023-02"
