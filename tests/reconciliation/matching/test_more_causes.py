"""Wrong account, wrong period, two currencies, and what is wrong with a reference."""

from __future__ import annotations

from datetime import date

import pytest

from tests.reconciliation.matching.making import causes, exact, item, near, outcome, window
from tests.reconciliation.matching.test_causes import one_break

BY_ACCOUNT = exact("reference", "account", date_window=window(0, 40))
SHORT = exact("reference", date_window=window(0, 3))
USD = {"currency": "USD"}
RATE = {"id": "ecb-1", "currency": "USD", "to": "EUR", "on": "2026-01-05", "rate": "0.92"}


def test_the_same_item_on_another_account():
    left = [item(1, reference="A", account="1100")]
    right = [item(1, reference="A", account="1200", booked=11)]
    found = one_break(left, right, BY_ACCOUNT)
    assert found["held"] == {"wrong_account": [("mismatched", ["L1", "R1"])]}
    assert found["reason"] == (
        "account differs: 1100 on the left, 1200 on the right; reference A and amount are equal"
    )
    assert found["evidence"]["right_account"] == "1200"


@pytest.mark.parametrize(
    ("fields", "step", "cause"),
    [
        ({"account": "1200"}, exact("reference", "account", "counterparty"), "unknown"),
        ({"account": ""}, BY_ACCOUNT, "unknown"),
        ({"account": "1200"}, BY_ACCOUNT, "wrong_account"),
    ],
)
def test_where_more_than_the_account_differs_the_cause_is_unknown(fields, step, cause):
    left = [item(1, reference="A", account="1100", counterparty="Acme")]
    right = [item(1, reference="A", counterparty="Zen", **fields)]
    assert one_break(left, right, step)["cause"] == cause


@pytest.mark.parametrize(
    ("left", "right", "is_found"),
    [
        ({"account": "1"}, {"account": "2"}, True),
        ({"account": "1"}, {"account": ""}, False),
        ({"account": "1"}, {"account": "2", "booked": 11}, False),
        ({"account": "1", "counterparty": ""}, {"account": "2", "counterparty": ""}, False),
        ({"account": "1", "reference": "LEFT-1"}, {"account": "2", "reference": "RIGHT"}, False),
    ],
)
def test_without_reference_amount_counterparty_and_day_tell_it(left, right, is_found):
    base = {"counterparty": "Acme"}
    step = exact("account", "counterparty", date_window=window(0, 3))
    result = outcome([item(1, **{**base, **left})], [item(1, **{**base, **right})], step)
    assert (causes(result) == {"wrong_account": [("mismatched", ["L1", "R1"])]}) is is_found
    if is_found:
        assert result.breaks["reason"][0] == (
            "account differs: 1 on the left, 2 on the right; "
            "counterparty Acme, amount and day are equal"
        )


def test_accounts_say_nothing_where_the_rules_do_not_compare_them():
    left = [item(1, counterparty="Acme", account="1")]
    right = [item(1, counterparty="Acme", account="2")]
    assert "wrong_account" not in causes(outcome(left, right, exact("reference")))


@pytest.mark.parametrize(
    ("right_on", "ends", "cause", "words"),
    [
        (date(2026, 1, 31), [], "timing", ""),
        (date(2026, 2, 1), [], "wrong_period", "booked in 2026-01 and the right one in 2026-02"),
        (date(2026, 2, 1), ["2026-01-10", "2026-02-07"], "timing", ""),
        (
            date(2026, 2, 8),
            ["2026-02-07"],
            "wrong_period",
            "in the period to 2026-02-07 and the right one in the period after 2026-02-07",
        ),
    ],
)
def test_outside_every_window_and_in_another_period(right_on, ends, cause, words):
    left, right = [item(1, reference="A", booked=20)], [item(1, reference="A", booked=right_on)]
    found = one_break(left, right, SHORT, causes={"period_ends": ends})
    assert found["held"] == {cause: [("mismatched", ["L1", "R1"])]}
    assert words in found["reason"]


