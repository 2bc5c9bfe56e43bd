"""Why items stay open: the cause, the state, the evidence in words, and which cause comes first."""

from __future__ import annotations

import json
from datetime import date

import pytest

from tests.reconciliation.matching.making import (
    causes,
    exact,
    item,
    items,
    near,
    outcome,
    paired,
    rules,
    units,
    window,
)

BY_REFERENCE = exact("reference", date_window=window(0, 3))


def one_break(left: list[dict], right: list[dict], *passes: dict, **settings) -> dict:
    """The only break of these items, its evidence read."""
    result = outcome(left, right, *(passes or (BY_REFERENCE,)), **settings)
    assert result.breaks.height == 1, result.breaks["reason"].to_list()
    row = result.breaks.row(0, named=True)
    return {**row, "evidence": json.loads(row["evidence"]), "held": causes(result)}


def pair_break(left: str, right: str, fields: dict | None = None, **settings) -> dict:
    """The break of one item on each side, both with reference INV-1."""
    both = {"reference": "INV-1", **(fields or {})}
    return one_break([item(1, left, **both)], [item(1, right, **both)], **settings)


# --- absent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("booked", "cause", "state"),
    [
        (date(2026, 1, 25), "missing_right", "missing"),
        (date(2026, 1, 26), "timing", "awaited"),
        (date(2026, 1, 31), "timing", "awaited"),
        (date(2026, 2, 2), "timing", "awaited"),
    ],
)
def test_what_was_booked_lately_is_awaited_and_the_rest_is_missing(booked, cause, state):
    found = one_break([item(1, booked=booked, reference="A")], [])
    assert (found["cause"], found["state"]) == (cause, state)


def test_a_missing_item_is_told_with_its_age():
    found = one_break([], [item(1, "12.50", 30, reference="A ")], awaited_days=0)
    assert found["cause"] == "missing_left"
    assert found["reason"] == (
        "no counterpart on the left for A of 12.50 EUR, booked 2026-01-30, 1 day before 2026-01-31"
    )
    assert found["amount"] == units("-12.50")
    assert found["evidence"] == {
        "age_days": 1,
        "amount": "12.50",
        "as_of": "2026-01-31",
        "awaited_days": 0,
        "booked_on": "2026-01-30",
        "currency": "EUR",
        "reference": "A ",
    }


def test_an_awaited_item_is_told_with_what_is_left_to_wait():
    found = one_break([item(1, booked=date(2026, 2, 2))], [])
    assert found["reason"] == (
        "no counterpart on the right for item without reference of 100.00 EUR, booked 2026-02-02, "
        "2 days after 2026-01-31: still awaited, up to 5 days"
    )


# --- duplicate ------------------------------------------------------------------------------


def test_the_copy_of_a_matched_item_is_a_duplicate():
    left = [item(1, reference="A"), item(2, reference="A", booked=12)]
    found = one_break(left, [item(1, reference="A")])
    assert found["held"] == {"duplicate": [("missing", ["L2"])]}
    assert found["reason"] == (
        "copy of an item with the same reference A, amount 100.00 EUR and counterparty, "
        "booked 2 days later: 2 on the left, 1 on the right"
    )
    assert found["evidence"]["original_id"] == 1
    assert found["evidence"]["counterparts"] == 1


def test_the_copy_may_be_booked_before_the_one_that_is_matched():
    right = [item(1, reference="A", booked=9), item(2, reference="A", booked=10)]
    found = one_break([item(1, reference="A")], right)
    assert found["held"] == {"duplicate": [("missing", ["R1"])]}
    assert "booked 1 day earlier: 2 on the right, 1 on the left" in found["reason"]


def test_of_copies_without_counterpart_one_is_missing_and_the_others_are_duplicates():
    left = [item(n, reference="A", booked=n) for n in (1, 2, 3)]
    result = outcome(left, [], BY_REFERENCE)
    assert causes(result) == {
        "missing_right": [("missing", ["L1"])],
        "duplicate": [("missing", ["L2"]), ("missing", ["L3"])],
    }


