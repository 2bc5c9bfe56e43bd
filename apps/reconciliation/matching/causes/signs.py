"""sign: the same reference on either side, the amounts exact opposites."""

from __future__ import annotations

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


def find_signs(case: Case) -> Finding:
    """One break for each pair that is alone with its reference."""
    pairs = one_each(case.referenced(), ["reference", "currency"])
    opposite = (pl.col("amount") == -pl.col("amount_right")) & (pl.col("amount") != 0)
    return finding(_judged(pair) for pair in pairs.filter(opposite).iter_rows(named=True))


def _judged(pair: Row) -> Break:
    evidence = pair_evidence(pair)
    reason = (
        f"reference {pair['reference']} is on both sides with opposite signs: "
        f"{evidence['left_amount']} / {evidence['right_amount']} {pair['currency']}"
    )
    return Break("sign", MISMATCHED, reason, evidence, pair_members(pair))
