"""Reconcile two frames, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeAlias

import pandas as pd
import polars as pl

from apps.reconciliation.matching import ITEM_SCHEMA, ItemsInvalid, RuleSet
from apps.reconciliation.matching import reconcile as match
from finflow.frames import SCALE, in_ten_thousandths, in_units

Frame: TypeAlias = pd.DataFrame | pl.DataFrame

_AMOUNTS: Final = {
    "left_total",
    "right_total",
    "difference",
    "differences",
    "allocated",
    "amount",
    "open_left",
    "open_right",
    "proof_amount",
}


@dataclass(frozen=True)
class Reconciliation:
    """What was matched, what was not and why. Amounts are Decimals, in the left side's sense.

    Attributes:
        groups: one row for each match group: `group_no`, `pass_name`, `rule_digest`, `status`,
            `currency`, `left_total`, `right_total`, `difference`, `reasons` (JSON list).
        items: one row for each matched item: `group_no`, `side`, `item_id`, `allocated`.
        breaks: one row for each break: `break_no`, `cause`, `state`, `currency`, `left_total`,
            `right_total`, `amount` (left - right), `is_material`, `reason`, `evidence` (JSON).
        break_items: one row for each open item: `break_no`, `side`, `item_id`.
        proof: one row for each currency: `left_total`, `right_total`, `open_left`, `open_right`,
            `differences`, `proof_amount`.
    """

    groups: pd.DataFrame
    items: pd.DataFrame
    breaks: pd.DataFrame
    break_items: pd.DataFrame
    proof: pd.DataFrame
    proof_amount: Decimal

    @property
    def is_proved(self) -> bool:
        """Whether groups and breaks explain the whole difference between the sides."""
        return self.proof_amount == 0


def reconcile(
    left: Frame, right: Frame, rules: Mapping[str, Any], *, as_of: date
) -> Reconciliation:
    """Match two sides by the passes of a rule set and explain what stays open.

    Args:
        left, right: pandas or polars frames, one row for each item. Needed: `amount` (Decimals
            in currency units, signed; whole numbers will do, floats are refused), `currency`
            (ISO 4217) and `booked_on` (dates). Used if there: `id` (whole numbers, unique in the
            frame; else the row number from 1), `value_on`, `reference`, `counterparty`,
            `narrative`, `account`, `external_id`, `attributes` (JSON text).
        rules: a rule set (docs/explanation/matching.md), for example
            `{"version": "1", "passes": [{"name": "Reference", "kind": "exact",
            "keys": ["reference"]}]}`.
        as_of: the day on which the ages of open items are counted.

    Returns:
        Groups, breaks and the proof as pandas frames.

    Raises:
        RulesInvalid: the rule set has faults; all are named.
        ItemsInvalid: a column is missing, of another type, or has a value that cannot be.
    """
    outcome = match(
        _items(left, "left"), _items(right, "right"), RuleSet.from_mapping(rules), as_of=as_of
    )
    return Reconciliation(
        groups=_readable(outcome.groups),
        items=_readable(outcome.items),
        breaks=_readable(outcome.breaks),
        break_items=_readable(outcome.break_items),
        proof=_readable(outcome.proof),
        proof_amount=Decimal(outcome.proof_amount) / SCALE,
    )


def _items(given: Frame, side: str) -> pl.DataFrame:
    """The frame in the kernel's schema, which checks the rest."""
    frame = pl.from_pandas(given) if isinstance(given, pd.DataFrame) else given
    if "amount" in frame.columns:
        try:
            frame = frame.with_columns(in_ten_thousandths(frame["amount"]).alias("amount"))
        except ValueError as fault:
            raise ItemsInvalid(f"{side} items: amount {fault}") from None
    if "id" not in frame.columns:
        frame = frame.with_row_index("id", offset=1)
    return frame.with_columns(
        *(_column(frame, name, dtype) for name, dtype in ITEM_SCHEMA.items() if name in frame),
        *(
            pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in ITEM_SCHEMA.items()
            if name not in frame and name not in _NEEDED
        ),
    )


_NEEDED: Final = ("amount", "currency", "booked_on")


def _column(frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Series:
    """The column in the kernel's type where nothing is lost by it, else as it is."""
    column = frame[name]
    is_day = column.dtype == pl.Datetime and bool((column.dt.date() == column).drop_nulls().all())
    is_whole = column.dtype.is_integer()
    is_empty = column.dtype == pl.Null
    wanted = {pl.Date: is_day, pl.Int64: is_whole}.get(type(dtype), False)
    return column.cast(dtype) if wanted or is_empty else column


def _readable(frame: pl.DataFrame) -> pd.DataFrame:
    """Amounts as Decimals, sides as text, in pandas."""
    amounts = [name for name in frame.columns if name in _AMOUNTS]
    return in_units(frame, amounts).with_columns(pl.col(pl.Enum).cast(pl.String)).to_pandas()
