"""The lists of a report on a reconciliation, joined out of frames as columns."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from apps.reporting.documents import MATCHED_SCHEMA, UNMATCHED_SCHEMA, CauseLine

# What is listed of an item; the amount is in the left side's sense.
RECORD_SCHEMA: Final = pl.Schema(
    {
        "side": pl.String(),
        "id": pl.Int64(),
        "row": pl.Int64(),
        "booked_on": pl.Date(),
        "reference": pl.String(),
        "counterparty": pl.String(),
        "narrative": pl.String(),
        "amount": pl.Int64(),
        "currency": pl.String(),
    }
)
# Which item is in which group or break.
PLACE_SCHEMA: Final = pl.Schema({"number": pl.Int64(), "side": pl.String(), "id": pl.Int64()})


def matched_list(groups: pl.DataFrame, places: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """One row for each matched item (MATCHED_SCHEMA), by group, side and line.

    Args:
        groups: number, pass, status, difference, difference_currency, reasons.
    """
    return _listed(groups, places, records).select(MATCHED_SCHEMA.names())


def unmatched_list(
    breaks: pl.DataFrame, places: pl.DataFrame, records: pl.DataFrame, *, as_of: date
) -> pl.DataFrame:
    """One row for each open item (UNMATCHED_SCHEMA), by break, side and line.

    Args:
        breaks: number, cause, state, difference, difference_currency, reason, review.
        as_of: the day on which ages are counted.
    """
    age = (pl.lit(as_of) - pl.col("booked_on")).dt.total_days().alias("age_days")
    return _listed(breaks, places, records).with_columns(age).select(UNMATCHED_SCHEMA.names())


def cause_lines(breaks: pl.DataFrame) -> tuple[CauseLine, ...]:
    """Breaks by cause and currency, most first.

    Args:
        breaks: cause, difference, difference_currency.
    """
    sums = (
        breaks.group_by("cause", pl.col("difference_currency").alias("currency"))
        .agg(
            pl.len().alias("breaks"),
            pl.col("difference").sum().alias("net"),
            pl.col("difference").abs().sum().alias("gross"),
        )
        .sort("breaks", "cause", "currency", descending=[True, False, False])
    )
    return tuple(CauseLine(**row) for row in sums.iter_rows(named=True))


def _listed(found: pl.DataFrame, places: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    return (
        places.join(found, on="number")
        .join(records, on=["side", "id"])
        .sort("number", "side", "row", "id")
    )
