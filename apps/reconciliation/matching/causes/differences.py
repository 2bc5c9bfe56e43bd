"""Same reference, one item each, different amounts: what explains the difference.

Tried in this order, the first that holds to the minor unit of the currency decides: rate_change,
fee, rounding, transposed_digits. What none of them explains is an amount difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from apps.reconciliation.matching.causes.case import (
    MISMATCHED,
    Break,
    Case,
    Finding,
    Row,
    finding,
    one_each,
    pair_members,
)
from apps.reconciliation.matching.causes.wording import pair_evidence
from apps.reconciliation.matching.fees import FeeSchedule
from apps.reconciliation.matching.money import (
    SCALE,
    amount_text,
    minor_unit,
)
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.tolerances import PERCENT_SCALE

_MOST_DIGITS = 30
Explanation = tuple[str, str, dict[str, Any]]  # cause, reason, further evidence


def find_differences(case: Case) -> Finding:
    """One break for each pair that is alone with its reference."""
    pairs = one_each(case.referenced(), ["reference", "currency"])
    differing = pairs.filter(pl.col("amount") != pl.col("amount_right"))
    return finding(_judged(pair, case.rules) for pair in differing.iter_rows(named=True))


def _judged(pair: Row, rules: RuleSet) -> Break:
    explanations = (explain(pair, rules) for explain in _EXPLANATIONS)
    cause, reason, evidence = next(found for found in explanations if found)
    return Break(cause, MISMATCHED, reason, {**pair_evidence(pair), **evidence}, pair_members(pair))


def numbers(attributes: str) -> dict[str, Decimal]:
    """The plain numbers of an item's attributes, written as JSON numbers or texts.

    What is not a JSON object, or not a number of reasonable size, is no evidence and left out.
    """
    if not attributes:
        return {}
    try:
        values = json.loads(attributes, parse_float=Decimal, parse_int=Decimal)
    except (json.JSONDecodeError, RecursionError):
        return {}
    found = {}
    for name, value in values.items() if isinstance(values, dict) else ():
        if isinstance(value, Decimal | str):
            try:
                number = Decimal(value)
            except InvalidOperation:
                continue
            if number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS:
                found[name] = number
    return found


def _rate_change(pair: Row, rules: RuleSet) -> Explanation | None:
    """Equal quantities, different rates, and each amount is its quantity x rate."""
    left, right = numbers(pair["attributes"]), numbers(pair["attributes_right"])
    if not all(name in side for name in ("quantity", "rate") for side in (left, right)):
        return None
    if left["quantity"] != right["quantity"] or left["rate"] == right["rate"]:
        return None
    unit = minor_unit(pair["currency"])
    for side, amount in ((left, pair["amount"]), (right, pair["amount_right"])):
        product = abs(side["quantity"] * side["rate"]) * SCALE
        if 2 * abs(product - abs(amount)) > unit:
            return None
    quantity, rates = left["quantity"], (left["rate"], right["rate"])
    reason = (
        f"rate differs: {rates[0]} / {rates[1]} for the same quantity of {quantity}; "
        "both amounts are quantity x rate"
    )
    texts = {
        "quantity": str(quantity),
        "left_rate": str(rates[0]),
        "right_rate": str(rates[1]),
    }
    return "rate_change", reason, texts


def _fee(pair: Row, rules: RuleSet) -> Explanation | None:
    """The smaller amount is the larger one net of a fee: of a schedule, or stated on an item."""
    amounts = pair["amount"], pair["amount_right"]
    gross, net = sorted((abs(amounts[0]), abs(amounts[1])), reverse=True)
    if (amounts[0] < 0) != (amounts[1] < 0):
        return None
    for schedule, words in _fees_known(pair, rules):
        fee = gross - net
        if schedule(gross, fee):
            text = amount_text(fee, pair["currency"])
            side = "right" if abs(amounts[0]) > abs(amounts[1]) else "left"
            reason = f"{side} amount is net of a fee of {text} {pair['currency']}: {words}"
            return "fee", reason, {"fee": text, "source": words}
    return None


def _fees_known(pair: Row, rules: RuleSet) -> Iterator[tuple[Callable[[int, int], bool], str]]:
    """Tests of (gross, fee), each with where it comes from."""
    for schedule in rules.fee_schedules:
        if schedule.currency in {"", pair["currency"]}:
            fixed = schedule.fixed if pair["amount"] > 0 else schedule.fixed_of_refund
            yield _charged_by(schedule, fixed, minor_unit(pair["currency"])), schedule.words
    for side, attributes in (("left", "attributes"), ("right", "attributes_right")):
        stated = numbers(pair[attributes]).get("fee")
        if stated is not None:
            yield _stated(stated), f"stated on the {side} item"


def _stated(stated: Decimal) -> Callable[[int, int], bool]:
    return lambda gross, fee: abs(stated) * SCALE == fee


def _charged_by(schedule: FeeSchedule, fixed: int, unit: int) -> Callable[[int, int], bool]:
    """Whether the schedule's fee of the gross amount is this fee, rounded to the minor unit."""

    def charges(gross: int, fee: int) -> bool:
        exact = fixed * PERCENT_SCALE + gross * schedule.percent
        return 2 * abs(fee * PERCENT_SCALE - exact) <= unit * PERCENT_SCALE

    return charges


def _rounding(pair: Row, rules: RuleSet) -> Explanation | None:
    gap = abs(pair["amount"] - pair["amount_right"])
    units = rules.causes.rounding_units
    if gap > units * minor_unit(pair["currency"]):
        return None
    gap_text, limit = (
        amount_text(size, pair["currency"]) for size in (gap, units * minor_unit(pair["currency"]))
    )
    reason = f"amounts differ by {gap_text} {pair['currency']} (rounding up to {limit})"
    return "rounding", reason, {}


def _transposed_digits(pair: Row, rules: RuleSet) -> Explanation | None:
    """The same digits in another order; the difference is then a multiple of nine."""
    if (pair["amount"] < 0) != (pair["amount_right"] < 0):
        return None
    left, right = (
        amount_text(abs(pair[name]), pair["currency"]) for name in ("amount", "amount_right")
    )
    if sorted(left) != sorted(right):
        return None
    reason = f"digits in another order: {left} / {right}, the difference is a multiple of nine"
    return "transposed_digits", reason, {}


def _amount(pair: Row, rules: RuleSet) -> Explanation | None:
    gap = amount_text(abs(pair["amount"] - pair["amount_right"]), pair["currency"])
    reason = f"amount differs by {gap} {pair['currency']}, reference {pair['reference']} is equal"
    return "amount", reason, {}


_EXPLANATIONS: tuple[Callable[[Row, RuleSet], Explanation | None], ...] = (
    _rate_change,
    _fee,
    _rounding,
    _transposed_digits,
    _amount,
)