def test_as_many_copies_on_both_sides_are_no_duplicates():
    left = [item(1, reference="A"), item(2, reference="A")]
    right = [item(1, reference="A", booked=9), item(2, reference="A", booked=9)]
    result = outcome(left, right, BY_REFERENCE)
    assert causes(result) == {
        "timing": [("mismatched", ["L1", "R1"]), ("mismatched", ["L2", "R2"])]
    }


def test_a_surplus_copy_is_set_aside_before_the_rest_is_explained():
    left = [item(1, reference="A"), item(2, reference="A")]
    result = outcome(left, [item(1, reference="A", booked=8)], BY_REFERENCE)
    assert causes(result) == {
        "timing": [("mismatched", ["L1", "R1"])],
        "duplicate": [("missing", ["L2"])],
    }


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({"reference": ""}, {}),
        ({"currency": "USD"}, {}),
        ({"amount": units("100.01")}, {}),
        ({"booked_on": date(2026, 1, 14)}, {}),
        ({"booked_on": date(2026, 1, 11)}, {"causes": {"duplicate_days": 0}}),
    ],
)
def test_what_differs_in_identity_or_is_days_apart_is_no_duplicate(fields, settings):
    left = [item(1, reference="A"), {**item(2, reference="A"), **fields}]
    result = outcome(left, [item(1, reference="A")], BY_REFERENCE, **settings)
    assert paired(result) == {(1, 1)}
    assert causes(result) == {"missing_right": [("missing", ["L2"])]}


def test_the_same_document_of_another_party_is_no_duplicate():
    left = [item(1, reference="1", counterparty="A"), item(2, reference="1", counterparty="B")]
    right = [item(1, reference="1", counterparty="A")]
    result = outcome(left, right, exact("reference", "counterparty"))
    assert causes(result) == {"missing_right": [("missing", ["L2"])]}


def test_monthly_items_of_one_reference_are_no_duplicates():
    left = [item(1, reference="RENT", booked=1), item(2, reference="RENT", booked=20)]
    right = [item(1, reference="RENT", booked=1)]
    assert causes(outcome(left, right, BY_REFERENCE)) == {"missing_right": [("missing", ["L2"])]}


OFFSET = {"name": "o", "kind": "offset", "keys": ["reference"]}


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_was_cancelled_is_no_copy_and_stands_for_nothing_opposite(side):
    mine = [item(1, reference="A"), item(2, "-100.00", reference="A"), item(3, reference="A")]
    sides = (mine, []) if side == "left" else ([], mine)
    other = "right" if side == "left" else "left"
    result = outcome(*sides, OFFSET, BY_REFERENCE)
    (held,) = causes(result)[f"missing_{other}"]
    assert held[0] == "missing"
    assert set(causes(result)) == {f"missing_{other}"}


def test_a_copy_beside_what_was_cancelled_is_counted_without_it():
    left = [
        item(1, reference="A"),
        item(2, "-100.00", reference="A"),
        item(3, reference="A", booked=11),
        item(4, reference="A", booked=12),
    ]
    offset = {**OFFSET, "date_window": window(0, 0)}
    found = one_break(left, [item(1, reference="A", booked=11)], offset, BY_REFERENCE)
    assert found["held"] == {"duplicate": [("missing", ["L4"])]}
    assert "2 on the left, 1 on the right" in found["reason"]


def test_counterparts_too_far_away_do_not_count_and_are_told():
    left = [item(1, reference="A", booked=1), item(2, reference="A", booked=2)]
    result = outcome(left, [item(1, reference="A", booked=20)], BY_REFERENCE)
    assert causes(result)["duplicate"] == [("missing", ["L2"])]
    (reason,) = result.breaks.filter(cause="duplicate")["reason"]
    assert reason.endswith("2 on the left, 0 on the right, 1 more there over 3 days away")


# --- timing and kept apart ------------------------------------------------------------------


