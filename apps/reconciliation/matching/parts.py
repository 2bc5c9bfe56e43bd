"""What the difference inside a group is made of: fees, exchange, rounding."""

from __future__ import annotations

import polars as pl

from apps.reconciliation.matching.money import amount_words, minor_unit
from apps.reconciliation.matching.rules import RuleSet

_FEE, _FX, _ROUNDING, _AMOUNT, _SIGN = "fee", "fx", "rounding", "amount", "sign"


def difference_parts(groups: pl.DataFrame, rules: RuleSet) -> pl.Series:
    """For each group a JSON list of parts, each with its kind and amount, that add up.

    - ``fee``: what a fee schedule, or a stated fee, takes off the gross side.
    - ``rounding``: what is compared differs by no more than ``rounding_units`` minor units (for
      each item that a fee or a rate was rounded for).
    - ``fx`` or ``amount``: it differs by more; fx if amounts were converted.
    - ``sign``: the two sides are compared with opposite signs, or without.

    Args:
        groups: FOUND_GROUPS and ``is_exchanged``.
    """
    parts = pl.Series("difference_parts", ["[]"], dtype=pl.String).new_from_index(0, groups.height)
    total = pl.col("left_total") - pl.col("right_total")
    differing = groups.with_row_index("at").filter((total != 0) | (pl.col("gap") != 0))
    if differing.is_empty():
        return parts
    codes = differing["currency"].unique().to_list()
    sizes = [minor_unit(code) for code in codes]
    unit = pl.col("currency").replace_strict(codes, sizes, return_dtype=pl.Int64)
    is_rounding = pl.col("gap").abs() <= rules.causes.rounding_units * unit * pl.col("roundings")
    kind = (
        pl.when(is_rounding)
        .then(pl.lit(_ROUNDING))
        .when("is_exchanged")
        .then(pl.lit(_FX))
        .otherwise(pl.lit(_AMOUNT))
    )
    sign = total - pl.col("fees") - pl.col("gap")
    texts = [
        _part(pl.lit(_FEE), pl.col("fees"), codes),
        _part(kind, pl.col("gap"), codes),
        _part(pl.lit(_SIGN), sign, codes),
    ]
    listed = pl.format("[{}]", pl.concat_str(texts, separator=",", ignore_nulls=True))
    return parts.scatter(differing["at"], differing.select(listed).to_series())


def _part(kind: pl.Expr, amount: pl.Expr, codes: list[str]) -> pl.Expr:
    words = amount_words(amount, pl.col("currency"), codes)
    text = pl.concat_str([pl.lit('{"kind":"'), kind, pl.lit('","amount":"'), words, pl.lit('"}')])
    return pl.when(amount != 0).then(text)
