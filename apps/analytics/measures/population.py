"""The ledger lines to score and the history they are held against, checked and in one order.

Everything behind this module sees the lines sorted by id, so that no result depends on the order
in which rows arrive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from .errors import LinesMalformed

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

ACCOUNT_KEY = ("account", "currency")
TEN_THOUSANDTHS = 10_000

_IDS = ("line_id", "entry_id")
_TYPES = {
    "account": pl.String,
    "currency": pl.String,
    "amount": pl.Int64,
    "posted_on": pl.Date,
}
_LABELS = ("source", "prepared_by")
_COLUMNS = (*_IDS, *_TYPES, *_LABELS)


@dataclass(frozen=True, slots=True)
class Population:
    """Lines and history with a number for each account in each currency.

    Attributes:
        lines: the lines to score, sorted by ``line_id``, with their account's number as ``code``.
        history: earlier lines, the same.
        accounts: ``account`` and ``currency``; the row is the number.
    """

    lines: pl.DataFrame
    history: pl.DataFrame
    accounts: pl.DataFrame


def read_population(lines: pl.DataFrame, history: pl.DataFrame) -> Population:
    """Check two frames of ledger lines and bring them in order.

    Args:
        lines: one row a line: ``line_id`` and ``entry_id`` (integers or strings), ``account``,
            ``currency`` (strings), ``amount`` (Int64, signed ten-thousandths of a currency unit,
            debits positive), ``posted_on`` (Date), ``source``, ``prepared_by`` (anything that
            casts to a string; null is a label of its own). Other columns are left aside.
        history: lines of earlier periods in the same columns.

    Raises:
        LinesMalformed: a column is missing or of another type, a value is null where none may be,
            a line id is repeated or is in both frames, or the id types of the frames differ.
    """
    checked = _checked(lines, "lines"), _checked(history, "history")
    if checked[0].schema != checked[1].schema:
        raise LinesMalformed("The ids of lines and history are of different types.")
    if checked[0].join(checked[1], on="line_id", how="semi").height:
        raise LinesMalformed("A line is in both the lines and the history.")
    accounts = pl.concat([frame.select(ACCOUNT_KEY) for frame in checked]).unique()
    accounts = accounts.sort(ACCOUNT_KEY)
    numbered = accounts.with_columns(code=pl.int_range(pl.len(), dtype=pl.Int64))
    ordered = [
        frame.sort("line_id").join(numbered, on=ACCOUNT_KEY, how="left", maintain_order="left")
        for frame in checked
    ]
    return Population(ordered[0], ordered[1], accounts)


def _checked(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    missing = [column for column in _COLUMNS if column not in frame.columns]
    if missing:
        raise LinesMalformed(f"The {name} lack the columns {', '.join(missing)}.")
    for column in _IDS:
        if not (frame.schema[column].is_integer() or frame.schema[column] == pl.String):
            raise LinesMalformed(f"Column {column} of the {name} holds no ids.")
    for column, wanted in _TYPES.items():
        if frame.schema[column] != wanted:
            raise LinesMalformed(f"Column {column} of the {name} must be {wanted}.")
    for column in (*_IDS, *_TYPES):
        if frame[column].null_count():
            raise LinesMalformed(f"Column {column} of the {name} has gaps.")
    if frame["line_id"].n_unique() != frame.height:
        raise LinesMalformed(f"A line id is repeated in the {name}.")
    return frame.select(
        *_IDS, *_TYPES, *(pl.col(label).cast(pl.String).fill_null("") for label in _LABELS)
    )
