"""Item frames: what is refused before anything is matched, and what is filled in."""

from __future__ import annotations

import polars as pl
import pytest

from apps.reconciliation.matching import ItemsInvalid, reconcile
from tests.reconciliation.matching.making import (
    AS_OF,
    EMPTY,
    exact,
    item,
    items,
    outcome,
    paired,
    rules,
    units,
)

GOOD = items(item(1), item(2))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (GOOD.drop("account"), "column account is missing"),
        (GOOD.cast({"amount": pl.Float64}), "amount is Float64, not Int64"),
        (
            GOOD.with_columns(pl.lit("2026-01-10").alias("booked_on")),
            "booked_on is String, not Date",
        ),
        (GOOD.with_columns(pl.lit(None, pl.Int64).alias("amount")), "amount is null in 2 rows"),
        (items(item(1, currency=None)), "currency is null in 1 rows"),
        (items(item(7), item(3), item(7)), "id 7 occurs more than once"),
        (items(item(1, currency="EUX")), "'EUX' is not an ISO 4217 currency"),
        (items(item(1, currency="")), "'' is not an ISO 4217 currency"),
        (items(item(1, amount=str(2**62 // 10_000 + 1))), "more than a total can hold"),
        (
            items(item(1, amount="300000000000000"), item(2, amount="-300000000000000")),
            "more than a total can hold",
        ),
    ],
)
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_frame_that_breaks_the_contract_is_refused_by_side(frame, message, side):
    sides = (frame, GOOD) if side == "left" else (GOOD, frame)
    with pytest.raises(ItemsInvalid, match=f"{side} items: ") as refusal:
        reconcile(*sides, rules(exact("reference")), as_of=AS_OF)
    assert message in str(refusal.value)


def test_nothing_against_nothing_is_nothing():
    result = reconcile(EMPTY, EMPTY, rules(exact("reference")), as_of=AS_OF)
    assert result.groups.is_empty()
    assert result.breaks.is_empty()
    assert result.proof.is_empty()
    assert result.proof_amount == 0


def test_further_columns_are_left_alone_and_missing_texts_are_blank():
    left = items(item(1, reference="A", narrative=None)).with_columns(pl.lit(5).alias("extra"))
    right = items(item(1, reference="A", counterparty=None))
    result = reconcile(left, right, rules(exact("reference")), as_of=AS_OF)
    assert paired(result) == {(1, 1)}


def test_a_missing_value_date_is_the_booking_date():
    left, right = item(1, booked=5), item(1, booked=9)
    right["value_on"] = left["booked_on"]
    step = exact("value_on", date_field="value_on")
    assert paired(outcome([left], [right], step)) == {(1, 1)}


def test_the_right_side_is_turned_round_where_it_counts_the_other_way():
    left = [item(1, "100.00", reference="A"), item(2, "-30.00", reference="B")]
    right = [item(1, "-100.00", reference="A"), item(2, "30.00", reference="B"), item(3, "-7.00")]
    result = outcome(left, right, exact("reference"), sides={"right_sign": -1})
    assert paired(result) == {(1, 1), (2, 2)}
    allocated = result.items.filter(pl.col("side") == "right")["allocated"].to_list()
    assert allocated == [units("100.00"), units("-30.00")]
    assert result.breaks["right_total"].to_list() == [units("7.00")]
    assert result.breaks["amount"].to_list() == [units("-7.00")]
