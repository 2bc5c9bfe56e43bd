"""The frames that go in and come out, column by column.

Amounts are int64 ten-thousandths of the currency unit, everywhere in the left side's sense.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Weights: TypeAlias = npt.NDArray[Any]  # int64, or Python integers where int64 is too small

LEFT, RIGHT = "left", "right"
SIDES = pl.Enum([LEFT, RIGHT])

ITEM_SCHEMA = pl.Schema(
    {
        "id": pl.Int64(),  # unique within its side
        "amount": pl.Int64(),  # signed
        "currency": pl.String(),  # ISO 4217
        "booked_on": pl.Date(),
        "value_on": pl.Date(),  # null: the booking date
        "reference": pl.String(),  # '' or blank: none
        "counterparty": pl.String(),
        "narrative": pl.String(),
        "account": pl.String(),
        "external_id": pl.String(),
        "attributes": pl.String(),  # a JSON object, or ''
    }
)
TEXT_FIELDS = ("reference", "counterparty", "narrative", "account", "external_id")
DATE_FIELDS = ("booked_on", "value_on")

RATE_SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "currency": pl.String(),  # ISO 4217
        "to": pl.String(),  # what one unit of the currency is worth in this one
        "on": pl.Date(),
        "rate": pl.String(),  # a plain decimal above 0, at most ten decimals
    }
)

# Items equal in all of these are interchangeable: which of them is paired is of no consequence.
IDENTITY = ("amount", "booked_on", "value_on", "reference", "counterparty", "narrative", "account")
# The order in which interchangeable items are taken; the id decides only between exact copies.
CONTENT_ORDER = (*IDENTITY, "external_id", "attributes", "id")

GROUP_SCHEMA = pl.Schema(
    {
        "group_no": pl.Int64(),  # from 1, by smallest left, then right id
        "pass_name": pl.String(),
        "rule_digest": pl.String(),  # SHA-256 of the rule set, hex
        "status": pl.String(),  # automatic | suggested
        "currency": pl.String(),
        "left_total": pl.Int64(),
        "right_total": pl.Int64(),
        "difference": pl.Int64(),  # left_total - right_total
        "difference_parts": pl.String(),  # JSON list of kind and amount; they add up to it
        "reasons": pl.String(),  # JSON list of sentences
    }
)
GROUP_ITEM_SCHEMA = pl.Schema(
    {"group_no": pl.Int64(), "side": SIDES, "item_id": pl.Int64(), "allocated": pl.Int64()}
)
BREAK_SCHEMA = pl.Schema(
    {
        "break_no": pl.Int64(),  # from 1, by smallest left, then right id
        "cause": pl.String(),
        "state": pl.String(),  # awaited | missing | mismatched
        "currency": pl.String(),
        "left_total": pl.Int64(),
        "right_total": pl.Int64(),
        "amount": pl.Int64(),  # left_total - right_total
        "is_material": pl.Boolean(),
        "reason": pl.String(),  # one sentence
        "evidence": pl.String(),  # JSON object; amounts as text in the currency's decimals
    }
)
BREAK_ITEM_SCHEMA = pl.Schema({"break_no": pl.Int64(), "side": SIDES, "item_id": pl.Int64()})
PROOF_SCHEMA = pl.Schema(
    {
        "currency": pl.String(),
        "left_total": pl.Int64(),
        "right_total": pl.Int64(),
        "open_left": pl.Int64(),
        "open_right": pl.Int64(),
        "differences": pl.Int64(),  # inside groups
        "exchanged": pl.Int64(),  # in groups of several currencies: what became of this one
        "proof_amount": pl.Int64(),  # what nothing above explains; must be 0
    }
)
