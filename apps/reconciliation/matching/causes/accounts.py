"""wrong_account: the counterpart is there, on another account.

Only where the rules compare accounts at all. Here those without reference; with one, ``timing``
finds them among what the passes keep apart.
"""

from __future__ import annotations

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

_FACTS = ["currency", "amount", "counterparty", "booked_on"]


def find_wrong_accounts(case: Case) -> Finding:
    """One break for each pair that is alone with its amount, counterparty and day."""
    if not case.rules.compares("account"):
        return finding([])
    named = case.unexplained.filter(
        (pl.col("counterparty").str.strip_chars() != "")
        & (pl.col("account").str.strip_chars() != "")
    )
    pairs = one_each(named, _FACTS).filter(
        (pl.col("account") != pl.col("account_right"))
        & (pl.col("reference") == pl.col("reference_right"))
    )
    return finding(_judged(pair) for pair in pairs.iter_rows(named=True))


def _judged(pair: Row) -> Break:
    pair = {**pair, "booked_on_right": pair["booked_on"]}
    reason = f"{account_words(pair)}; counterparty {pair['counterparty']}, amount and day are equal"
    return Break("wrong_account", MISMATCHED, reason, account_evidence(pair), pair_members(pair))


def account_words(pair: Row) -> str:
    """``account differs: 1100 on the left, 1200 on the right``."""
    return f"account differs: {pair['account']} on the left, {pair['account_right']} on the right"


def account_evidence(pair: Row) -> dict[str, Any]:
    """The facts of the pair and both accounts."""
    accounts = {"left_account": pair["account"], "right_account": pair["account_right"]}
    return {**pair_evidence(pair), **accounts}