def test_the_same_item_outside_the_window_is_a_timing_difference():
    found = one_break([item(1, reference="A")], [item(1, reference="A", booked=20)])
    assert found["held"] == {"timing": [("mismatched", ["L1", "R1"])]}
    assert found["amount"] == 0
    assert found["reason"] == (
        "the right item with the same reference A and amount is booked 10 days later, "
        "outside the window of every pass"
    )
    assert found["evidence"] == {
        "currency": "EUR",
        "left_amount": "100.00",
        "right_amount": "100.00",
        "difference": "0.00",
        "left_booked_on": "2026-01-10",
        "right_booked_on": "2026-01-20",
        "left_reference": "A",
        "right_reference": "A",
    }


def test_a_date_that_is_a_key_is_a_window_of_no_days():
    found = one_break(
        [item(1, reference="A")],
        [item(1, reference="A", booked=11)],
        exact("reference", "booked_on"),
    )
    assert found["cause"] == "timing"


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ("Acme", "Zeta", "counterparty differs: Acme / Zeta"),
        ("Acme", "", "counterparty differs: Acme / none"),
        ("", "Zeta", "counterparty differs: none / Zeta"),
        ("", "", "counterparty is blank on both sides"),
    ],
)
def test_what_another_key_keeps_apart_is_unknown_and_the_key_is_named(left, right, words):
    found = one_break(
        [item(1, reference="A", counterparty=left)],
        [item(1, reference="A", counterparty=right)],
        exact("reference", "counterparty"),
    )
    assert found["held"] == {"unknown": [("mismatched", ["L1", "R1"])]}
    assert found["reason"] == f"reference A and amount agree, but {words}"


def test_what_no_pass_would_take_together_is_unknown():
    found = one_break(
        [item(1, "-5.00", reference="A")],
        [item(1, "-5.00", reference="A")],
        exact("reference", sign="opposite"),
    )
    assert found["reason"] == "reference A and amount agree, but no pass takes them together"


def test_several_on_both_sides_that_do_not_add_up_are_one_unknown():
    left = [item(1, "60.00", reference="A"), item(2, "50.00", reference="A")]
    right = [item(1, "70.00", reference="A"), item(2, "45.00", reference="A")]
    found = one_break(left, right)
    assert found["held"] == {"unknown": [("mismatched", ["L1", "L2", "R1", "R2"])]}
    assert found["reason"] == (
        "2 left and 2 right items share the reference A: 110.00 against 115.00 EUR"
    )
    assert found["evidence"]["left_count"] == 2
    assert found["amount"] == units("-5.00")


@pytest.mark.parametrize("name", ["account", "counterparty"])
def test_of_equal_items_those_of_one_account_or_counterparty_belong_together(name):
    step = exact("reference", name, date_window=window(0, 3))
    left = [item(1, reference="A", booked=1, **{name: "X"}), item(2, reference="A", **{name: "Y"})]
    right = [
        item(1, reference="A", booked=20, **{name: "Y"}),
        item(2, reference="A", booked=21, **{name: "X"}),
    ]
    result = outcome(left, right, step, causes={"duplicate_days": 0})
    assert causes(result) == {
        "timing": [("mismatched", ["L1", "R2"]), ("mismatched", ["L2", "R1"])]
    }
    assert not any("differs" in reason for reason in result.breaks["reason"])


def test_what_differs_besides_the_time_is_named():
    step = exact("reference", "account", date_window=window(0, 3))
    left = [item(1, reference="A", account="X")]
    found = one_break(left, [item(1, reference="A", booked=20, account="Y")], step)
    assert found["held"] == {"timing": [("mismatched", ["L1", "R1"])]}
    assert found["reason"].endswith("outside the window of every pass; account differs: X / Y")
    assert found["evidence"]["differing"] == ["account differs: X / Y"]


# --- sign, split ----------------------------------------------------------------------------


def test_opposite_amounts_of_one_reference_are_a_sign_error():
    found = pair_break("40.00", "-40.00")
    assert found["held"] == {"sign": [("mismatched", ["L1", "R1"])]}
    assert found["reason"] == (
        "reference INV-1 is on both sides with opposite signs: 40.00 / -40.00 EUR"
    )
    assert found["amount"] == units("80.00")


