"""Why the two sides of a group belong together, in sentences, field by field."""

from __future__ import annotations

import numpy as np
import polars as pl

from apps.reconciliation.matching.candidates import Days, day_gaps
from apps.reconciliation.matching.classes import PassSide
from apps.reconciliation.matching.days import BUSINESS
from apps.reconciliation.matching.fees import FeeRule
from apps.reconciliation.matching.money import amount_words
from apps.reconciliation.matching.pass_rules import (
    ATTRIBUTE_PREFIX,
    OFFSET,
    OPPOSITE,
    UNSIGNED,
    Pass,
)
from apps.reconciliation.matching.schemas import DATE_FIELDS, LEFT, RIGHT, Ints

RATE_WORDS = "rate_words"  # at which rates a side was converted, as JSON text; '' if it was not
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
    told = [*more, *_value_words(step, left, right, rows)]
    frame = known.with_columns(
        *(sentences.alias(f"more_{number}") for number, sentences in enumerate(told)),
        _amount_words(step, known, *amounts),
        _day_words(step, gaps),
    )
    parts = [
        *(_key_words(key) for key in step.block_fields if key != "currency"),
        *(pl.col(f"more_{number}") for number in range(len(told))),
        pl.col("amount_words"),
        pl.col("day_words"),
    ]
    sentences = pl.concat_str(parts, separator='","', ignore_nulls=True)
    return frame.select(pl.concat_str([pl.lit('["'), sentences, pl.lit('"]')])).to_series()


def fees_inside(left: PassSide, right: PassSide, rows: tuple[Ints, Ints]) -> Ints:
    """What of the difference of each pair is fees: those on the left less those on the right."""
    kept = [
        side.items["booked"].to_numpy()[side_rows] - side.net[side_rows]
        for side, side_rows in ((left, rows[0]), (right, rows[1]))
    ]
    return np.asarray(kept[0] - kept[1])


def _value_words(
    step: Pass, left: PassSide, right: PassSide, rows: tuple[Ints, Ints]
) -> list[pl.Series]:
    """The fee and the rates of each pair; null where there is none."""
    words = []
    if step.fee:
        words.append(_fee_words(step.fee, left, right, rows))
    if step.fx:
        sides = ((LEFT, left, rows[0]), (RIGHT, right, rows[1]))
        words += [
            side.items[side_rows]
            .select(
                pl.when(pl.col(RATE_WORDS) != "").then(
                    pl.format(f"{name} converted to {step.fx.to} at {{}}", RATE_WORDS)
                )
            )
            .to_series()
            for name, side, side_rows in sides
        ]
    return words


def _fee_words(
    rule: FeeRule, left: PassSide, right: PassSide, rows: tuple[Ints, Ints]
) -> pl.Series:
    """``right is net of a fee of 3.20 EUR (schedule card)``, or holds one that was given back."""
    charged = fees_inside(left, right, rows) * (1 if rule.gross == LEFT else -1)
    frame = pl.DataFrame(
        {
            "fee": np.abs(charged),
            "is_back": charged < 0,
            "currency": left.items["currency"][rows[0]],
        }
    )
    known = frame["currency"].unique().to_list()
    net = RIGHT if rule.gross == LEFT else LEFT
    source = (
        f"schedule {rule.schedule}"
        if rule.schedule
        else f"stated as {rule.stated.removeprefix(ATTRIBUTE_PREFIX)}"
    )
    told = amount_words(pl.col("fee"), pl.col("currency"), known), "currency"
    place = json_text(pl.lit(source))
    sentence = (
        pl.when("is_back")
        .then(pl.format(f"{net} is net of a fee of {{}} {{}} given back ({{}})", *told, place))
        .otherwise(pl.format(f"{net} is net of a fee of {{}} {{}} ({{}})", *told, place))
    )
    return frame.select(pl.when(pl.col("fee") != 0).then(sentence)).to_series()


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
