"""Why two items belong together, in sentences, field by field."""

from __future__ import annotations

import numpy as np
import polars as pl

from apps.reconciliation.matching.days import BUSINESS
from apps.reconciliation.matching.money import amount_words
from apps.reconciliation.matching.rules import (
    ATTRIBUTE_PREFIX,
    OPPOSITE,
    UNSIGNED,
    Pass,
)
from apps.reconciliation.matching.schemas import DATE_FIELDS, Ints

_SIGN_WORDS = {OPPOSITE: " with the sign reversed", UNSIGNED: " without its sign"}
_VERBS = {"booked_on": "booked", "value_on": "valued"}
# JSON needs these escaped and no others (RFC 8259, section 7).
_SPECIAL = [*(chr(code) for code in range(32)), '"', "\\"]
_ESCAPED = [*(f"\\u{code:04x}" for code in range(32)), '\\"', "\\\\"]


def json_text(column: pl.Expr) -> pl.Expr:
    """The column's text as the inside of a JSON string."""
    return column.str.replace_many(_SPECIAL, _ESCAPED)


def pair_reasons(
    step: Pass, left: pl.DataFrame, amounts: tuple[Ints, Ints], day_gaps: Ints
) -> pl.Series:
    """A JSON list of sentences for each pair.

    Args:
        left: the left items of the pairs (keys are equal on both sides).
        amounts: the compared amounts, left and right.
        day_gaps: right day minus left day, in the unit of the pass.
    """
    keys = [_key_words(key) for key in step.keys if key not in {"amount", "currency"}]
    frame = left.with_columns(_amount_words(step, left, *amounts), _day_words(step, day_gaps))
    parts = [*keys, pl.col("amount_words"), pl.col("day_words")]
    return frame.select(
        pl.concat_str([pl.lit('["'), pl.concat_str(parts, separator='","'), pl.lit('"]')])
    ).to_series()


def _key_words(key: str) -> pl.Expr:
    name = key.removeprefix(ATTRIBUTE_PREFIX)
    if key in DATE_FIELDS:
        return pl.concat_str([pl.lit(f"{name} equal: "), pl.col(key).dt.to_string("iso:strict")])
    return pl.concat_str([pl.lit(f"{name} equal: "), json_text(pl.col(key))])


def _amount_words(
    step: Pass, left: pl.DataFrame, left_amounts: Ints, right_amounts: Ints
) -> pl.Series:
    suffix = _SIGN_WORDS.get(step.sign, "")
    gaps = np.abs(left_amounts - right_amounts)
    words = pl.repeat(f"amount equal{suffix}", len(gaps), eager=True).alias("amount_words")
    differs = np.flatnonzero(gaps)
    if not len(differs):
        return words
    currencies = left["currency"][differs]
    known = currencies.unique().to_list()
    sentences = pl.DataFrame(
        {
            "gap": gaps[differs],
            "allowed": step.tolerance.allowed(left_amounts[differs]),
            "currency": currencies,
        }
    ).select(
        pl.format(
            "amount differs by {} {}{} (tolerance {})",
            amount_words(pl.col("gap"), pl.col("currency"), known),
            "currency",
            pl.lit(suffix),
            amount_words(pl.col("allowed"), pl.col("currency"), known),
        )
    )
    return words.scatter(differs, sentences.to_series())


def _day_words(step: Pass, day_gaps: Ints) -> pl.Series:
    distinct, positions = np.unique(day_gaps, return_inverse=True)
    words = pl.Series(
        "day_words", [_days_apart(step, int(gap)) for gap in distinct], dtype=pl.String
    )
    return words[positions]


def _days_apart(step: Pass, gap: int) -> str:
    """``booked 2 days later (window 0..3)``: the right item, seen from the left one."""
    unit = "business day" if step.unit == BUSINESS else "day"
    window = step.date_window.words() if step.date_window else "no window"
    verb = _VERBS[step.date_field]
    if not gap:
        return f"{verb} on the same {unit}"
    plural = "" if abs(gap) == 1 else "s"
    return f"{verb} {abs(gap)} {unit}{plural} {'later' if gap > 0 else 'earlier'} ({window})"
