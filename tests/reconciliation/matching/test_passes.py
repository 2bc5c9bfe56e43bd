"""What exact and tolerance passes pair, what they leave, and what they say about it."""

from __future__ import annotations

import json

import pytest

from apps.reconciliation.matching import assignment, candidates, decisions, paths
from tests.reconciliation.matching.making import (
    causes,
    exact,
    item,
    near,
    outcome,
    paired,
    rules,
    units,
    window,
)


def sentences(result) -> list[list[str]]:
    return [json.loads(text) for text in result.groups["reasons"]]


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_reference_matches_nothing(blank):
    result = outcome([item(1, reference=blank)], [item(1, reference=blank)], exact("reference"))
    assert result.groups.is_empty()


def test_equal_keys_of_another_currency_are_not_equal():
    left, right = item(1, reference="A"), item(1, reference="A", currency="USD")
    result = outcome([left], [right], exact("reference"), near("0.01", "reference"))
    assert result.groups.is_empty()
    assert result.proof["currency"].to_list() == ["EUR", "USD"]


def test_duplicate_keys_never_fan_out():
    left = [item(number, reference="A") for number in range(1, 4)]
    right = [item(number, reference="A") for number in range(1, 3)]
    result = outcome(left, right, exact("reference"))
    assert paired(result) == {(1, 1), (2, 2)}
    assert result.break_items.rows() == [(1, "left", 3)]


def test_the_best_assignment_beats_the_first_that_fits():
    left = [item(1, "100.00", counterparty="X"), item(2, "100.04", counterparty="X")]
    right = [item(1, "100.05", counterparty="X"), item(2, "100.09", counterparty="X")]
    result = outcome(left, right, near("0.05", "counterparty"))
    # Nearest first would pair 2 with 1 and leave the others; lowest id first happens to do well.
    assert paired(result) == {(1, 1), (2, 2)}
    swapped = outcome(
        [item(1, "100.04", counterparty="X"), item(2, "100.00", counterparty="X")],
        right,
        near("0.05", "counterparty"),
    )
    assert paired(swapped) == {(1, 2), (2, 1)}


def test_amount_comes_before_date():
    left = [item(1, "100.00", counterparty="X")]
    right = [
        item(1, "100.01", 10, counterparty="X"),
        item(2, "100.00", 13, counterparty="X"),
    ]
    result = outcome(left, right, near("0.05", "counterparty", date_window=window(0, 5)))
    assert paired(result) == {(1, 2)}


@pytest.mark.parametrize(
    ("booked", "fits"), [(8, False), (9, True), (10, True), (13, True), (14, False)]
)
def test_a_date_window_is_signed_and_seen_from_the_left(booked, fits):
    step = exact("reference", date_window=window(1, 3))
    result = outcome([item(1, reference="A")], [item(1, booked=booked, reference="A")], step)
    assert bool(result.groups.height) is fits


@pytest.mark.parametrize(("unit", "fits"), [("business", True), ("calendar", False)])
def test_business_days_leave_out_weekends_and_holidays(unit, fits):
    # Friday 9 January to Wednesday 14, Monday being a holiday: two business days.
    result = outcome(
        [item(1, booked=9, reference="A")],
        [item(1, booked=14, reference="A")],
        exact("reference", date_window=window(0, 2, unit)),
        calendar={"holidays": ["2026-01-12"]},
    )
    assert bool(result.groups.height) is fits
    if fits:
        assert sentences(result)[0][-1] == (
            "booked 2 business days later (window 0..2 business days)"
        )


def test_a_pass_may_look_at_the_value_date():
    left = item(1, booked=2, reference="A")
    right = item(1, booked=20, reference="A", value_on=left["booked_on"])
    step = exact("reference", date_field="value_on", date_window=window(0, 0))
    result = outcome([left], [right], step)
    assert sentences(result) == [["reference equal: A", "amount equal", "valued on the same day"]]


@pytest.mark.parametrize(
    ("sign", "left", "right", "fits"),
    [
        ("same", "5.00", "5.00", True),
        ("same", "5.00", "-5.00", False),
        ("opposite", "5.00", "-5.00", True),
        ("opposite", "5.00", "5.00", False),
        ("unsigned", "5.00", "-5.00", True),
        ("unsigned", "-5.00", "-5.00", True),
    ],
)
def test_a_pass_compares_amounts_with_the_sign_it_was_told(sign, left, right, fits):
    for step in (exact("reference", sign=sign), near("0.00", "reference", sign=sign)):
        result = outcome([item(1, left, reference="A")], [item(1, right, reference="A")], step)
        assert bool(result.groups.height) is fits
        expected = [units(left) - units(right)] if fits else []
        assert result.groups["difference"].to_list() == expected


