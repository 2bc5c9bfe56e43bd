"""The outcome of comparing two plain files: columns and JSON, without a loop over rows."""

from __future__ import annotations

import json
from typing import Final

import polars as pl

from apps.reconciliation.matching import Outcome
from apps.reconciliation.matching.money import amount_text, amount_words, exponent

BOTH: Final = "both"
_NO_CURRENCY_DECIMALS: Final = 2  # of the proof of two empty files


def groups_frame(outcome: Outcome) -> pl.DataFrame:
    """Match groups: pass, status, left, right (rows), difference (text), reasons (JSON list)."""
    groups = outcome.groups
    return _with_rows(groups, outcome.items, "group_no").select(
        pl.col("pass_name").alias("pass"),
        "status",
        "left",
        "right",
        _amount(groups, "difference"),
        "reasons",
    )


def breaks_frame(outcome: Outcome) -> pl.DataFrame:
    """Breaks: side, left, right (rows), cause, amount (text), reason.

    The side is "left" or "right", or "both" of a break with rows on both.
    """
    breaks = outcome.breaks
    has_left, has_right = pl.col("left").list.len() > 0, pl.col("right").list.len() > 0
    side = (
        pl.when(has_left & has_right)
        .then(pl.lit(BOTH))
        .when(has_left)
        .then(pl.lit("left"))
        .otherwise(pl.lit("right"))
    )
    return _with_rows(breaks, outcome.break_items, "break_no").select(
        side.alias("side"), "left", "right", "cause", _amount(breaks, "amount"), "reason"
    )


def proof_text(outcome: Outcome) -> str:
    """What nothing explains, over all currencies without sign, with the decimals of the finest.

    It is 0 in every currency or the outcome is wrong, so that currencies may be added here.
    """
    currencies = outcome.proof["currency"].to_list()
    if len(currencies) == 1:
        return amount_text(outcome.proof_amount, currencies[0])
    finest = max(currencies, key=exponent, default="")
    if not finest:
        return f"{0:.{_NO_CURRENCY_DECIMALS}f}"
    return amount_text(outcome.proof_amount, finest)


def outcome_json(outcome: Outcome, *, left_rows: int, right_rows: int, seconds: float) -> str:
    """The whole document as JSON text, one group or break a line."""
    groups, breaks = groups_frame(outcome), breaks_frame(outcome)
    return (
        "{\n"
        f'  "left_rows": {left_rows},\n'
        f'  "right_rows": {right_rows},\n'
        f'  "groups": {_listed(groups.select(_group_json()).to_series())},\n'
        f'  "breaks": {_listed(breaks.select(_break_json()).to_series())},\n'
        f'  "proof_amount": {json.dumps(proof_text(outcome))},\n'
        f'  "seconds": {seconds:.3f}\n'
        "}"
    )


def _with_rows(found: pl.DataFrame, items: pl.DataFrame, number: str) -> pl.DataFrame:
    """The frame with the rows of each of its lines, by side."""
    for side in ("left", "right"):
        rows = (
            items.filter(pl.col("side") == side)
            .group_by(number, maintain_order=True)
            .agg(pl.col("item_id").alias(side))
        )
        found = found.join(rows, on=number, how="left", maintain_order="left")
    return found.with_columns(pl.col("left", "right").fill_null([]))


def _amount(frame: pl.DataFrame, name: str) -> pl.Expr:
    currencies = frame["currency"].unique().sort().to_list()
    return amount_words(pl.col(name), pl.col("currency"), currencies).alias(name)


def _group_json() -> pl.Expr:
    head = pl.struct("pass", "status", "left", "right", "difference").struct.json_encode()
    # The reasons are JSON already: they take the place of the closing brace.
    return pl.concat_str(
        head.str.head(-1), pl.lit(',"reasons":'), pl.col("reasons"), pl.lit("}")
    ).alias("json")


def _break_json() -> pl.Expr:
    def encoded(rows: pl.Expr) -> pl.Expr:
        fields = (pl.col("side"), rows.alias("rows"), *map(pl.col, ("cause", "amount", "reason")))
        return pl.struct(*fields).struct.json_encode()

    return (
        pl.when(pl.col("side") == BOTH)
        .then(encoded(pl.struct("left", "right")))
        .when(pl.col("side") == "left")
        .then(encoded(pl.col("left")))
        .otherwise(encoded(pl.col("right")))
        .alias("json")
    )


def _listed(lines: pl.Series) -> str:
    if lines.is_empty():
        return "[]"
    return "[\n    " + ",\n    ".join(lines.to_list()) + "\n  ]"