def test_one_reference_in_two_currencies_with_a_rate():
    left = [item(1, "101.50", reference="A")]
    right = [item(7, "110.00", reference="A", **USD)]
    result = outcome(left, right, SHORT, rates=[RATE, {**RATE, "id": "old", "on": "2026-01-02"}])
    assert causes(result) == {"fx": [("mismatched", ["L1"]), ("mismatched", ["R7"])]}
    assert (
        result.breaks["reason"].to_list()
        == [
            "reference A is 101.50 EUR on the left and 110.00 USD on the right: "
            "at 0.92 (rate ecb-1) the right one is 101.20 EUR, which leaves 0.30"
        ]
        * 2
    )
    assert '"left_id": 1' in result.breaks["evidence"][1]


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ("55.00", "110.00", "no rate is known; at 0.5 they would be equal"),
        ("-55.00", "-110.00", "no rate is known; at 0.5 they would be equal"),
        ("100.00", "300.00", "no rate is known; at 0.333333 they would be equal"),
    ],
)
def test_without_a_rate_the_one_that_fits_is_told(left, right, words):
    result = outcome(
        [item(1, left, reference="A")],
        [item(1, right, reference="A", **USD)],
        SHORT,
        rates=[{**RATE, "on": "2026-01-11"}, {**RATE, "on": "2025-11-11", "id": "x"}],
    )
    assert words in result.breaks["reason"][0]


def test_a_negative_amount_is_converted_with_its_sign():
    result = outcome(
        [item(1, "-101.50", reference="A")],
        [item(1, "-110.00", reference="A", **USD)],
        SHORT,
        rates=[RATE],
    )
    assert "the right one is -101.20 EUR, which leaves -0.30" in result.breaks["reason"][0]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (item(1, reference="A"), item(1, "-100.00", reference="A", **USD)),
        (item(1, reference="A"), item(1, "0.00", reference="A", **USD)),
        (item(1, reference="A"), item(1, reference="B", **USD)),
    ],
)
def test_what_cannot_be_the_same_in_another_currency_is_missing(left, right):
    assert set(causes(outcome([left], [right], SHORT))) == {"missing_left", "missing_right"}


@pytest.mark.parametrize(
    ("left", "right", "error"),
    [
        ("ABC123", "ABC132", "two neighbouring characters swapped"),
        ("ABC123", "ABC12", "one character more or less"),
        ("ABC123", "ABC124", "one character is another"),
        ("ABC-123", "abc 123", "the same letters and digits"),
        ("ABC123", "", "left out on one side"),
    ],
)
def test_what_is_wrong_with_a_reference(left, right, error):
    both = {"counterparty": "Acme"}
    step = near("0.00", "reference")
    found = one_break([item(1, reference=left, **both)], [item(1, reference=right, **both)], step)
    assert found["cause"] == "reference"
    assert f"({error})" in found["reason"]
    assert found["evidence"]["error"] == error


@pytest.mark.parametrize(
    ("step", "cause"),
    [
        ({"kind": "aggregated", "keys": ["attributes.po=reference"]}, "timing"),
        ({"kind": "aggregated", "keys": ["counterparty"]}, "timing"),
        ({"kind": "aggregated", "keys": ["account"]}, "unknown"),
        ({"kind": "aggregated", "keys": ["reference"]}, "unknown"),
        ({"kind": "subset", "keys": ["counterparty"]}, "timing"),
    ],
)
def test_a_pass_that_adds_up_has_a_say_in_dates_only_where_its_keys_are_equal(step, cause):
    left = [item(1, reference="A", account="1", counterparty="")]
    right = [item(1, reference="A", account="1", counterparty="", booked=20)]
    # Something else in the batch, so that its sums do not agree.
    left.append(item(2, "7.00", reference="A", account="1"))
    result = outcome(left, right, SHORT, {"name": "sums", **step})
    assert causes(result)[cause] == [("mismatched", ["L1", "R1"])]
