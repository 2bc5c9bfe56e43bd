"""Fee- and FX-aware passes: what is compared is net and in one currency, the rest is explained."""

from __future__ import annotations

import json
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation.matching import RATE_SCHEMA, FeeSchedule, ItemsInvalid, reconcile
from tests.examples import slow
from tests.reconciliation.matching.making import (
    AS_OF,
    causes,
    exact,
    grouped,
    item,
    items,
    near,
    outcome,
    rules,
    units,
    window,
)

SLOW = slow(20)
CARD = [{"name": "card", "percent": "2.9", "fixed": "0.30"}]
USD = {"currency": "USD"}


def rate(identifier: str, text: str, on: int = 5, **given) -> dict:
    """A rate from dollars to euros."""
    base = {"id": identifier, "currency": "USD", "to": "EUR", "on": f"2026-01-{on:02}"}
    return {**base, "rate": text, **given}


def rates(*rows: dict) -> pl.DataFrame:
    return pl.DataFrame(
        [{**row, "on": date.fromisoformat(row["on"])} for row in rows], schema=RATE_SCHEMA
    )


def parts(result, group: int = 0) -> list[tuple[str, str]]:
    """What the difference of a group is made of."""
    found = json.loads(result.groups["difference_parts"][group])
    return [(each["kind"], each["amount"]) for each in found]


def reasons(result, group: int = 0) -> list[str]:
    return json.loads(result.groups["reasons"][group])


@pytest.mark.parametrize(
    ("gross", "left", "right", "difference", "part"),
    [
        ("left", "100.00", "96.80", 32000, ("fee", "3.20")),
        ("right", "96.80", "100.00", -32000, ("fee", "-3.20")),
    ],
)
def test_the_fee_is_the_difference_of_the_group(gross, left, right, difference, part):
    step = exact("reference", fee={"gross": gross, "schedule": "card"})
    both = [item(1, left, reference="A")], [item(1, right, reference="A")]
    result = outcome(*both, step, fee_schedules=CARD)
    assert result.groups["difference"].to_list() == [difference]
    assert parts(result) == [part]
    net = "right" if gross == "left" else "left"
    assert f"{net} is net of a fee of 3.20 EUR (schedule card)" in reasons(result)
    assert "amount equal" in reasons(result)


def test_a_fee_beside_a_rounding_and_beside_a_difference():
    step = near("1.00", "reference", fee={"gross": "left", "schedule": "card"})
    left = [item(1, "100.00", reference="A"), item(2, "100.00", reference="B")]
    right = [item(1, "96.81", reference="A"), item(2, "96.00", reference="B")]
    result = outcome(left, right, step, fee_schedules=CARD)
    assert parts(result) == [("fee", "3.20"), ("rounding", "-0.01")]
    assert parts(result, 1) == [("fee", "3.20"), ("amount", "0.80")]
    assert "amount differs by 0.80 EUR (tolerance 1.00)" in reasons(result, 1)


def test_nothing_is_charged_on_what_goes_back():
    step = exact("reference", fee={"gross": "left", "schedule": "card"})
    population = [item(1, "-10.00", reference="A"), item(2, "0.00", reference="B")]
    result = outcome(population, population, step, fee_schedules=CARD)
    assert grouped(result) == ["L1 R1", "L2 R2"]
    assert not any("fee" in words for words in result.groups["reasons"])


@pytest.mark.parametrize(
    ("refunds", "net", "part", "words"),
    [
        ("given_back", "-96.80", ("fee", "-3.20"), "3.20 EUR given back (schedule card)"),
        ("percent_given_back", "-97.10", ("fee", "-2.90"), "2.90 EUR given back (schedule card)"),
        ("kept", "-100.00", None, None),
    ],
)
def test_of_a_refund_the_fee_is_given_back_or_kept(refunds, net, part, words):
    step = exact("reference", fee={"gross": "left", "schedule": "card"})
    schedules = [{**CARD[0], "refunds": refunds}]
    both = [item(1, "-100.00", reference="A")], [item(1, net, reference="A")]
    result = outcome(*both, step, fee_schedules=schedules)
    assert grouped(result) == ["L1 R1"]
    assert parts(result) == ([part] if part else [])
    told = [sentence for sentence in reasons(result) if "fee" in sentence]
    assert told == ([f"right is net of a fee of {words}"] if words else [])


