"""Rule sets: read with every fault named by its path, written back, and told apart by digest."""

from __future__ import annotations

import copy
from datetime import date

import numpy as np
import pytest

from apps.reconciliation.matching import RuleSet, RulesInvalid, Tolerance
from apps.reconciliation.matching.pass_rules import PASS_KINDS
from apps.reconciliation.matching.passes.kinds import registered_kinds
from tests.reconciliation.matching.full_rules import FULL


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


def test_thresholds_and_weights_have_defaults():
    step = {
        "name": "a",
        "kind": "fuzzy",
        "keys": ["account"],
        "likeness": {"fields": ["counterparty"]},
    }
    rules = RuleSet.from_mapping({"version": "1", "passes": [step]})
    likeness = rules.to_mapping()["passes"][0]["likeness"]
    assert likeness == {"fields": ["counterparty"], "automatic": "0.99", "suggested": "0.9"}


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
