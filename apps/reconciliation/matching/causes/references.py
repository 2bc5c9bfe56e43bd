"""reference: one item each of the same amount at nearly the same time, the reference mistyped.

Nearly the same reference is: the same letters and digits, one character more, less, other or
swapped with its neighbour; or none on one side, where the counterparty is the same.
"""

from __future__ import annotations

import re

import polars as pl
from rapidfuzz.distance import OSA

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
from apps.reconciliation.matching.causes.wording import days_apart, pair_evidence

_SHORTEST = 4  # below this, one character is too much of a reference to be an error in it


def find_reference_errors(case: Case) -> Finding:
    """One break for each pair that is alone with its amount."""
    days = pl.duration(days=case.rules.causes.reference_days)
    pairs = one_each(case.unexplained, ["currency", "amount"]).filter(
        (pl.col("booked_on") - pl.col("booked_on_right")).abs() <= days
    )
    return finding(_judged(pair) for pair in pairs.iter_rows(named=True) if _is_error(pair))


def _is_error(pair: Row) -> bool:
    left, right = (_letters(pair[name]) for name in ("reference", "reference_right"))
    parties = {_letters(pair["counterparty"]), _letters(pair["counterparty_right"])}
    if not left or not right:
        return bool(left or right) and len(parties) == 1 and parties != {""}
    if len(parties - {""}) > 1:
        return False
    if left == right:
        return True
    return min(len(left), len(right)) >= _SHORTEST and OSA.distance(left, right) == 1


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).upper()


def _judged(pair: Row) -> Break:
    left, right = pair["reference"].strip() or "none", pair["reference_right"].strip() or "none"
    when = days_apart(pair["booked_on"], pair["booked_on_right"])
    error = _error_words(_letters(pair["reference"]), _letters(pair["reference_right"]))
    reason = f"reference differs: {left} / {right} ({error}); amount equal, booked {when}"
    evidence = {**pair_evidence(pair), "error": error}
    return Break("reference", MISMATCHED, reason, evidence, pair_members(pair))


def _error_words(left: str, right: str) -> str:
    """What went wrong in writing one of two nearly equal references."""
    if not left or not right:
        return "left out on one side"
    if left == right:
        return "the same letters and digits"
    if len(left) != len(right):
        return "one character more or less"
    if sorted(left) == sorted(right):
        return "two neighbouring characters swapped"
    return "one character is another"