@pytest.mark.parametrize(
    ("refunds", "payout", "fee"),
    [("kept", "61.93", "-3.07"), ("given_back", "62.81", "-2.19")],
)
def test_refunds_and_chargebacks_go_off_the_payout(refunds, payout, fee):
    """60.00 - 2.04, 25.00 - 1.03, -20.00 and, if it is given back, 0.88 of it."""
    step = {
        "name": "payouts",
        "kind": "aggregated",
        "keys": ["reference=attributes.payout_id"],
        "fee": {"gross": "right", "schedule": "card"},
    }
    sales = [
        item(n, amount, attributes={"payout_id": "po-1"})
        for n, amount in enumerate(["60.00", "25.00", "-20.00"])
    ]
    left = [item(1, payout, reference="po-1")]
    result = outcome(left, sales, step, fee_schedules=[{**CARD[0], "refunds": refunds}])
    assert grouped(result) == ["L1 R0 R1 R2"]
    assert parts(result) == [("fee", fee)]


def test_a_payout_of_nothing_but_refunds_is_taken_from_the_bank():
    step = {
        "name": "payouts",
        "kind": "aggregated",
        "keys": ["reference=attributes.payout_id"],
        "fee": {"gross": "right", "schedule": "card"},
    }
    refunds = [item(n, "-10.00", attributes={"payout_id": "po-2"}) for n in (1, 2)]
    left = [item(1, "-18.82", reference="po-2")]
    result = outcome(left, refunds, step, fee_schedules=[{**CARD[0], "refunds": "given_back"}])
    assert grouped(result) == ["L1 R1 R2"]
    assert "left is net of a fee of 1.18 EUR given back (schedule card)" in reasons(result)


@pytest.mark.parametrize(
    ("refunds", "cause"), [("kept", "fee"), ("given_back", "fee"), ("percent_given_back", "amount")]
)
def test_a_refund_that_no_pass_matches_is_explained_by_its_fee(refunds, cause):
    """3.20 is the whole fee of 100.00; of the percentage alone it would be 2.90."""
    schedules = [{**CARD[0], "refunds": refunds}]
    both = [item(1, "-100.00", reference="A")], [item(1, "-96.80", reference="A")]
    assert list(causes(outcome(*both, exact("reference"), fee_schedules=schedules))) == [cause]


def test_a_schedule_of_one_currency_leaves_others_alone():
    schedule = [{**CARD[0], "currency": "USD"}]
    step = exact("reference", fee={"gross": "left", "schedule": "card"})
    left, right = [item(1, "100.00", reference="A")], [item(1, "96.80", reference="A")]
    assert grouped(outcome(left, right, step, fee_schedules=schedule)) == []
    usd = [[{**each, **USD} for each in side] for side in (left, right)]
    assert grouped(outcome(*usd, step, fee_schedules=schedule)) == ["L1 R1"]


@pytest.mark.parametrize(
    ("stated", "net", "fits"),
    [
        ("3.2", "96.80", True),
        ("3.2000", "96.80", True),
        ("3", "97.00", True),
        ("0", "100.00", True),
        ("3.20001", "96.80", False),
        ("-3.20", "103.20", False),
        ("--3.20", "103.20", False),
        ("free", "100.00", False),
        ("", "100.00", False),
    ],
)
def test_a_fee_that_the_gross_item_states(stated, net, fits):
    step = exact("reference", fee={"gross": "left", "stated": "attributes.fee"})
    left = [item(1, "100.00", reference="A", attributes={"fee": stated})]
    result = outcome(left, [item(1, net, reference="A")], step)
    assert bool(grouped(result)) is fits
    if fits and stated != "0":
        assert any("(stated as fee)" in words for words in reasons(result))


@pytest.mark.parametrize(
    ("stated", "net", "words"),
    [
        ("-3.20", "-96.80", "3.20 EUR given back (stated as fee)"),
        ("-0.5", "-99.50", "0.50 EUR given back (stated as fee)"),
        ("15.00", "-115.00", "15.00 EUR (stated as fee)"),
        ("0", "-100.00", None),
    ],
)
def test_a_refund_states_what_is_given_back_and_a_chargeback_what_it_costs(stated, net, words):
    step = exact("reference", fee={"gross": "left", "stated": "attributes.fee"})
    left = [item(1, "-100.00", reference="A", attributes={"fee": stated})]
    result = outcome(left, [item(1, net, reference="A")], step)
    assert grouped(result) == ["L1 R1"]
    told = [sentence for sentence in reasons(result) if "fee of" in sentence]
    assert told == ([f"right is net of a fee of {words}"] if words else [])