def test_reasons_name_every_field_that_was_compared():
    left = item(1, "100.00", reference='IN"V\\1\n', attributes={"order": "o1"})
    right = item(1, "100.01", 12, reference='IN"V\\1\n', attributes={"order": "o1"})
    step = near("0.05", "reference", "attributes.order", "account", date_window=window(0, 3))
    left["account"] = right["account"] = "1200"
    result = outcome([left], [right], step)
    assert sentences(result) == [
        [
            'reference equal: IN"V\\1\n',
            "order equal: o1",
            "account equal: 1200",
            "amount differs by 0.01 EUR (tolerance 0.05)",
            "booked 2 days later (window 0..3)",
        ]
    ]


def test_reasons_tell_dates_signs_and_windows():
    left = [item(1, "5.00", 11, reference="A"), item(2, "6.00", 11, reference="B")]
    right = [item(1, "-5.00", 10, reference="A"), item(2, "-6.01", 11, reference="B")]
    result = outcome(left, right, near("0.02", "reference", "currency", sign="opposite"))
    assert sentences(result) == [
        [
            "reference equal: A",
            "amount equal with the sign reversed",
            "booked 1 day earlier (no window)",
        ],
        [
            "reference equal: B",
            "amount differs by 0.01 EUR with the sign reversed (tolerance 0.02)",
            "booked on the same day",
        ],
    ]


def test_a_date_can_be_a_key():
    left = [item(1, booked=10), item(2, booked=11)]
    right = [item(1, booked=11), item(2, booked=12)]
    result = outcome(left, right, exact("amount", "booked_on"))
    assert paired(result) == {(2, 1)}
    assert sentences(result)[0][0] == "booked_on equal: 2026-01-11"


def test_items_without_the_attribute_match_nothing():
    left = [item(1, attributes={"order": "o1"}), item(2, attributes={}), item(3)]
    right = [item(1, attributes={"order": "o1"}), item(2, attributes="not json"), item(3)]
    assert paired(outcome(left, right, exact("attributes.order"))) == {(1, 1)}


def test_groups_carry_pass_status_totals_and_the_digest_of_the_rules():
    left = [item(9, "7.00", reference="B"), item(4, "5.00", reference="A")]
    right = [item(1, "7.01", reference="B"), item(2, "5.00", reference="A")]
    steps = [
        exact("reference", name="first"),
        near("0.05", "reference", name="second", status="suggested"),
    ]
    result = outcome(left, right, *steps)
    columns = ["group_no", "pass_name", "status", "left_total", "right_total", "difference"]
    assert result.groups.select(columns).rows() == [
        (1, "first", "automatic", units("5.00"), units("5.00"), 0),
        (2, "second", "suggested", units("7.00"), units("7.01"), units("-0.01")),
    ]
    assert result.groups["rule_digest"].unique().to_list() == [rules(*steps).digest]
    assert result.items.rows() == [
        (1, "left", 4, units("5.00")),
        (1, "right", 2, units("5.00")),
        (2, "left", 9, units("7.00")),
        (2, "right", 1, units("7.01")),
    ]
    assert result.proof.row(0, named=True) == {
        "currency": "EUR",
        "left_total": units("12.00"),
        "right_total": units("12.01"),
        "open_left": 0,
        "open_right": 0,
        "differences": units("-0.01"),
        "exchanged": 0,
        "proof_amount": 0,
    }


def test_interchangeable_items_are_paired_in_the_order_of_their_content():
    left = [item(1, external_id="b"), item(2, external_id="a")]
    right = [item(1, external_id="y"), item(2, external_id="x"), item(3, external_id="z")]
    result = outcome(left, right, exact("amount", "booked_on"))
    assert paired(result) == {(2, 2), (1, 1)}
    assert causes(result) == {"missing_left": [("missing", ["R3"])]}


@pytest.mark.parametrize("field", ["narrative", "counterparty", "account", "reference"])
def test_equal_choices_between_different_items_are_refused_and_listed(field):
    left = [item(1)]
    right = [item(5, **{field: "one"}), item(6, **{field: "two"})]
    result = outcome(left, right, exact("amount", "booked_on", name="by amount"))
    assert result.groups.is_empty()
    assert causes(result) == {"ambiguous": [("mismatched", ["L1", "R5", "R6"])]}
    refused = result.ambiguous.row(0, named=True)
    assert refused["reason"] == (
        "1 left and 2 right items can be paired equally well in different ways in pass 'by amount'"
    )
    assert json.loads(refused["evidence"]) == {
        "pass": "by amount",
        "left_candidates": [1],
        "right_candidates": [5, 6],
        "left_count": 1,
        "right_count": 2,
    }


def test_dates_equally_far_on_either_side_are_a_tie():
    left, right = [item(1, booked=10)], [item(1, booked=9), item(2, booked=11)]
    result = outcome(left, right, exact("amount", date_window=window(1, 1)))
    assert causes(result) == {"ambiguous": [("mismatched", ["L1", "R1", "R2"])]}


def test_a_tie_does_not_hold_up_what_is_certain_beside_it():
    left = [item(1, "1.00", 10), item(2, "1.00", 20)]
    right = [item(1, "1.00", 10), item(2, "1.00", 19), item(3, "1.00", 21)]
    result = outcome(left, right, exact("amount", date_window=window(9, 10)))
    assert paired(result) == {(1, 1)}
    assert causes(result) == {"ambiguous": [("mismatched", ["L2", "R2", "R3"])]}


