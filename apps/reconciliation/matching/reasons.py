"""Why the two sides of a group belong together, in sentences, field by field."""

from __future__ import annotations

import numpy as np
import polars as pl

from apps.reconciliation.matching.candidates import Days, day_gaps
from apps.reconciliation.matching.classes import PassSide
from apps.reconciliation.matching.days import BUSINESS
from apps.reconciliation.matching.money import amount_words
from apps.reconciliation.matching.pass_rules import (
    ATTRIBUTE_PREFIX,
    OFFSET,
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
    step: Pass, left: PassSide, right: PassSide, rows: tuple[Ints, Ints], *more: pl.Series
) -> pl.Series:
    """A JSON list of sentences for each pair.

    Args:
        rows: the rows of the pairs on either side; the keys are equal.
        more: further sentences (as JSON text), to stand between the keys and the amount.
    """
    known = left.items[rows[0]].select(step.block_fields)
    amounts = left.amounts[rows[0]], right.amounts[rows[1]]
    gaps = day_gaps(left.days_of(rows[0]), right.days_of(rows[1]))
    frame = known.with_columns(
        *(sentences.alias(f"more_{number}") for number, sentences in enumerate(more)),
        _amount_words(step, known, *amounts),
        _day_words(step, gaps),
    )
    parts = [
        *(_key_words(key) for key in step.block_fields if key != "currency"),
        *(pl.col(f"more_{number}") for number in range(len(more))),
        pl.col("amount_words"),
        pl.col("day_words"),
    ]
    return frame.select(
        pl.concat_str([pl.lit('["'), pl.concat_str(parts, separator='","'), pl.lit('"]')])
    ).to_series()


def differing_words(field: str, side: PassSide, rows: tuple[Ints, Ints]) -> pl.Series:
    """``account differs: 1100 / 1200``, for pairs of items of one side."""
    one, other = (side.items[field][each] for each in rows)
    texts = json_text(pl.lit(one)), json_text(pl.lit(other))
    name = field.removeprefix(ATTRIBUTE_PREFIX)
    return pl.select(pl.format(f"{name} differs: {{}} / {{}}", *texts)).to_series()


def _key_words(key: str) -> pl.Expr:
    name = " = ".join(field.removeprefix(ATTRIBUTE_PREFIX) for field in key.split("="))
    if key in DATE_FIELDS:
        return pl.concat_str([pl.lit(f"{name} equal: "), pl.col(key).dt.to_string("iso:strict")])
    return pl.concat_str([pl.lit(f"{name} equal: "), json_text(pl.col(key))])


def _amount_words(
    step: Pass, left: pl.DataFrame, left_amounts: Ints, right_amounts: Ints
) -> pl.Series:
    suffix = _SIGN_WORDS.get(OPPOSITE if step.kind == OFFSET else step.sign, "")
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


def _day_words(step: Pass, gaps: Days) -> pl.Series:
    """Where the right day lies, or the first and the last of several, seen from the left."""
    distinct, positions = np.unique(gaps[0], return_inverse=True)
    words = pl.Series(
        "day_words", [_days_apart(step, int(gap)) for gap in distinct], dtype=pl.String
    )[positions]
    spread = np.flatnonzero(gaps[0] != gaps[1])
    if not len(spread):
        return words
    ends = zip(gaps[0][spread].tolist(), gaps[1][spread].tolist(), strict=True)
    ranges = [_days_between(step, least, greatest) for least, greatest in ends]
    return words.scatter(spread, pl.Series(ranges, dtype=pl.String))


def _days_apart(step: Pass, gap: int) -> str:
    """``booked 2 days later (window 0..3)``: the right item, seen from the left one."""
    verb = _VERBS[step.date_field]
    if not gap:
        return f"{verb} on {_distance(step, gap)}"
    return f"{verb} {_distance(step, gap)} ({_window_words(step)})"


def _days_between(step: Pass, least: int, greatest: int) -> str:
    """``booked from 1 day earlier to 2 days later (window -1..3)``, of several items."""
    ends = f"from {_distance(step, least)} to {_distance(step, greatest)}"
    return f"{_VERBS[step.date_field]} {ends} ({_window_words(step)})"


def _distance(step: Pass, gap: int) -> str:
    unit = "business day" if step.unit == BUSINESS else "day"
    if not gap:
        return f"the same {unit}"
    plural = "" if abs(gap) == 1 else "s"
    return f"{abs(gap)} {unit}{plural} {'later' if gap > 0 else 'earlier'}"


def _window_words(step: Pass) -> str:
    return step.date_window.words() if step.date_window else "no window"