@pytest.mark.parametrize("one_side", ["left", "right"])
def test_one_item_that_is_the_sum_of_several_is_split(one_side):
    one = [item(1, "100.00", reference="A")]
    many = [item(1, "60.00", reference="A"), item(2, "40.00", reference="A")]
    left, right = (one, many) if one_side == "left" else (many, one)
    found = one_break(left, right)
    assert found["cause"] == "split"
    assert len(found["held"]["split"][0][1]) == 3
    other = "right" if one_side == "left" else "left"
    assert found["reason"] == (
        f"reference A: one item of 100.00 EUR on the {one_side} "
        f"is 2 items of the same sum on the {other}"
    )
    assert found["evidence"][f"{other}_amounts"] == ["40.00", "60.00"]


def test_a_payout_is_found_by_an_attribute_of_its_lines():
    payout = [item(1, "100.00", reference="po_1")]
    lines = [
        item(1, "60.00", reference="X", attributes={"payout_id": "po_1"}),
        item(2, "40.00", reference="Y", attributes={"payout_id": "po_1"}),
    ]
    found = one_break(payout, lines)
    assert found["cause"] == "split"
    assert found["evidence"]["right_key"] == "attributes.payout_id"
    flipped = one_break(lines, payout)
    assert flipped["reason"].startswith("reference po_1: one item of 100.00 EUR on the right")


def test_several_that_do_not_add_up_are_no_split():
    many = [item(1, "60.00", reference="A"), item(2, "40.01", reference="A")]
    found = one_break([item(1, "100.00", reference="A")], many)
    assert found["cause"] == "unknown"


# --- differences of one pair ----------------------------------------------------------------

CARD = {"name": "card", "percent": "2.9", "fixed": "0.30"}


@pytest.mark.parametrize(
    ("left", "right", "settings", "words"),
    [
        ("100.00", "96.80", {}, "right amount is net of a fee of 3.20 EUR: "),
        ("96.80", "100.00", {}, "left amount is net of a fee of 3.20 EUR: "),
        ("-100.00", "-96.80", {}, "right amount is net of a fee of 3.20 EUR: "),
        ("33.33", "32.06", {}, "right amount is net of a fee of 1.27 EUR: "),
    ],
)
def test_a_fee_of_a_schedule_explains_a_difference(left, right, settings, words):
    found = pair_break(left, right, fee_schedules=[CARD], **settings)
    assert found["cause"] == "fee"
    assert found["reason"] == words + "schedule card (2.9% + 0.3)"
    assert found["evidence"]["source"] == "schedule card (2.9% + 0.3)"


def test_a_rounded_half_may_go_either_way():
    schedule = [{"name": "half", "percent": "2.5"}]  # of 1.00: 0.025
    for net in ("0.98", "0.97"):
        found = pair_break("1.00", net, fee_schedules=schedule)
        assert found["reason"].endswith("schedule half (2.5%)")
    assert pair_break("1.00", "0.96", fee_schedules=schedule)["cause"] == "amount"


def test_a_schedule_holds_for_its_currency_alone():
    schedule = [{**CARD, "currency": "USD"}, {"name": "flat", "fixed": "3.20"}]
    found = pair_break("100.00", "96.80", fee_schedules=schedule)
    assert found["reason"].endswith("schedule flat (3.2)")


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_fee_stated_on_an_item_explains_a_difference(side):
    stated = {"attributes": {"fee": "-1.25"}}
    left = item(1, "50.00", reference="A", **(stated if side == "left" else {}))
    right = item(1, "48.75", reference="A", **(stated if side == "right" else {}))
    found = one_break([left], [right])
    assert (found["cause"], found["evidence"]["fee"]) == ("fee", "1.25")
    assert found["reason"].endswith(f"stated on the {side} item")


def rated(amount: str, quantity: object, rate: object) -> dict:
    return item(1, amount, reference="A", attributes={"quantity": quantity, "rate": rate})