def test_a_payout_pays_for_its_orders_net_of_the_fee_on_each():
    step = {
        "name": "payouts",
        "kind": "aggregated",
        "keys": ["reference=attributes.payout_id"],
        "fee": {"gross": "right", "schedule": "card"},
    }
    orders = [
        item(n, amount, attributes={"payout_id": "po-1"})
        for n, amount in enumerate(["10.00", "20.00", "33.33", "-20.00"])
    ]
    # 10.00 - 0.59 + 20.00 - 0.88 + 33.33 - 1.27 - 20.00
    result = outcome([item(1, "40.59", reference="po-1")], orders, step, fee_schedules=CARD)
    assert grouped(result) == ["L1 R0 R1 R2 R3"]
    assert parts(result) == [("fee", "-2.74")]
    assert "left is net of a fee of 2.74 EUR (schedule card)" in reasons(result)


def test_a_subset_is_looked_for_among_net_amounts():
    step = {
        "name": "s",
        "kind": "subset",
        "keys": ["counterparty"],
        "fee": {"gross": "right", "schedule": "card"},
    }
    acme = {"counterparty": "Acme"}
    orders = [item(n, a, **acme) for n, a in enumerate(["10.00", "20.00", "50.00"])]
    result = outcome([item(1, "28.53", **acme)], orders, step, fee_schedules=CARD)
    assert grouped(result) == ["L1 R0 R1"]
    assert parts(result) == [("fee", "-1.47")]


def test_amounts_are_compared_in_one_currency_and_the_rate_is_named():
    left = [item(1, "101.20", reference="A")]
    right = [item(1, "110.00", reference="A", **USD)]
    step = exact("reference", fx={"to": "EUR"})
    result = outcome(left, right, step, rates=[rate("ecb-1", "0.92")])
    assert grouped(result) == ["L1 R1"]
    assert reasons(result) == [
        "reference equal: A",
        "right converted to EUR at 0.92 (rate ecb-1)",
        "amount equal",
        "booked on the same day",
    ]
    row = result.groups.row(0, named=True)
    assert (row["currency"], row["left_total"], row["right_total"]) == ("EUR", 1012000, 1012000)
    assert result.items["allocated"].to_list() == [1012000, 1100000]
    exchanged = dict(result.proof.select("currency", "exchanged").iter_rows())
    assert exchanged == {"EUR": 1012000, "USD": -1100000}


def test_fx_difference_and_rounding_are_told_apart():
    step = near("0.50", "reference", fx={"to": "EUR"})
    left = [item(1, "101.20", reference="A"), item(2, "101.21", reference="B")]
    right = [item(n, a, reference=r, **USD) for n, a, r in ((1, "110.50", "A"), (2, "110.00", "B"))]
    result = outcome(left, right, step, rates=[rate("ecb-1", "0.92")])
    assert parts(result) == [("fx", "-0.46")]
    assert parts(result, 1) == [("rounding", "0.01")]


def test_fee_and_exchange_in_one_pass_are_told_apart():
    step = {
        "name": "a",
        "kind": "aggregated",
        "keys": ["reference"],
        "tolerance": {"absolute": "0.50"},
        "fx": {"to": "EUR"},
        "fee": {"gross": "right", "schedule": "card"},
    }
    right = [item(n, "55.00", reference="P", **USD) for n in (1, 2)]
    result = outcome(
        [item(1, "98.00", reference="P")],
        right,
        step,
        fee_schedules=CARD,
        rates=[rate("ecb-1", "0.92")],
    )
    assert parts(result) == [("fee", "-3.50"), ("fx", "0.30")]
    assert "right converted to EUR at 0.92 (rate ecb-1)" in reasons(result)


