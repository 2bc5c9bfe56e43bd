"""fx: the same reference on either side, alone, in two currencies.

A break has one currency, so each of the two items is a break of its own that names the other. With
a rate, what it makes of the right amount is told; else the rate that would make the two equal.
"""

from __future__ import annotations

from decimal import Decimal
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
)
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.money import amount_text, minor_unit
from apps.reconciliation.matching.rates import RATE_SCALE, Rate
from apps.reconciliation.matching.schemas import LEFT, RIGHT

_RATE_AGE_DAYS = 31  # how old a rate may be to explain anything
_IMPLIED_DIGITS = Decimal("0.000001")


def find_currency_differences(case: Case) -> Finding:
    """Two breaks for each pair that is alone with its reference."""
    pairs = one_each(case.referenced(), ["reference"])
    same_sign = pl.col("amount").sign() * pl.col("amount_right").sign() > 0
    differing = pairs.filter((pl.col("currency") != pl.col("currency_right")) & same_sign)
    return finding(each for pair in differing.iter_rows(named=True) for each in _judged(pair, case))


def _judged(pair: Row, case: Case) -> list[Break]:
    left = f"{amount_text(pair['amount'], pair['currency'])} {pair['currency']}"
    right = f"{amount_text(pair['amount_right'], pair['currency_right'])} {pair['currency_right']}"
    detail, evidence = _explained(pair, case)
    both = f"{left} on the left and {right} on the right"
    reason = f"reference {pair['reference']} is {both}: {detail}"
    shared = {
        "reference": pair["reference"],
        "left_amount": left,
        "right_amount": right,
        "left_id": pair["id"],
        "right_id": pair["id_right"],
        **evidence,
    }
    return [
        Break("fx", MISMATCHED, reason, shared, [(side, row)])
        for side, row in ((LEFT, pair[ROW]), (RIGHT, pair[f"{ROW}_right"]))
    ]


def _explained(pair: Row, case: Case) -> tuple[str, dict[str, Any]]:
    rate = _rate_for(pair, case)
    if rate is None:
        implied = Decimal(pair["amount"]) / Decimal(pair["amount_right"])
        text = f"{implied.quantize(_IMPLIED_DIGITS).normalize():f}"
        return f"no rate is known; at {text} they would be equal", {"implied_rate": text}
    unit = minor_unit(pair["currency"])
    size, rest = divmod(abs(pair["amount_right"]) * rate.rate, RATE_SCALE * unit)
    converted = (size + (2 * rest >= RATE_SCALE * unit)) * unit
    converted = converted if pair["amount_right"] > 0 else -converted
    texts = {
        "rate_id": rate.id,
        "converted": amount_text(converted, pair["currency"]),
        "difference": amount_text(pair["amount"] - converted, pair["currency"]),
    }
    words = (
        f"at {rate.words} the right one is {texts['converted']} {pair['currency']}, "
        f"which leaves {texts['difference']}"
    )
    return words, texts


def _rate_for(pair: Row, case: Case) -> Rate | None:
    """The newest rate on the day of the right item."""
    on = pair["booked_on_right"]
    usable = [
        rate
        for rate in case.rates
        if (rate.currency, rate.to) == (pair["currency_right"], pair["currency"])
        and 0 <= (on - rate.on).days <= _RATE_AGE_DAYS
    ]
    return max(usable, key=lambda each: each.on, default=None)
