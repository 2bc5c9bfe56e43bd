"""The statements of a table: one per account and currency, with the balances beside the lines.

A running balance proves the order of the lines: it goes forward, or backward where the newest
line is on top. If neither holds, the dates say which way the table runs, and the difference of
the statement says that a line is missing or wrong. Where a row before the first line or after the
last one was rejected, the balance on that side is not known: what is left would seem to tie.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from apps.ingestion.formats.contract import Statement

_KEY = ("account", "currency")
_NO_BALANCES = dict.fromkeys(("opening", "closing"), pl.lit(None, pl.Int64))


def statements_of(
    slices: Sequence[pl.DataFrame], rejected: Collection[int] = ()
) -> tuple[pl.DataFrame, tuple[Statement, ...]]:
    """All rows with their `statement` index, and the statements in order of appearance.

    Args:
        slices: the rows, in one frame or several, with the columns line, account, currency,
            booked_on, amount and balance (null for none).
        rejected: the lines of rows that could not be read, of whatever account.
    """
    found = pl.concat([_distinct(rows.select(_KEY)) for rows in slices])
    keys = _distinct(found).with_row_index("statement")
    numbered = pl.concat([rows.with_columns(_numbers(rows, keys)) for rows in slices])
    has_balances = bool(numbered["balance"].is_not_null().any())
    facts = (
        numbered.select("statement", "line", "booked_on", "amount", "balance")
        .group_by("statement", maintain_order=True)
        .agg(
            **(_balances(rejected) if has_balances else _NO_BALANCES),
            line_count=pl.len(),
            total=pl.col("amount").cast(pl.Int128).sum(),  # an int64 may overflow
            opened_on=pl.col("booked_on").min(),
            closed_on=pl.col("booked_on").max(),
        )
    )
    told = keys.join(facts, on="statement", maintain_order="left").drop("statement")
    return numbered, tuple(Statement(**row) for row in told.iter_rows(named=True))


def _distinct(texts: pl.DataFrame) -> pl.DataFrame:
    return texts.unique(maintain_order=True)


def _numbers(rows: pl.DataFrame, keys: pl.DataFrame) -> pl.Series:
    """To which statement each row belongs, counted from 0 in order of appearance."""
    own = rows.select(_KEY).join(keys, on=_KEY, how="left", maintain_order="left", nulls_equal=True)
    return own["statement"].rechunk()


def _balances(rejected: Collection[int]) -> dict[str, pl.Expr]:
    """Opening and closing balance of one statement; null if any of its balances is.

    A charge that is given back the next day runs either way; then the dates tell.
    """
    balance, amount, booked_on = pl.col("balance"), pl.col("amount"), pl.col("booked_on")
    is_complete = balance.is_not_null().all()
    runs_forward = (balance.diff() == amount).all()
    runs_backward = (balance - balance.shift(-1) == amount).all()
    is_newest_first = booked_on.first() > booked_on.last()
    is_backward = (
        pl.when(runs_forward == runs_backward).then(is_newest_first).otherwise(runs_backward)
    )
    line = pl.col("line")
    is_cut_above = pl.lit(min(rejected)) < line.first() if rejected else pl.lit(value=False)
    is_cut_below = pl.lit(max(rejected)) > line.last() if rejected else pl.lit(value=False)
    opening = (
        pl.when(is_backward)
        .then(pl.when(~is_cut_below).then(balance.last() - amount.last()))
        .otherwise(pl.when(~is_cut_above).then(balance.first() - amount.first()))
    )
    closing = (
        pl.when(is_backward)
        .then(pl.when(~is_cut_above).then(balance.first()))
        .otherwise(pl.when(~is_cut_below).then(balance.last()))
    )
    return {
        "opening": pl.when(is_complete).then(opening),
        "closing": pl.when(is_complete).then(closing),
    }
