"""Rule sets: read with every fault named by its path, written back, and told apart by digest."""

from __future__ import annotations

import copy
from datetime import date

import numpy as np
import pytest

from apps.reconciliation.matching import RuleSet, RulesInvalid, Tolerance
from apps.reconciliation.matching.pass_rules import PASS_KINDS
from apps.reconciliation.matching.passes.kinds import registered_kinds

FULL = {
    "version": "2026-01",
    "sides": {"right_sign": -1},
    "calendar": {"workdays": "1111100", "holidays": ["2026-01-06", "2026-01-01"]},
    "passes": [
        {
            "name": "reference",
            "kind": "exact",
            "keys": ["reference", "attributes.order_no"],
            "status": "automatic",
            "sign": "opposite",
            "date_field": "value_on",
            "date_window": {"before_days": 1, "after_days": 3, "unit": "business"},
        },
        {
            "name": "close",
            "kind": "tolerance",
            "keys": ["counterparty"],
            "status": "suggested",
            "sign": "same",
            "date_field": "booked_on",
            "tolerance": {"absolute": "0.05", "percent": "1.5", "combine": "smaller"},
        },
        {
            "name": "payouts",
            "kind": "aggregated",
            "keys": ["reference=attributes.payout_id"],
            "status": "automatic",
            "sign": "same",
            "date_field": "booked_on",
            "tolerance": {"absolute": "0.01", "combine": "larger"},
            "left_by": ["id"],
            "right_by": ["booked_on", "attributes.brand"],
        },
        {
            "name": "part payments",
            "kind": "subset",
            "keys": ["counterparty"],
            "status": "suggested",
            "sign": "opposite",
            "date_field": "booked_on",
            "cardinality": "one_to_many",
            "most_items": 6,
        },
        {
            "name": "own transfers",
            "kind": "offset",
            "keys": ["reference"],
            "status": "automatic",
            "sign": "same",
            "date_field": "booked_on",
            "tolerance": {"absolute": "0", "combine": "larger"},
            "side": "left",
            "different": "attributes.iban",
        },
    ],
    "awaited_days": 7,
    "materiality": "250",
    "fee_schedules": [{"name": "card", "fixed": "0.3", "percent": "2.9", "currency": "EUR"}],
    "causes": {
        "duplicate_days": 2,
        "reference_days": 4,
        "rounding_units": 2,
        "split_keys": ["attributes.payout_id"],
    },
}


def test_a_full_rule_set_is_read_and_written_back_alike():
    rules = RuleSet.from_mapping(FULL)
    expected = copy.deepcopy(FULL)
    expected["calendar"]["holidays"].sort()
    assert rules.to_mapping() == expected
    assert RuleSet.from_mapping(rules.to_mapping()) == rules
    assert rules.calendar.holidays == (date(2026, 1, 1), date(2026, 1, 6))
    assert rules.materiality == 250_0000
    assert rules.fee_schedules[0].percent == 2_900_000
    assert rules.attribute_keys == (
        "attributes.brand",
        "attributes.iban",
        "attributes.order_no",
        "attributes.payout_id",
    )
    assert rules.joint_keys == ("reference=attributes.payout_id",)


def test_a_tolerance_in_percent_alone_stays_one():
    tolerance = {"percent": "0.5", "combine": "larger"}
    step = {"name": "a", "kind": "tolerance", "keys": ["reference"], "tolerance": tolerance}
    rules = RuleSet.from_mapping({"version": "1", "passes": [step]})
    assert rules.passes[0].tolerance == Tolerance(absolute=None, percent=500_000)
    assert rules.to_mapping()["passes"][0]["tolerance"] == tolerance


def test_the_digest_is_that_of_the_meaning_and_not_of_the_spelling():
    plain = {"version": "1", "passes": [{"name": "a", "kind": "exact", "keys": ["reference"]}]}
    spelt = {
        "passes": [
            {
                "keys": ["reference"],
                "sign": "same",
                "kind": "exact",
                "name": "a",
                "tolerance": None,
            }
        ],
        "materiality": "0.00",
        "awaited_days": 5,
        "version": "1",
    }
    one, other = RuleSet.from_mapping(plain), RuleSet.from_mapping(spelt)
    assert one.digest == other.digest
    assert len(one.digest) == 64
    assert RuleSet.from_mapping({**plain, "materiality": "0.01"}).digest != one.digest
    assert RuleSet.from_mapping({**plain, "version": "2"}).digest != one.digest


def changed(path: list, value: object) -> dict:
    """FULL with one setting changed, or taken away if the value is Ellipsis."""
    mapping = copy.deepcopy(FULL)
    place = mapping
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return mapping