def test_huge_amounts_do_not_blur_the_cost_of_days():
    huge = 90_000_000_000_000
    left = [item(1, f"{huge}.00", 10, account="1"), item(2, "3.00", 11, account="1")]
    right = [item(1, "1.00", 10, account="1"), item(2, f"{huge - 1}.37", 12, account="1")]
    step = near(str(huge), "account", date_window=window(5, 5))
    result = outcome(left, right, step)
    assert paired(result) == {(1, 2), (2, 1)}


def test_amounts_that_hang_together_with_too_many_candidates_are_refused_as_a_whole(monkeypatch):
    monkeypatch.setattr(candidates, "CHAIN_PAIRS", 3)
    left = [item(n, f"{n}.00", account="A") for n in (1, 2)] + [item(3, account="B")]
    right = [item(n, f"{n}.01", account="A") for n in (1, 2)] + [item(3, account="B")]
    result = outcome(left, right, near("50.00", "account", name="wide"))
    assert paired(result) == {(3, 3)}
    assert causes(result) == {"ambiguous": [("mismatched", ["L1", "L2", "R1", "R2"])]}
    assert result.ambiguous["reason"].item() == (
        "pass 'wide' leaves 2 left and 2 right items with too many candidates to prove one best "
        "pairing: give it another key or a closer tolerance"
    )


def test_other_amounts_of_the_block_are_not_refused_with_them(monkeypatch):
    monkeypatch.setattr(candidates, "CHAIN_PAIRS", 3)
    amounts = ("1.00", "1.30", "70.00", "90.00", "90.20", "400.00")
    left = [item(n, amount, account="A") for n, amount in enumerate(amounts)]
    right = [item(n, amount, account="A") for n, amount in enumerate(amounts[:-1])]
    result = outcome(left, right, near("0.50", "account"))
    assert paired(result) == {(2, 2)}
    assert causes(result) == {
        "ambiguous": [
            ("mismatched", ["L0", "L1", "R0", "R1"]),
            ("mismatched", ["L3", "L4", "R3", "R4"]),
        ],
        "missing_right": [("missing", ["L5"])],
    }


def test_batches_do_not_change_the_outcome(monkeypatch):
    left = [item(n, f"{n}.00", reference=f"R{n % 7}") for n in range(1, 40)]
    right = [item(n, f"{n}.02", reference=f"R{n % 7}") for n in range(1, 40)]
    step = near("8.00", "reference")
    whole = outcome(left, right, step)
    monkeypatch.setattr(candidates, "BATCH_PAIRS", 1)
    batches = []
    monkeypatch.setattr(decisions, "_judged_by_cost", _counted(decisions._judged_by_cost, batches))
    parts = outcome(left, right, step)
    assert len(batches) == 7
    assert whole.groups.equals(parts.groups)
    assert whole.break_items.equals(parts.break_items)


def _counted(function, calls):
    def wrapper(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return wrapper


def test_a_component_that_takes_too_long_is_refused_and_the_others_are_not(monkeypatch):
    monkeypatch.setattr(assignment, "ITEM_PAIRS", 0)
    monkeypatch.setattr(paths, "SEARCH_STEPS", 0)
    left = [item(1, booked=10), item(2, booked=11), item(3, "3.00", booked=25)]
    right = [item(1, booked=10), item(2, booked=11), item(3, "3.00", booked=26)]
    result = outcome(left, right, exact("amount", date_window=window(2, 2), name="p"))
    assert paired(result) == {(3, 3)}
    assert causes(result) == {"ambiguous": [("mismatched", ["L1", "L2", "R1", "R2"])]}
    assert "too many candidates" in result.ambiguous["reason"].item()


def test_ten_thousand_lines_with_hundreds_of_equal_amounts_and_no_reference():
    left = [item(n, _price(n), 1 + n % 28, narrative=f"L{n % 3}") for n in range(1, 5001)]
    right = [item(n, _price(n), 1 + (n + 1) % 28, narrative=f"R{n % 3}") for n in range(1, 5001)]
    steps = [
        exact("amount", "booked_on", name="day"),
        near("0.05", name="close", date_window=window(1, 3)),
    ]
    result = outcome(left, right, *steps)
    held = result.items.height + result.break_items.height
    assert held == 10_000
    assert result.ambiguous.height > 0
    again = outcome(left[::-1], right[::-1], *steps)
    assert again.groups.equals(result.groups)


def _price(number: int) -> str:
    """Every tenth item costs the same; the others cost much else."""
    return "9.99" if number % 10 == 0 else f"{number % 2000}.{number % 89:02d}"


def test_any_number_of_exact_copies_is_one_class_a_side():
    count = 20_000
    rows = [item(number) for number in range(1, count + 1)]
    result = outcome(rows, rows[: count - 5], exact("amount", "booked_on"))
    assert result.groups.height == count - 5
    assert result.break_items["item_id"].to_list() == list(range(count - 4, count + 1))