def test_a_batch_names_every_rate_once():
    step = {"name": "a", "kind": "aggregated", "keys": ["reference"], "fx": {"to": "EUR"}}
    right = [item(n, "10.00", on, reference="P", **USD) for n, on in enumerate((5, 5, 6))]
    table = [rate("a", "0.9"), rate("b", "0.8", on=6)]
    result = outcome([item(1, "26.00", reference="P")], right, step, rates=table)
    assert "right converted to EUR at 0.8 (rate b), 0.9 (rate a)" in reasons(result)


@pytest.mark.parametrize(
    ("booked", "most_days", "value"),
    [(5, 7, "9.20"), (6, 0, "9.50"), (7, 0, None), (7, 1, "9.50"), (4, 7, None), (31, 7, None)],
)
def test_the_newest_rate_up_to_the_day_counts(booked, most_days, value):
    table = [rate("a", "0.92"), rate("b", "0.95", on=6)]
    step = near("5.00", "reference", fx={"to": "EUR", "most_days": most_days})
    left = [item(1, "9.00", reference="A")]
    result = outcome(left, [item(1, "10.00", booked, reference="A", **USD)], step, rates=table)
    totals = result.groups["right_total"].to_list()
    assert totals == ([] if value is None else [units(value)])


def test_the_rates_may_come_as_a_frame():
    left, right = (
        items(item(1, "9.20", reference="A")),
        items(item(1, "10.00", reference="A", **USD)),
    )
    rule_set = rules(exact("reference", fx={"to": "EUR"}), rates=[rate("old", "0.5", on=1)])
    result = reconcile(left, right, rule_set, as_of=AS_OF, rates=rates(rate("new", "0.92")))
    assert grouped(result) == ["L1 R1"]
    assert "(rate new)" in result.groups["reasons"][0]


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (pl.DataFrame({"id": ["a"]}), "rates: the columns are not those of"),
        (rates(rate("a", "0.92", currency="XYZ")), "rates: a: 'XYZ' is not an ISO 4217 currency"),
        (rates(rate("a", "0,92")), "rates: a: must be a decimal string, not '0,92'"),
        (rates(rate("a", "0")), "rates: a: must be above 0, not '0'"),
        (rates(rate("a", "0.92"), {**rate("b", "1"), "id": None}), "rates: a value is null"),
        (
            rates(rate("a", "0.92"), rate("b", "0.93")),
            "rates: b is a second rate from USD to EUR for 2026-01-05",
        ),
    ],
)
def test_a_frame_of_rates_that_breaks_its_contract_is_refused(frame, fault):
    with pytest.raises(ItemsInvalid) as refusal:
        reconcile(items(), items(), rules(exact("reference")), as_of=AS_OF, rates=frame)
    assert str(refusal.value).startswith(fault)


def test_what_a_rate_makes_too_large_is_refused():
    step = exact("reference", fx={"to": "EUR"})
    huge = items(item(1, reference="A", currency="USD") | {"amount": 2**61})
    rule_set = rules(step, rates=[rate("a", "3")])
    with pytest.raises(ItemsInvalid) as refusal:
        reconcile(huge, items(), rule_set, as_of=AS_OF)
    assert str(refusal.value) == "the amounts in EUR add up to more than a total can hold"


def test_equal_amounts_of_two_currencies_are_not_interchangeable():
    table = [rate("a", "0.5"), rate("b", "0.5", currency="CAD")]
    left = [item(1, "5.00", reference="A")]
    right = [item(n, "10.00", reference="A", currency=code) for n, code in ((1, "USD"), (2, "CAD"))]
    result = outcome(left, right, exact("reference", fx={"to": "EUR"}), rates=table)
    assert grouped(result) == []
    assert causes(result)["ambiguous"] == [
        ("mismatched", ["L1"]),
        ("mismatched", ["R1"]),
        ("mismatched", ["R2"]),
    ]
    assert all('"right_candidates": [1, 2]' in text for text in result.ambiguous["evidence"])


VND = {"currency": "VND"}
DONG = [rate("d", "0.0000394", currency="VND"), rate("a", "0.92")]


@pytest.mark.parametrize("crowd", [1, 3])
def test_a_rate_does_not_hide_a_difference_in_one_currency(crowd):
    left = [item(n, "1000000", reference="A", **VND) for n in range(crowd)]
    right = [item(n, "1000120", reference="A", **VND) for n in range(crowd)]
    result = outcome(left, right, exact("reference", fx={"to": "EUR"}), rates=DONG)
    assert grouped(result) == []
    assert set(result.proof["exchanged"]) == {0}


