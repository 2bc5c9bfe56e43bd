"""Every fault of a rule set is refused and named by its path."""

from __future__ import annotations

import copy

import pytest

from apps.reconciliation.matching import RuleSet, RulesInvalid
from apps.reconciliation.matching.pass_rules import PASS_KINDS
from tests.reconciliation.matching.full_rules import FULL


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
PASS, NEAR, SUMS, PARTS, OWN, NET, NAMES = (["passes", number] for number in range(7))
LIKE = [*NAMES, "likeness"]


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
        ([*NAMES, "likeness"], ..., "passes[6].likeness: must be given in a fuzzy pass"),
        (
            [*PASS, "likeness"],
            {"fields": ["account"]},
            "passes[0].likeness: an exact pass has none",
        ),
        (
            [*LIKE, "needed"],
            ["account"],
            "passes[6].likeness.needed[0]: is none of the fields: 'account'",
        ),
        ([*LIKE, "fields"], [], "passes[6].likeness.fields: must name at least one text field"),
        (
            [*LIKE, "fields"],
            ["amount"],
            "passes[6].likeness.fields[0]: is no field of an item: 'amount'",
        ),
        (
            [*LIKE, "automatic"],
            "0.7",
            "passes[6].likeness.automatic: must not be below suggested",
        ),
        (
            [*LIKE, "suggested"],
            "0.5",
            "passes[6].likeness.suggested: must be a probability above 0.5 and below 1",
        ),
        (
            [*LIKE, "automatic"],
            "1",
            "passes[6].likeness.automatic: must be a probability above 0.5 and below 1",
        ),
        (
            [*LIKE, "weights", "prior"],
            ...,
            "passes[6].likeness.weights.prior: "
            "must be a decimal string of at most 3 decimals, not None",
        ),
        (
            [*LIKE, "weights", "counterparty", "close"],
            "five",
            "passes[6].likeness.weights.counterparty.close: "
            "must be a decimal string of at most 3 decimals, not 'five'",
        ),
        (
            [*LIKE, "weights", "narrative"],
            {},
            "passes[6].likeness.weights.narrative: is not a known setting",
        ),
        (
            [*LIKE, "weights", "counterparty", "same"],
            "1",
            "passes[6].likeness.weights.counterparty.same: is not a known setting",
        ),
        (
            [*NET, "fee", "gross"],
            "both",
            "passes[5].fee.gross: must be one of left, right, not 'both'",
        ),
        (
            [*NET, "fee", "stated"],
            "attributes.fee",
            "passes[5].fee: needs either a schedule or the attribute where it is stated",
        ),
        (
            [*NET, "fee", "schedule"],
            ...,
            "passes[5].fee: needs either a schedule or the attribute where it is stated",
        ),
        (
            [*NET, "fee", "schedule"],
            "paypal",
            "passes[5].fee.schedule: is none of the fee_schedules: 'paypal'",
        ),
        ([*NET, "fee"], {"stated": "fee"}, "passes[5].fee.stated: is no field of an item: 'fee'"),
        ([*NET, "fx", "to"], "EURO", "passes[5].fx.to: 'EURO' is not an ISO 4217 currency"),
        ([*NET, "fx", "to"], ..., "passes[5].fx.to: must be a non-blank text"),
        (
            [*OWN, "fee"],
            {"gross": "left", "schedule": "card"},
            "passes[4].fee: an offset pass has none",
        ),
        ([*OWN, "fx"], {"to": "EUR"}, "passes[4].fx: an offset pass has none"),
        (
            ["fee_schedules", 0, "refunds"],
            "halved",
            "fee_schedules[0].refunds: must be one of kept, given_back, percent_given_back,"
            " not 'halved'",
        ),
        (
            ["fee_schedules", 0, "currency"],
            "XX",
            "fee_schedules[0].currency: 'XX' is not an ISO 4217 currency",
        ),
        (
            ["fee_schedules"],
            [{"name": "card", "percent": "1"}] * 2,
            "fee_schedules[1].name: is used twice: 'card'",
        ),
        (["rates", 0, "rate"], "0", "rates[0].rate: must be above 0"),
        (["rates", 0, "rate"], ..., "rates[0].rate: must be given"),
        (
            ["rates", 0, "rate"],
            "0.12345678901",
            "rates[0].rate: has more than 10 decimals: '0.12345678901'",
        ),
        (
            ["rates", 0, "on"],
            "5 January",
            "rates[0].on: must be a date as YYYY-MM-DD, not '5 January'",
        ),
        (["rates", 0, "on"], "2026-02-30", "rates[0].on: is no date: '2026-02-30'"),
        (["rates", 0, "on"], ..., "rates[0].on: must be a non-blank text"),
        (["rates", 0, "id"], " ", "rates[0].id: must be a non-blank text"),
        (
            ["rates", 0, "on"],
            "2026-01-06",
            "rates: 'ecb-2' is a second rate from USD to EUR for 2026-01-06",
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