def test_another_rate_for_the_same_quantity_is_a_rate_change():
    found = one_break([rated("150.00", 12, 12.5)], [rated("154.20", "12", "12.85")])
    assert found["held"] == {"rate_change": [("mismatched", ["L1", "R1"])]}
    assert found["reason"] == (
        "rate differs: 12.5 / 12.85 for the same quantity of 12; both amounts are quantity x rate"
    )
    assert found["evidence"]["right_rate"] == "12.85"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("150.00", 12, 12.5), ("154.20", 12.1, 12.85)),
        (("150.00", 12, 12.5), ("154.30", 12, 12.85)),
        (("150.10", 12, 12.5), ("154.20", 12, 12.85)),
        (("150.00", 12, 12.5), ("154.20", 12, 12.5)),
        (("150.00", 12, 12.5), ("154.20", 12, None)),
        (("150.00", 12, 12.5), ("154.20", 12, True)),
        (("150.00", 12, 12.5), ("154.20", 12, "many")),
        (("150.00", 12, 12.5), ("154.20", 12, "NaN")),
        (("150.00", 12, 12.5), ("154.20", 12, "1e999999")),
    ],
)
def test_only_the_whole_evidence_makes_a_rate_change(left, right):
    assert one_break([rated(*left)], [rated(*right)])["cause"] == "amount"


@pytest.mark.parametrize("attributes", ["", "[1, 2]", "{broken", "[" * 100_000])
def test_attributes_that_are_no_object_are_no_evidence(attributes):
    left, right = rated("150.00", 12, 12.5), rated("154.20", 12, 12.85)
    right["attributes"] = attributes
    assert one_break([left], [right])["cause"] == "amount"


@pytest.mark.parametrize(
    ("left", "right", "cause"),
    [
        ("100.00", "100.01", "rounding"),
        ("100.00", "99.995", "rounding"),
        ("0.00", "-0.01", "rounding"),
        ("100.00", "100.02", "amount"),
        ("154.00", "145.00", "transposed_digits"),
        ("-154.00", "-145.00", "transposed_digits"),
        ("154.00", "-145.00", "amount"),
        ("100.00", "10.00", "amount"),
        ("100.00", "91.00", "amount"),
        ("100.00", "-96.80", "amount"),
    ],
)
def test_other_differences_of_one_pair(left, right, cause):
    found = pair_break(left, right, fee_schedules=[CARD])
    assert found["cause"] == cause
    assert found["state"] == "mismatched"


def test_a_yen_is_the_smallest_of_its_coins():
    assert pair_break("100", "101", {"currency": "JPY"})["cause"] == "rounding"
    assert pair_break("100", "102", {"currency": "JPY"})["cause"] == "amount"


def test_rounding_is_as_wide_as_the_rules_say():
    assert pair_break("100.00", "100.03", causes={"rounding_units": 3})["cause"] == "rounding"
    assert pair_break("100.00", "100.01", causes={"rounding_units": 0})["cause"] == "amount"


def test_differences_say_what_they_are():
    assert pair_break("100.00", "100.01")["reason"] == (
        "amounts differ by 0.01 EUR (rounding up to 0.01)"
    )
    assert pair_break("154.00", "145.00")["reason"] == (
        "digits in another order: 154.00 / 145.00, the difference is a multiple of nine"
    )
    assert pair_break("150.00", "145.00")["reason"] == (
        "amount differs by 5.00 EUR, reference INV-1 is equal"
    )


def test_a_changed_rate_comes_before_a_fee():
    left, right = rated("100.00", 10, 10), rated("96.80", 10, 9.68)
    assert one_break([left], [right], fee_schedules=[CARD])["cause"] == "rate_change"


def test_a_fee_comes_before_rounding():
    schedule = [{"name": "cent", "fixed": "0.01"}]
    assert pair_break("100.00", "99.99", fee_schedules=schedule)["cause"] == "fee"