def test_equal_amounts_of_one_foreign_currency_agree_and_other_currencies_as_before():
    left = [item(1, "1000000", reference="A", **VND), item(2, "39.40", reference="B")]
    right = [item(1, "1000000", reference="A", **VND), item(2, "1000120", reference="B", **VND)]
    result = outcome(left, right, exact("reference", fx={"to": "EUR"}), rates=DONG)
    assert grouped(result) == ["L1 R1", "L2 R2"]


def test_who_has_a_choice_takes_the_amount_that_is_equal_before_the_rate():
    left = [item(1, "1000000", reference="A", **VND), item(2, "1000120", reference="A", **VND)]
    right = [item(1, "1000120", reference="A", **VND), item(2, "1000000", reference="A", **VND)]
    result = outcome(left, right, exact("reference", fx={"to": "EUR"}), rates=DONG)
    assert grouped(result) == ["L1 R2", "L2 R1"]


def test_a_tolerance_is_counted_in_the_currency_of_the_pass():
    left = [item(1, "1000000", reference="A", **VND)]
    right = [item(1, "1000120", reference="A", **VND)]
    result = outcome(left, right, near("0.01", "reference", fx={"to": "EUR"}), rates=DONG)
    assert grouped(result) == ["L1 R1"]


@pytest.mark.parametrize(("sign", "right"), [("opposite", "-1000000"), ("unsigned", "-1000000")])
def test_the_own_amount_is_compared_with_the_sign_of_the_pass(sign, right):
    step = exact("reference", fx={"to": "EUR"}, sign=sign)
    sides = [[item(1, each, reference="A", **VND)] for each in ("1000000", right)]
    assert grouped(outcome(*sides, step, rates=DONG)) == ["L1 R1"]


@pytest.mark.parametrize("kind", ["aggregated", "subset"])
@pytest.mark.parametrize(
    ("whole", "fits"), [("1000000", ["L1 R1 R2"]), ("1000120", []), ("-1000000", [])]
)
def test_a_rate_hides_no_difference_between_sums_of_one_currency(kind, whole, fits):
    step = {"name": "s", "kind": kind, "keys": ["reference"], "fx": {"to": "EUR"}}
    left = [item(1, whole, reference="A", **VND)]
    right = [item(n, a, reference="A", **VND) for n, a in ((1, "400000"), (2, "600000"))]
    result = outcome(left, right, step, rates=DONG)
    assert grouped(result) == fits


@pytest.mark.parametrize(("whole", "fits"), [("-1000000", ["L1 R1 R2"]), ("-1000120", [])])
@pytest.mark.parametrize("sign", ["unsigned", "opposite"])
def test_own_sums_are_compared_with_the_sign_of_the_pass(sign, whole, fits):
    step = {"name": "s", "kind": "aggregated", "keys": ["reference"], "fx": {"to": "EUR"}}
    left = [item(1, whole, reference="A", **VND)]
    right = [item(n, a, reference="A", **VND) for n, a in ((1, "-400000"), (2, "1400000"))]
    assert grouped(outcome(left, right, step | {"sign": sign}, rates=DONG)) == fits


@pytest.mark.parametrize("kind", ["aggregated", "subset"])
def test_sums_of_several_currencies_are_compared_after_the_rate(kind):
    step = {"name": "s", "kind": kind, "keys": ["reference"], "fx": {"to": "EUR"}}
    left = [item(1, "1000120", reference="A", **VND)]
    right = [item(1, "400000", reference="A", **VND), item(2, "23.64", reference="A")]
    assert grouped(outcome(left, right, step, rates=DONG)) == ["L1 R1 R2"]
    both = [item(1, "400050", reference="A", **VND), item(2, "23.64", reference="A")]
    assert grouped(outcome(both, right, sums_of(step), rates=DONG)) == ["L1 L2 R1 R2"]


def sums_of(step):
    """The same pass over sums of both sides."""
    return step | {"kind": "aggregated"}


def test_signs_are_a_part_of_the_difference_of_their_own():
    step = exact("reference", sign="opposite", fee={"gross": "left", "schedule": "card"})
    left, right = [item(1, "100.00", reference="A")], [item(1, "-96.80", reference="A")]
    result = outcome(left, right, step, fee_schedules=CARD)
    assert result.groups["difference"].to_list() == [1968000]
    assert parts(result) == [("fee", "3.20"), ("sign", "193.60")]


