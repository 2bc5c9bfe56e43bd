"""The planted truth is what an independent, naive reconciliation finds; nothing else is there."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from statistics import mean, pstdev

import pytest

from tests.practice.company.plain_matcher import close, rule
from tests.practice.company.plain_reader import MONTHS, rows_of, truth

MATCH_TYPES = ("gl_erp", "bank_gl", "gateway_gl", "jobs_revenue")
CAUSES = {
    "amount", "timing", "duplicate", "missing_left", "missing_right", "sign", "split", "fee",
    "rate_change",
}  # fmt: skip

every_month = pytest.mark.parametrize("month", MONTHS)
every_reconciliation = pytest.mark.parametrize("code", MATCH_TYPES)


def _planted(month: str, code: str) -> list[dict]:
    return [one for one in truth(month)["breaks"] if one["match_type"] == code]


def _total(rows) -> Decimal:
    return sum((row.amount for row in rows), Decimal())


@every_month
@every_reconciliation
def test_a_naive_reconciliation_finds_exactly_the_planted_breaks(month, code):
    found = {
        (cause, tuple(sorted(left)), tuple(sorted(right)), amount)
        for cause, left, right, amount in close(code, month).breaks
    }
    planted = {
        (
            one["cause"],
            tuple(sorted(one["left"])),
            tuple(sorted(one["right"])),
            Decimal(one["amount"]),
        )
        for one in _planted(month, code)
    }
    assert found == planted


@every_month
@every_reconciliation
def test_counts_and_totals_are_those_of_the_naive_reconciliation(month, code):
    outcome = close(code, month)
    left = outcome.carried_left + outcome.left
    right = outcome.carried_right + outcome.right
    pairs = outcome.exact + outcome.tolerance
    expected = dict(truth(month)["match_types"][code])
    expected.pop("variance_percent", None)
    expected.pop("gross_variance_percent", None)
    assert expected == {
        "left_count": len(outcome.left),
        "right_count": len(outcome.right),
        "carried_left_count": len(outcome.carried_left),
        "carried_right_count": len(outcome.carried_right),
        "matched_groups": len(pairs),
        "matched_exact": len(outcome.exact),
        "matched_tolerance": len(outcome.tolerance),
        "break_count": len(outcome.breaks),
        "breaks_by_cause": dict(Counter(cause for cause, *_ in outcome.breaks)),
        "left_total": str(_total(left)),
        "right_total": str(_total(right)),
        "difference": str(_total(left) - _total(right)),
        "matched_residual": str(_total(one for one, _ in pairs) - _total(two for _, two in pairs)),
    }


@every_month
@every_reconciliation
def test_breaks_and_residual_explain_the_whole_difference(month, code):
    expected = truth(month)["match_types"][code]
    explained = sum(Decimal(one["amount"]) for one in _planted(month, code))
    assert Decimal(expected["difference"]) == explained + Decimal(expected["matched_residual"])


@every_month
def test_what_is_carried_in_is_what_the_month_before_left_awaited(month):
    carried = {
        (one["match_type"], one["side"], one["external_id"], Decimal(one["amount"]))
        for one in truth(month)["carried_in"]
    }
    left_open = {
        (code, side, row.external_id, row.amount)
        for code in MATCH_TYPES
        for side in ("left", "right")
        for row in getattr(close(code, month), f"carried_{side}")
    }
    assert carried == left_open
    assert bool(carried) == (month != MONTHS[0])


@every_month
def test_each_item_carried_in_is_matched_with_its_counterpart(month):
    for one in truth(month)["carried_in"]:
        outcome = close(one["match_type"], month)
        pairs = {(a.external_id, b.external_id) for a, b in outcome.tolerance}
        ids = (one["external_id"], one["counterpart"])
        assert (ids if one["side"] == "left" else ids[::-1]) in pairs
        assert one["from_period"] == MONTHS[MONTHS.index(month) - 1]


@every_month
def test_every_cause_is_planted_at_least_twice(month):
    counts = Counter(one["cause"] for one in truth(month)["breaks"])
    assert set(counts) == CAUSES
    assert min(counts.values()) >= 2


@every_month
@every_reconciliation
def test_three_to_five_of_a_hundred_matches_need_the_tolerance(month, code):
    outcome = close(code, month)
    carried = len(outcome.carried_left) + len(outcome.carried_right)
    share = (len(outcome.tolerance) - carried) / len(outcome.exact + outcome.tolerance)
    assert 0.03 <= share <= 0.05
    assert any(one.amount != two.amount for one, two in outcome.tolerance)
    assert any(one.booked_on != two.booked_on for one, two in outcome.tolerance)


@every_month
@every_reconciliation
def test_no_break_depends_on_how_awaited_days_are_counted(month, code):
    """Missing items lie ten days and more before the period end, awaited ones at most four."""
    outcome = close(code, month)
    rows = {row.external_id: row for row in outcome.left + outcome.right}
    last_day = {"2023-02": 28, "2023-03": 31, "2023-04": 30}[month]
    for one in _planted(month, code):
        for external_id in one["left"] + one["right"]:
            distance = last_day - rows[external_id].booked_on.day
            if one["is_awaited"]:
                assert distance <= 4
            if one["cause"].startswith("missing"):
                assert distance >= 10


@every_reconciliation
def test_references_are_unique_on_a_side_apart_from_duplicates_and_splits(code):
    for side in ("left", "right"):
        rows = [row for month in MONTHS for row in getattr(close(code, month), side)]
        assert all(row.reference for row in rows)
        repeated = {ref for ref, n in Counter(row.reference for row in rows).items() if n > 1}
        planted = {
            external_id
            for month in MONTHS
            for one in _planted(month, code)
            if one["cause"] in {"duplicate", "split"}
            for external_id in one[side]
        }
        assert repeated <= {row.reference for row in rows if row.external_id in planted}
        ids = [row.external_id for row in rows]
        assert len(ids) == len(set(ids))


@every_month
@every_reconciliation
def test_no_open_item_looks_like_another_one_of_the_other_side(month, code):
    """With other references, no two have the same amount: nothing suggests a wrong pair."""
    outcome = close(code, month)
    rows = {
        side: {
            row.external_id: row
            for row in getattr(outcome, side) + getattr(outcome, f"carried_{side}")
        }
        for side in ("left", "right")
    }
    left = [rows["left"][one] for _, ids, _, _ in outcome.breaks for one in ids]
    right = [rows["right"][one] for _, _, ids, _ in outcome.breaks for one in ids]
    assert left
    assert right
    for one in left:
        for two in right:
            assert one.reference == two.reference or abs(one.amount) != abs(two.amount)


@every_month
def test_the_revenue_variance_is_visible_and_under_one_percent(month):
    outcome = close("jobs_revenue", month)
    jobs = _total(outcome.carried_left + outcome.left)
    revenue = _total(outcome.carried_right + outcome.right)
    net = 100 * abs(jobs - revenue) / revenue
    gross = 100 * sum(abs(amount) for *_, amount in outcome.breaks) / revenue
    expected = truth(month)["match_types"]["jobs_revenue"]
    assert Decimal(expected["variance_percent"]) == net.quantize(Decimal("0.0001"))
    assert Decimal(expected["gross_variance_percent"]) == gross.quantize(Decimal("0.0001"))
    assert Decimal("0.01") < net <= gross < 1


def test_the_bank_and_its_ledger_account_differ_by_the_open_breaks_alone():
    """The proof over all months: statement less ledger is what is still unexplained, no more."""
    open_amount = Decimal()
    for month in MONTHS:
        expected = truth(month)
        carried = [one for one in expected["carried_in"] if one["match_type"] == "bank_gl"]
        signs = {"left": -1, "right": 1}
        open_amount += sum(signs[one["side"]] * Decimal(one["amount"]) for one in carried)
        open_amount += Decimal(expected["match_types"]["bank_gl"]["difference"])
        statement = Decimal(expected["bank_statement"]["closing_balance"])
        assert statement - Decimal(expected["ledger"]["closing_balances"]["1000"]) == open_amount


@every_month
def test_planted_anomalies_stand_out(month):
    rows = rows_of("gl_extract", month)
    by_id = {row.external_id: row for row in rows}
    kinds = Counter()
    for one in truth(month)["anomalies"]:
        row = by_id[one["line_id"]]
        assert (row.account, row.amount) == (one["account_code"], Decimal(one["amount"]))
        assert row.attributes["entry_id"] == one["entry_id"]
        assert row.attributes["source"] == "manual"
        kinds[one["kind"]] += 1
        if one["kind"] == "weekend_posting":
            assert row.booked_on.weekday() >= 5
        elif one["kind"] == "round_amount":
            assert row.amount % 1000 == 0
        else:
            own = [float(one.amount) for one in rows if one.account == row.account]
            assert (float(row.amount) - mean(own)) / pstdev(own) > 2.5
    assert kinds == {"amount_outlier": 3, "weekend_posting": 2, "round_amount": 2}


@every_month
def test_no_planted_anomaly_touches_a_reconciled_account(month):
    reconciled = {
        account
        for code in MATCH_TYPES
        for side in ("left", "right")
        for account in rule(code)[side]["accounts"]
    }
    odd = {one["entry_id"] for one in truth(month)["anomalies"]}
    rows = rows_of("gl_extract", month)
    accounts = {row.account for row in rows if row.attributes["entry_id"] in odd}
    assert accounts
    assert not accounts & reconciled


@every_month
def test_only_planted_entries_are_made_by_hand_on_a_weekend(month):
    rows = rows_of("gl_extract", month)
    by_hand = {
        row.attributes["entry_id"]
        for row in rows
        if row.booked_on.weekday() >= 5 and row.attributes["source"] != "gateway"
    }
    planted = {
        one["entry_id"] for one in truth(month)["anomalies"] if one["kind"] == "weekend_posting"
    }
    assert by_hand == planted
