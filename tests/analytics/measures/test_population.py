"""What frames of lines must be like."""

from datetime import datetime

import polars as pl
import pytest

from apps.analytics.measures import LinesMalformed
from apps.analytics.measures.population import read_population
from tests.analytics.measures.frames import frame, line

ONE = frame([line(1)])


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (ONE.drop("account", "source"), "The lines lack the columns account, source."),
        (ONE.cast({"line_id": pl.Float64}), "Column line_id of the lines holds no ids."),
        (ONE.cast({"entry_id": pl.Float64}), "Column entry_id of the lines holds no ids."),
        (ONE.cast({"amount": pl.Float64}), "Column amount of the lines must be Int64."),
        (ONE.cast({"amount": pl.Decimal(20, 4)}), "Column amount of the lines must be Int64."),
        (
            ONE.with_columns(posted_on=pl.lit(datetime(2026, 3, 2))),
            "Column posted_on of the lines must be Date.",
        ),
        (frame([line(1), line(2, None)]), "Column amount of the lines has gaps."),
        (frame([line(1), line(None)]), "Column line_id of the lines has gaps."),
        (frame([line(1), line(2, account=None)]), "Column account of the lines has gaps."),
        (frame([line(1), line(1, 5)]), "A line id is repeated in the lines."),
        (frame([line(1), line(7)]), "A line is in both the lines and the history."),
        (
            ONE.cast({"line_id": pl.String}),
            "The ids of lines and history are of different types.",
        ),
    ],
)
def test_malformed_lines_are_refused(lines, why):
    with pytest.raises(LinesMalformed) as refusal:
        read_population(lines, frame([line(7)]))
    assert str(refusal.value) == why


def test_a_malformed_history_is_refused_too():
    with pytest.raises(LinesMalformed, match="A line id is repeated in the history"):
        read_population(ONE, frame([line(7), line(7)]))


def test_lines_are_sorted_and_each_account_and_currency_has_a_number():
    lines = frame([line(3, currency="USD"), line(1, account="4000"), line(2)])
    found = read_population(lines, frame([line(9, currency="USD"), line(8, account="9000")]))
    assert found.accounts.rows() == [
        ("4000", "EUR"),
        ("6100", "EUR"),
        ("6100", "USD"),
        ("9000", "EUR"),
    ]
    assert found.lines.select("line_id", "code").rows() == [(1, 0), (2, 1), (3, 2)]
    assert found.history.select("line_id", "code").rows() == [(8, 3), (9, 2)]


def test_other_columns_are_left_aside_and_labels_may_be_missing_or_numbers():
    lines = ONE.with_columns(
        description=pl.lit("rent"), prepared_by=pl.lit(12), source=pl.lit(None, pl.String)
    )
    found = read_population(lines, frame()).lines
    assert found.row(0, named=True) == line(1, prepared_by="12", source="") | {"code": 0}


def test_ids_may_be_strings():
    lines = frame([line(2), line(1)]).cast({"line_id": pl.String, "entry_id": pl.String})
    found = read_population(lines, lines.clear())
    assert found.lines["line_id"].to_list() == ["1", "2"]