@SLOW
@given(
    st.integers(0, 2**60),
    st.integers(0, 10**6),
    st.integers(0, 100_000_000),
    st.sampled_from([10_000, 100, 10]),
    st.sampled_from(["kept", "given_back", "percent_given_back"]),
)
def test_a_fee_is_rounded_half_up_to_the_minor_unit(gross, fixed, percent, unit, refunds):
    """And what is given back of a refund is what was charged on the sale, as far as it is."""
    schedule = FeeSchedule("s", fixed=fixed, percent=percent, refunds=refunds)
    charged = schedule.charged(np.array([gross, -gross]), np.array([unit, unit])).tolist()

    def rounded(own_fixed: int) -> int:
        true = Decimal(own_fixed) + Decimal(gross) * Decimal(percent) / Decimal(10**8)
        return int((true / unit).quantize(Decimal(1), rounding=ROUND_HALF_UP) * unit)

    back = {"kept": 0, "given_back": rounded(fixed), "percent_given_back": rounded(0)}[refunds]
    assert charged == ([rounded(fixed), -back] if gross else [0, 0])


@st.composite
def populations(draw: st.DrawFn) -> tuple[list[dict], list[dict]]:
    def side() -> list[dict]:
        return [
            item(
                number,
                draw(
                    st.sampled_from(["10.00", "9.41", "9.20", "8.66", "-10.00", "-9.41", "20.00"])
                ),
                draw(st.integers(4, 7)),
                currency=draw(st.sampled_from(["EUR", "USD"])),
                reference=draw(st.sampled_from(["A", "B"])),
            )
            for number in draw(st.permutations(range(1, 1 + draw(st.integers(0, 5)))))
        ]

    return side(), side()


def _counted(each: dict, is_gross: bool, refunds: str) -> dict | None:
    """The item as the pass counts it: in euros, less the fee; None without a rate."""
    amount = Decimal(each["amount"]) / 10_000
    if is_gross and (amount > 0 or refunds != "kept"):
        fixed = Decimal(0) if amount < 0 and refunds != "given_back" else Decimal("0.30")
        fee = abs(amount) * Decimal("0.029") + fixed
        fee = fee.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        amount -= fee if amount > 0 else -fee
    if each["currency"] == "USD":
        if each["booked_on"] < date(2026, 1, 5):
            return None
        value = Decimal("0.92") if each["booked_on"] < date(2026, 1, 6) else Decimal("0.9")
        amount = (amount * value).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return {**each, "amount": int(amount * 10_000), "currency": "EUR", "narrative": str(each)}


@SLOW
@given(
    populations(),
    st.sampled_from(["exact", "tolerance", "aggregated", "subset"]),
    st.sampled_from(["kept", "given_back", "percent_given_back"]),
)
def test_a_pass_finds_what_it_would_find_among_the_amounts_as_it_counts_them(sides, kind, refunds):
    step = {"name": "p", "kind": kind, "keys": ["reference"], "date_window": window(2, 2)}
    if kind == "tolerance":
        step["tolerance"] = {"absolute": "0.60"}
    table = [rate("a", "0.92"), rate("b", "0.9", on=6)]
    rich = {**step, "fee": {"gross": "right", "schedule": "card"}, "fx": {"to": "EUR"}}
    # What is alike in everything else is told apart on both ways, so that the choice is the same.
    named = [[{**each, "narrative": str(each)} for each in side] for side in sides]
    result = reconcile(
        *(items(*side) for side in named),
        rules(rich, rates=table, fee_schedules=[{**CARD[0], "refunds": refunds}]),
        as_of=AS_OF,
    )
    counted = [
        [new for each in side if (new := _counted(each, is_gross, refunds))]
        for side, is_gross in zip(sides, (False, True), strict=True)
    ]
    plain = reconcile(*(items(*side) for side in counted), rules(step), as_of=AS_OF)
    assert grouped(result) == grouped(plain)
    assert result.proof_amount == 0
    for row in result.groups.iter_rows(named=True):
        made = [units(each["amount"]) for each in json.loads(row["difference_parts"])]
        assert sum(made) == row["difference"] == row["left_total"] - row["right_total"]
