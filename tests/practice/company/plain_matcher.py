"""Matches and classifies the slow and obvious way, by the definitions in the documentation.

Every definition is tested on every group of rows left over, and exactly one has to hold: that is
what makes the planted truth the only possible answer.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from tests.practice.company.plain_reader import MONTHS, Row, load, rows_of

Break = tuple[str, tuple[str, ...], tuple[str, ...], Decimal]


@dataclass
class Outcome:
    left: list[Row]
    right: list[Row]
    carried_left: list[Row]
    carried_right: list[Row]
    exact: list[tuple[Row, Row]]
    tolerance: list[tuple[Row, Row]]
    breaks: list[Break]
    awaited_left: list[Row]
    awaited_right: list[Row]


def rule(code: str) -> dict:
    return next(one for one in load("match_types.json")["match_types"] if one["code"] == code)


@cache
def close(code: str, month: str) -> Outcome:
    """Reconcile the month, beginning with what the month before left awaited."""
    spec = rule(code)
    left, right = _side(spec, "left", month), _side(spec, "right", month)
    carried_left: list[Row] = []
    carried_right: list[Row] = []
    if month != MONTHS[0]:
        before = close(code, MONTHS[MONTHS.index(month) - 1])
        carried_left, carried_right = before.awaited_left, before.awaited_right
    open_left, open_right = carried_left + left, carried_right + right
    exact = _match(spec["rules"]["passes"][0], open_left, open_right)
    tolerance = _match(spec["rules"]["passes"][1], *_unmatched(open_left, open_right, exact))
    outcome = Outcome(left, right, carried_left, carried_right, exact, tolerance, [], [], [])
    _classify(spec, month, outcome)
    return outcome


def _side(spec: dict, side: str, month: str) -> list[Row]:
    accounts = spec[side]["accounts"]
    rows = [row for row in rows_of(spec[side]["source"], month) if row.account in accounts]
    sign = spec["rules"]["sides"]["right_sign"] if side == "right" else 1
    return [replace(row, amount=row.amount * sign) for row in rows]


def _match(step: dict, left: list[Row], right: list[Row]) -> list[tuple[Row, Row]]:
    tolerance = Decimal(step.get("tolerance", {"absolute": "0"})["absolute"])
    window = step["date_window"]
    waiting: dict[tuple[str, str], list[Row]] = {}
    for row in right:
        waiting.setdefault((row.reference, row.currency), []).append(row)
    pairs = []
    for one in left:
        fitting = [
            two
            for two in waiting.get((one.reference, one.currency), [])
            if abs(one.amount - two.amount) <= tolerance
            and -window["before_days"]
            <= (two.booked_on - one.booked_on).days
            <= window["after_days"]
        ]
        assert len(fitting) <= 1, "ambiguous"
        if fitting:
            waiting[one.reference, one.currency].remove(fitting[0])
            pairs.append((one, fitting[0]))
    return pairs


def _unmatched(
    left: list[Row], right: list[Row], pairs: list[tuple[Row, Row]]
) -> tuple[list[Row], list[Row]]:
    used_left = {one.external_id for one, _ in pairs}
    used_right = {two.external_id for _, two in pairs}
    return (
        [row for row in left if row.external_id not in used_left],
        [row for row in right if row.external_id not in used_right],
    )


def _classify(spec: dict, month: str, outcome: Outcome) -> None:
    all_left = outcome.carried_left + outcome.left
    all_right = outcome.carried_right + outcome.right
    left, right = _unmatched(all_left, all_right, outcome.exact + outcome.tolerance)
    for reference in sorted({row.reference for row in left + right}):
        one = [row for row in left if row.reference == reference]
        two = [row for row in right if row.reference == reference]
        kin_left = [row for row in all_left if row.reference == reference]
        kin_right = [row for row in all_right if row.reference == reference]
        causes = set(_causes(spec, month, one, two, kin_left, kin_right))
        assert len(causes) == 1, (reference, causes)
        (cause,) = causes
        amount = sum((row.amount for row in one), Decimal()) - sum(
            (row.amount for row in two), Decimal()
        )
        ids = [tuple(row.external_id for row in rows) for rows in (one, two)]
        outcome.breaks.append((cause, ids[0], ids[1], amount))
        if cause == "timing" and not (one and two):
            outcome.awaited_left.extend(one)
            outcome.awaited_right.extend(two)


def _causes(
    spec: dict,
    month: str,
    left: list[Row],
    right: list[Row],
    kin_left: list[Row],
    kin_right: list[Row],
) -> Iterable[str]:
    if len(left) == len(right) == 1:
        yield from _causes_of_two(spec, left[0], right[0])
    elif left and right:
        many, single = (left, right) if len(left) > len(right) else (right, left)
        if len(single) == 1 and sum(row.amount for row in many) == single[0].amount:
            yield "split"
    else:
        (row,) = left or right
        yield from _causes_of_one(spec, month, row, kin_left, kin_right, bool(left))


def _causes_of_one(
    spec: dict, month: str, row: Row, kin_left: list[Row], kin_right: list[Row], is_left: bool
) -> Iterable[str]:
    own, other = (kin_left, kin_right) if is_left else (kin_right, kin_left)
    twins = [
        kin
        for kin in own
        if kin.external_id != row.external_id
        and (kin.amount, kin.currency, kin.counterparty)
        == (row.amount, row.currency, row.counterparty)
        and abs((kin.booked_on - row.booked_on).days) <= spec["rules"]["causes"]["duplicate_days"]
    ]
    if twins:
        yield "duplicate"
    if not other:
        year, number = map(int, month.split("-"))
        last_on = date(year, number, calendar.monthrange(year, number)[1])
        if (last_on - row.booked_on).days <= spec["rules"]["awaited_days"]:
            yield "timing"
        else:
            yield "missing_right" if is_left else "missing_left"


def _causes_of_two(spec: dict, one: Row, two: Row) -> Iterable[str]:
    difference = abs(one.amount - two.amount)
    found = []
    if not difference:
        found.append("timing")
    if one.amount == -two.amount:
        found.append("sign")
    if difference and difference in _fees(spec, one, two):
        found.append("fee")
    if _is_rate_change(one, two):
        found.append("rate_change")
    if not found:
        assert difference > Decimal(spec["rules"]["passes"][1]["tolerance"]["absolute"])
        assert not _is_transposition(one.amount, two.amount)
        found.append("amount")
    return found


def _fees(spec: dict, one: Row, two: Row) -> set[Decimal]:
    fees = {Decimal(row.attributes["fee"]) for row in (one, two) if row.attributes.get("fee")}
    for schedule in spec["rules"]["fee_schedules"]:
        gross = max(abs(one.amount), abs(two.amount))
        share = gross * Decimal(schedule["percent"]) / 100 + Decimal(schedule["fixed"])
        fees.add(share.quantize(Decimal("0.01"), ROUND_HALF_UP))
    return fees


def _is_rate_change(one: Row, two: Row) -> bool:
    terms = [
        (Decimal(row.attributes["quantity"]), Decimal(row.attributes["rate"]), row.amount)
        for row in (one, two)
        if row.attributes.get("quantity") and row.attributes.get("rate")
    ]
    return (
        len(terms) == 2
        and terms[0][0] == terms[1][0]
        and terms[0][1] != terms[1][1]
        and all(quantity * rate == amount for quantity, rate, amount in terms)
    )


def _is_transposition(one: Decimal, two: Decimal) -> bool:
    first, second = (f"{abs(amount):.2f}".replace(".", "") for amount in (one, two))
    return sorted(first) == sorted(second)