# --- reference ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "parties", "cause"),
    [
        ("ABC123", "ABC124", ("", ""), "reference"),
        ("ABC123", "ABC132", ("", ""), "reference"),
        ("ABC123", "ABC12", ("", ""), "reference"),
        ("abc-123", "ABC 123", ("Acme", "ACME."), "reference"),
        ("ABC123", "ABC199", ("", ""), None),
        ("ABC123", "ABC124", ("Acme", "Zeta"), None),
        ("ABC123", "ABC124", ("Acme", ""), "reference"),
        ("A1", "A2", ("", ""), None),
        ("ABC123", "", ("Acme", "Acme"), "reference"),
        ("", "ABC123", ("Acme", "Acme"), "reference"),
        ("ABC123", "", ("", ""), None),
        ("ABC123", "", ("Acme", "Zeta"), None),
        ("", "", ("Acme", "Acme"), None),
    ],
)
def test_a_mistyped_reference_is_told_from_another_one(left, right, parties, cause):
    one = item(1, reference=left, counterparty=parties[0])
    other = item(1, reference=right, counterparty=parties[1], booked=12)
    found = causes(outcome([one], [other], BY_REFERENCE))
    expected = (
        {cause: [("mismatched", ["L1", "R1"])]}
        if cause
        else {
            "missing_right": [("missing", ["L1"])],
            "missing_left": [("missing", ["R1"])],
        }
    )
    assert found == expected


def test_a_mistyped_reference_is_told_with_both_spellings():
    found = one_break([item(1, reference="ABC123")], [item(1, reference="ABC124", booked=9)])
    assert (
        found["reason"] == "reference differs: ABC123 / ABC124 (one character is another); "
        "amount equal, booked 1 day earlier"
    )


@pytest.mark.parametrize("changes", [{"booked": 14}, {"amount": "100.01"}])
def test_another_date_or_amount_is_another_item(changes):
    found = causes(
        outcome(
            [item(1, reference="ABC123")], [item(1, reference="ABC124", **changes)], BY_REFERENCE
        )
    )
    assert set(found) == {"missing_right", "missing_left"}


def test_of_several_equal_amounts_none_is_taken_for_a_mistyped_one():
    left = [item(1, reference="ABC123")]
    right = [item(1, reference="ABC124"), item(2, reference="XYZ")]
    assert "reference" not in causes(outcome(left, right, BY_REFERENCE))


# --- all together ---------------------------------------------------------------------------


def test_breaks_are_numbered_by_their_smallest_ids_and_totalled():
    left = [item(7, "5.00", reference="A"), item(3, "9.00", reference="B")]
    right = [item(1, "6.00", reference="A"), item(2, "1.00")]
    result = outcome(left, right, BY_REFERENCE, materiality="1.00")
    columns = ["break_no", "cause", "currency", "left_total", "right_total", "amount"]
    assert result.breaks.select(columns).rows() == [
        (1, "missing_right", "EUR", units("9.00"), 0, units("9.00")),
        (2, "amount", "EUR", units("5.00"), units("6.00"), units("-1.00")),
        (3, "missing_left", "EUR", 0, units("1.00"), units("-1.00")),
    ]
    assert result.break_items.rows() == [
        (1, "left", 3),
        (2, "left", 7),
        (2, "right", 1),
        (3, "right", 2),
    ]


@pytest.mark.parametrize(("materiality", "is_material"), [("5.00", True), ("5.01", False)])
def test_a_break_is_material_from_the_amount_of_the_rules_on(materiality, is_material):
    found = pair_break("145.00", "150.00", materiality=materiality)
    assert found["is_material"] is is_material


def test_a_refused_tie_is_ambiguous_whatever_else_could_be_said_of_it():
    left = [item(1, reference="A")]
    right = [item(1, reference="A", narrative="a"), item(2, reference="A", narrative="b")]
    assert causes(outcome(left, right, BY_REFERENCE)) == {
        "ambiguous": [("mismatched", ["L1", "R1", "R2"])]
    }


def test_items_builder_makes_frames_of_the_contract():
    frame = items(item(1, "1.2345"))
    assert frame["amount"].to_list() == [12345]
    assert rules(near("0.01", "reference")).passes[0].tolerance.absolute == 100
