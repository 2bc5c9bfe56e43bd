"""split: one item on one side is the sum of several on the other that carry the same key."""

from __future__ import annotations

from itertools import product

import polars as pl

from apps.reconciliation.matching.causes.case import (
    MISMATCHED,
    Break,
    Case,
    Finding,
    Row,
    finding,
)
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.money import amount_text
from apps.reconciliation.matching.pass_rules import ATTRIBUTE_PREFIX
from apps.reconciliation.matching.schemas import LEFT, RIGHT

_VALUE = "value"
_KEY = [_VALUE, "currency"]


def find_splits(case: Case) -> Finding:
    """One break for each set, by the split keys in their order.

    A key of one side is also compared with every other key of the other side (after the keys of
    the same name): a bank line carries as its reference what the payout's lines have as attribute.
    """
    keys = case.rules.causes.split_keys
    combinations = sorted(product(keys, keys), key=lambda both: both[0] != both[1])
    breaks: list[Break] = []
    for left_key, right_key in combinations:
        made = _splits(case, left_key, right_key)
        case = case.without(finding(made).members)
        breaks += made
    return finding(breaks)


def _splits(case: Case, left_key: str, right_key: str) -> list[Break]:
    left, right = _sums(case, LEFT, left_key), _sums(case, RIGHT, right_key)
    is_one_to_many = (pl.col("rows").list.len() == 1) != (pl.col("rows_right").list.len() == 1)
    pairs = left.join(right, on=_KEY, suffix="_right").filter(
        is_one_to_many & (pl.col("total") == pl.col("total_right"))
    )
    return [_judged(row, left_key, right_key) for row in pairs.iter_rows(named=True)]


def _sums(case: Case, side: str, key: str) -> pl.DataFrame:
    items = case.side(side).with_columns(pl.col(key).alias(_VALUE))
    return (
        items.filter(pl.col(_VALUE).str.strip_chars() != "")
        .sort("booked_on", "amount", "id")
        .group_by(_KEY)
        .agg(pl.col("amount").sum().alias("total"), pl.col(ROW).alias("rows"), "amount")
    )


def _judged(row: Row, left_key: str, right_key: str) -> Break:
    currency = row["currency"]
    parts = {
        LEFT: [amount_text(amount, currency) for amount in row["amount"]],
        RIGHT: [amount_text(amount, currency) for amount in row["amount_right"]],
    }
    one, many = (LEFT, RIGHT) if len(parts[LEFT]) == 1 else (RIGHT, LEFT)
    key = (left_key if one == LEFT else right_key).removeprefix(ATTRIBUTE_PREFIX)
    reason = (
        f"{key} {row[_VALUE]}: one item of {parts[one][0]} {currency} on the {one} "
        f"is {len(parts[many])} items of the same sum on the {many}"
    )
    evidence = {
        "left_key": left_key,
        "right_key": right_key,
        "value": row[_VALUE],
        "currency": currency,
        "left_amounts": parts[LEFT],
        "right_amounts": parts[RIGHT],
    }
    members = [(LEFT, each) for each in row["rows"]] + [(RIGHT, each) for each in row["rows_right"]]
    return Break("split", MISMATCHED, reason, evidence, members)
