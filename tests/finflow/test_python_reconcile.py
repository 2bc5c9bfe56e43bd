"""Reconciling frames: what people have in their hands goes in, exact Decimals come out."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import finflow
from finflow.frames import in_ten_thousandths, in_units

RULES = {
    "version": "1",
    "passes": [
        {"name": "Reference", "kind": "exact", "keys": ["reference"]},
        {
            "name": "Nearly",
            "kind": "tolerance",
            "keys": ["reference"],
            "tolerance": {"absolute": "0.05"},
        },
    ],
}
AS_OF = date(2023, 4, 30)
LEFT = {
    "amount": [Decimal("100.00"), Decimal("7.50"), Decimal("3.00")],
    "currency": ["EUR", "EUR", "EUR"],
    "booked_on": [date(2023, 4, 1), date(2023, 4, 2), date(2023, 4, 3)],
    "reference": ["INV-1", "INV-2", None],
}
RIGHT = {
    "amount": [Decimal("100.00"), Decimal("7.55")],
    "currency": ["EUR", "EUR"],
    "booked_on": [date(2023, 4, 1), date(2023, 4, 2)],
    "reference": ["INV-1", "INV-2"],
}


def test_pandas_in_decimals_out() -> None:
    result = finflow.reconcile(pd.DataFrame(LEFT), pd.DataFrame(RIGHT), RULES, as_of=AS_OF)

    assert result.groups["pass_name"].tolist() == ["Reference", "Nearly"]
    assert result.groups["difference"].tolist() == [Decimal("0.0000"), Decimal("-0.0500")]
    assert result.breaks["cause"].tolist() == ["missing_right"]
    assert result.breaks["amount"].tolist() == [Decimal("3.0000")]
    assert result.break_items.to_dict("records") == [{"break_no": 1, "side": "left", "item_id": 3}]
    assert result.proof_amount == 0
    assert result.is_proved


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(pl.DataFrame(LEFT), id="polars"),
        pytest.param(
            pd.DataFrame({**LEFT, "booked_on": pd.to_datetime(LEFT["booked_on"])}), id="timestamps"
        ),
        pytest.param(
            pd.DataFrame({**LEFT, "id": pd.array([1, 2, 3], dtype="int32")}), id="small ids"
        ),
        pytest.param(pd.DataFrame({**LEFT, "counterparty": [None] * 3}), id="an empty column"),
        pytest.param(pd.DataFrame({**LEFT, "further": [1.5, 2.5, 3.5]}), id="a further column"),
    ],
)
def test_other_frames_of_the_same_items_give_the_same(left: Any) -> None:
    expected = finflow.reconcile(pd.DataFrame(LEFT), pd.DataFrame(RIGHT), RULES, as_of=AS_OF)

    result = finflow.reconcile(left, pd.DataFrame(RIGHT), RULES, as_of=AS_OF)

    pd.testing.assert_frame_equal(result.groups, expected.groups)
    pd.testing.assert_frame_equal(result.breaks, expected.breaks)


def test_ids_of_the_frame_are_kept() -> None:
    left = pd.DataFrame({**LEFT, "id": [70, 80, 90]})

    result = finflow.reconcile(left, pd.DataFrame(RIGHT), RULES, as_of=AS_OF)

    assert result.break_items["item_id"].tolist() == [90]


def test_whole_numbers_are_currency_units() -> None:
    yen = {
        "amount": [1200],
        "currency": ["JPY"],
        "booked_on": [date(2023, 4, 1)],
        "reference": ["A"],
    }

    result = finflow.reconcile(pd.DataFrame(yen), pl.DataFrame(yen), RULES, as_of=AS_OF)

    assert result.groups["left_total"].tolist() == [Decimal("1200.0000")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"amount": [1.5, 2.5, 3.5]}, "left items: amount is Float64", id="floats"),
        pytest.param({"amount": ["1", "2", "3"]}, "left items: amount is String", id="text"),
        pytest.param(
            {"amount": [Decimal("1.00001"), Decimal(2), Decimal(3)]}, "four decimals", id="decimals"
        ),
        pytest.param({"amount": [Decimal(10**14), Decimal(2), Decimal(3)]}, "10\\^14", id="large"),
        pytest.param({"amount": [Decimal(10**37), Decimal(2), Decimal(3)]}, "10\\^14", id="huge"),
        pytest.param({"amount": [-(2**63), 2, 3]}, "10\\^14", id="smallest integer"),
        pytest.param({"amount": [Decimal(1), None, Decimal(3)]}, "amount is null", id="no amount"),
        pytest.param({"currency": ["EUR", "XXQ", "EUR"]}, "'XXQ' is not", id="currency"),
        pytest.param({"booked_on": ["2023-04-01"] * 3}, "booked_on is String", id="dates as text"),
        pytest.param(
            {"booked_on": [datetime(2023, 4, 1, 9, 30)] * 3}, "booked_on is Datetime", id="instants"
        ),
        pytest.param({"id": [1, 1, 2]}, "id 1 occurs more than once", id="repeated ids"),
    ],
)
def test_items_that_cannot_be_are_refused_by_side_and_column(
    change: dict[str, Any], said: str
) -> None:
    left = pd.DataFrame({**LEFT, **change})

    with pytest.raises(finflow.ItemsInvalid, match=said):
        finflow.reconcile(left, pd.DataFrame(RIGHT), RULES, as_of=AS_OF)


@pytest.mark.parametrize("column", ["amount", "currency", "booked_on"])
def test_a_needed_column_that_is_missing_is_named(column: str) -> None:
    right = pd.DataFrame(RIGHT).drop(columns=column)

    with pytest.raises(finflow.ItemsInvalid, match=f"right items: column {column} is missing"):
        finflow.reconcile(pd.DataFrame(LEFT), right, RULES, as_of=AS_OF)


def test_faults_of_a_rule_set_are_named_by_their_path() -> None:
    rules = {"version": "1", "passes": [{"name": "All", "kind": "guess"}]}

    with pytest.raises(finflow.RulesInvalid, match=r"passes\[0\]\.kind"):
        finflow.reconcile(pd.DataFrame(LEFT), pd.DataFrame(RIGHT), rules, as_of=AS_OF)


@given(
    st.lists(
        st.decimals(
            min_value=Decimal("-99999999999999.9999"),
            max_value=Decimal("99999999999999.9999"),
            places=4,
        ),
        max_size=20,
    )
)
def test_amounts_survive_the_way_there_and_back(amounts: list[Decimal]) -> None:
    given_ = pl.Series("amount", amounts, dtype=pl.Decimal(38, 4))

    counted = in_ten_thousandths(given_)

    assert counted.to_list() == [int(amount * 10_000) for amount in amounts]
    assert in_units(counted.to_frame(), ["amount"])["amount"].to_list() == amounts


@given(st.lists(st.integers(min_value=-(2**62), max_value=2**62), max_size=20))
def test_any_total_of_the_kernel_comes_out_exactly(totals: list[int]) -> None:
    frame = pl.DataFrame({"total": pl.Series(totals, dtype=pl.Int64)})

    assert in_units(frame, ["total"])["total"].to_list() == [
        Decimal(total).scaleb(-4) for total in totals
    ]