KINDS = ", ".join(PASS_KINDS)
PASS, NEAR, SUMS, PARTS, OWN = (["passes", number] for number in range(5))


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (["version"], ..., "version: must be a non-blank text"),
        (["version"], " ", "version: must be a non-blank text"),
        (["passes"], [], "passes: must hold at least one pass"),
        (["passes"], "none", "passes: must be a list of objects"),
        (["colour"], "red", "colour: is not a known setting"),
        (["awaited_days"], -1, "awaited_days: must be a whole number from 0 to 36600, not -1"),
        (["awaited_days"], True, "awaited_days: must be a whole number from 0 to 36600, not True"),
        (["awaited_days"], 2.5, "awaited_days: must be a whole number from 0 to 36600, not 2.5"),
        (["materiality"], 5, "materiality: must be a decimal string, not 5"),
        (["materiality"], "-5", "materiality: must not be negative: '-5'"),
        (["materiality"], "1e9", "materiality: must be a decimal string, not '1e9'"),
        (["materiality"], "NaN", "materiality: must be a decimal string, not 'NaN'"),
        (["materiality"], "1_000", "materiality: must be a decimal string, not '1_000'"),
        (
            ["materiality"],
            "100000000000000",
            "materiality: must be below 10^14, not '100000000000000'",
        ),
        (["sides"], {"right_sign": 0}, "sides.right_sign: must be 1 or -1"),
        (["sides"], [1], "sides: must be an object"),
        (
            ["calendar", "workdays"],
            "0000000",
            "calendar.workdays: must be seven 0s and 1s from Monday, at least one of them 1",
        ),
        (["calendar", "workdays"], 5, "calendar.workdays: must be a text"),
        (["calendar", "holidays"], "2026-01-01", "calendar.holidays: must be a list"),
        (
            ["calendar", "holidays"],
            ["1.1.2026"],
            "calendar.holidays[0]: must be a date as YYYY-MM-DD, not '1.1.2026'",
        ),
        (
            ["calendar", "holidays"],
            ["2026-02-30"],
            "calendar.holidays[0]: is no date: '2026-02-30'",
        ),
        (
            ["calendar", "holidays"],
            [20260101],
            "calendar.holidays[0]: must be a text, not 20260101",
        ),
        ([*PASS], "exact", "passes[0]: must be an object"),
        ([*PASS, "name"], "", "passes[0].name: must be a non-blank text"),
        ([*NEAR, "name"], "reference", "passes[1].name: is used twice: 'reference'"),
        (
            [*PASS, "kind"],
            "magic",
            f"passes[0].kind: must be one of {KINDS}, not 'magic'",
        ),
        (
            [*PASS, "kind"],
            ...,
            f"passes[0].kind: must be one of {KINDS}, not None",
        ),
        ([*PASS, "keys"], ["colour"], "passes[0].keys[0]: is no field of an item: 'colour'"),
        (
            [*PASS, "keys"],
            ["attributes.a b"],
            "passes[0].keys[0]: is no field of an item: 'attributes.a b'",
        ),
        (
            [*PASS, "keys"],
            ["reference", "reference"],
            "passes[0].keys[1]: is given twice: 'reference'",
        ),
        (
            [*PASS, "sign"],
            "negative",
            "passes[0].sign: must be one of same, opposite, unsigned, not 'negative'",
        ),
        ([*PASS, "tolerance"], {"absolute": "1"}, "passes[0].tolerance: an exact pass has none"),
        ([*PASS, "left_by"], ["id"], "passes[0].left_by: an exact pass has none"),
        ([*NEAR, "right_by"], ["id"], "passes[1].right_by: a tolerance pass has none"),
        (
            [*PASS, "keys"],
            ["reference=booked_on"],
            "passes[0].keys[0]: is no field of an item: 'reference=booked_on'",
        ),
        (
            [*SUMS, "left_by"],
            ["amount"],
            "passes[2].left_by[0]: is no field of an item: 'amount'",
        ),
        ([*SUMS, "most_items"], 3, "passes[2].most_items: an aggregated pass has none"),
        ([*SUMS, "cardinality"], "either", "passes[2].cardinality: an aggregated pass has none"),
        ([*PARTS, "tolerance"], {"absolute": "1"}, "passes[3].tolerance: a subset pass has none"),
        (
            [*PARTS, "most_items"],
            1,
            "passes[3].most_items: must be a whole number from 2 to 36600, not 1",
        ),
        (
            [*PARTS, "sign"],
            "unsigned",
            "passes[3].sign: a subset pass adds up with signs: same or opposite",
        ),
        (
            [*PARTS, "cardinality"],
            "2:1",
            "passes[3].cardinality: must be one of one_to_many, many_to_one, either, "
            "many_to_many, not '2:1'",
        ),
        ([*PARTS, "side"], "left", "passes[3].side: a subset pass has none"),
        (
            [*OWN, "sign"],
            "opposite",
            "passes[4].sign: an offset pass is always of opposite amounts",
        ),
        ([*OWN, "different"], "amount", "passes[4].different: is no field of an item: 'amount'"),
        ([*OWN, "different"], 5, "passes[4].different: is no field of an item: 5"),
        (
            [*OWN, "different"],
            "reference",
            "passes[4].different: 'reference' is among the keys, which are equal",
        ),
        (
            [*OWN, "keys"],
            ["reference=account"],
            "passes[4].keys[0]: an offset pass compares a field with itself",
        ),
        (
            [*SUMS, "keys"],
            ["amount"],
            "passes[2].keys: an aggregated pass cannot have amount among its keys",
        ),
        (
            [*PASS, "date_window", "after_days"],
            "3",
            "passes[0].date_window.after_days: "
            "must be a whole number from -36600 to 36600, not '3'",
        ),
        (
            [*PASS, "date_window", "after_days"],
            -2,
            "passes[0].date_window: is empty: it ends before it begins",
        ),
        (
            [*PASS, "date_window", "days"],
            3,
            "passes[0].date_window.days: is not a known setting",
        ),
        (
            [*NEAR, "keys"],
            [],
            "passes[1].keys: name at least one field, or give a date_window",
        ),
        (
            [*NEAR, "keys"],
            ["amount"],
            "passes[1].keys: a tolerance pass cannot have amount among its keys",
        ),
        ([*NEAR, "tolerance"], ..., "passes[1].tolerance: must be given in a tolerance pass"),
        ([*NEAR, "tolerance"], {}, "passes[1].tolerance: needs absolute, percent or both"),
        (
            [*NEAR, "tolerance", "absolute"],
            "0,05",
            "passes[1].tolerance.absolute: must be a decimal string, not '0,05'",
        ),
        (
            [*NEAR, "tolerance", "absolute"],
            "0.00001",
            "passes[1].tolerance.absolute: has more than 4 decimals: '0.00001'",
        ),
        (
            [*NEAR, "tolerance", "percent"],
            "100.1",
            "passes[1].tolerance.percent: must be at most 100",
        ),
        (
            ["fee_schedules", 0],
            {"name": "free"},
            "fee_schedules[0]: needs a fixed amount, a percent or both, above 0",
        ),
        (
            ["causes", "split_keys"],
            ["amount"],
            "causes.split_keys[0]: is no field of an item: 'amount'",
        ),
    ],
)
def test_a_fault_is_refused_and_named_by_its_path(path, value, fault):
    with pytest.raises(RulesInvalid) as refusal:
        RuleSet.from_mapping(changed(path, value))
    assert fault in refusal.value.faults


