"""timing (found): the counterpart is there, with the same reference and amount, at another time.

Where no pass objects to the dates, the two were kept apart by something else; then the cause is
unknown, and the fields in which they differ are named.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from apps.reconciliation.matching.candidates import day_gaps, in_window
from apps.reconciliation.matching.causes.case import (
    MISMATCHED,
    Break,
    Case,
    Finding,
    Row,
    finding,
    pair_members,
)
from apps.reconciliation.matching.causes.wording import days_apart, pair_evidence
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.schemas import CONTENT_ORDER, DATE_FIELDS, LEFT, RIGHT, Flags

_FACTS = ["reference", "currency", "amount"]
_TURN = "turn"


def find_timing(case: Case) -> Finding:
    """One break for each pair of equal reference and amount, if both sides have as many of them."""
    pairs = _pairs(case.referenced())
    admitted = dates_admitted(pairs, case.rules)
    fields = sorted({key for step in case.rules.two_sided for key in step.text_keys})
    rows = zip(pairs.iter_rows(named=True), admitted.tolist(), strict=True)
    return finding(
        _kept_apart(pair, fields) if is_admitted else _at_another_time(pair)
        for pair, is_admitted in rows
    )


def _pairs(items: pl.DataFrame) -> pl.DataFrame:
    counts = [(pl.col("side") == side).sum().over(_FACTS) for side in (LEFT, RIGHT)]
    even = items.filter(counts[0] == counts[1]).sort("booked_on", *CONTENT_ORDER)
    even = even.with_columns(pl.int_range(pl.len()).over("side", *_FACTS).alias(_TURN))
    left, right = (even.filter(pl.col("side") == side) for side in (LEFT, RIGHT))
    return left.join(right, on=[*_FACTS, _TURN], suffix="_right")


def dates_admitted(pairs: pl.DataFrame, rules: RuleSet) -> Flags:
    """Whether some pass would take the dates of each pair."""
    admitted = np.zeros(pairs.height, dtype=np.bool_)
    for step in rules.two_sided:
        left, right = (
            rules.calendar.number(pairs[f"{step.date_field}{suffix}"], step.unit)
            for suffix in ("", "_right")
        )
        fits = in_window(day_gaps((left, left), (right, right)), step.date_window)
        for field in set(DATE_FIELDS) & set(step.keys):
            fits &= (pairs[field] == pairs[f"{field}_right"]).to_numpy()
        admitted |= fits
    return admitted


def _at_another_time(pair: Row) -> Break:
    when = days_apart(pair["booked_on"], pair["booked_on_right"])
    reason = (
        f"the right item with the same reference {pair['reference']} and amount is booked {when}, "
        "outside the window of every pass"
    )
    return Break("timing", MISMATCHED, reason, pair_evidence(pair), pair_members(pair))


def _kept_apart(pair: Row, fields: list[str]) -> Break:
    differing = [words for name in fields if (words := _in_the_way(pair, name))]
    detail = "; ".join(differing) or "no pass takes them together"
    reason = f"reference {pair['reference']} and amount agree, but {detail}"
    evidence = {**pair_evidence(pair), "differing": differing}
    return Break("unknown", MISMATCHED, reason, evidence, pair_members(pair))


def _in_the_way(pair: Row, name: str) -> str:
    """What a pass that compares the field has against the pair; '' if nothing."""
    left, right = pair[name], pair.get(f"{name}_right", pair[name])
    if left != right:
        return f"{name} differs: {left or 'none'} / {right or 'none'}"
    return "" if left.strip() else f"{name} is blank on both sides"