def test_all_faults_are_told_at_once():
    with pytest.raises(RulesInvalid) as refusal:
        RuleSet.from_mapping({"version": "", "passes": [{"kind": "exact"}], "x": 1})
    assert refusal.value.faults == (
        "version: must be a non-blank text",
        "passes[0].name: must be a non-blank text",
        "passes[0].keys: name at least one field, or give a date_window",
        "x: is not a known setting",
    )
    assert str(refusal.value) == "; ".join(refusal.value.faults)


def test_what_is_no_object_is_no_rule_set():
    with pytest.raises(RulesInvalid) as refusal:
        RuleSet.from_mapping([])  # type: ignore[arg-type]
    assert refusal.value.faults[0] == "rules: must be an object"


def test_every_kind_of_pass_has_its_function():
    assert registered_kinds() == tuple(sorted(PASS_KINDS))


@pytest.mark.parametrize(
    ("tolerance", "amount", "allowed"),
    [
        (Tolerance(absolute=500), 100_0000, 500),
        (Tolerance(absolute=None, percent=1_500_000), 100_0000, 1_5000),
        (Tolerance(absolute=None, percent=1_500_000), -100_0000, 1_5000),
        (Tolerance(absolute=None, percent=1), 99_999_999, 0),
        (Tolerance(absolute=None, percent=1), 100_000_000, 1),
        (Tolerance(absolute=2_0000, percent=1_500_000, combine="larger"), 100_0000, 2_0000),
        (Tolerance(absolute=2_0000, percent=1_500_000, combine="smaller"), 100_0000, 1_5000),
        (Tolerance(absolute=0, percent=1_500_000, combine="smaller"), 100_0000, 0),
        (Tolerance(absolute=None, percent=100_000_000), 2**61, 2**61),
    ],
)
def test_a_tolerance_is_counted_in_whole_units_rounded_down(tolerance, amount, allowed):
    assert tolerance.allowed(np.array([amount])).tolist() == [allowed]
