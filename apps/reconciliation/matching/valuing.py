"""What an item counts for in a pass: net of a fee, and in the currency of the pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from apps.reconciliation.matching.errors import ItemsInvalid
from apps.reconciliation.matching.fees import FeeRule
from apps.reconciliation.matching.money import DECIMALS, LARGEST, minor_unit
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.rates import RATE_SCALE, RateTable
from apps.reconciliation.matching.reasons import RATE_WORDS, json_text
from apps.reconciliation.matching.rules import RuleSet
from apps.reconciliation.matching.schemas import Flags, Ints

OWN_CURRENCY = "own_currency"


@dataclass(frozen=True)
class Valued:
    """One side as a pass counts it.

    Attributes:
        items: with ``booked`` (the amount in the currency of the pass), RATE_WORDS, and, where
            amounts are converted, that currency as ``currency``; ``amount`` stays what it was.
        net: booked amounts less fees, by row.
        is_known: by row, whether there is a fee and a rate for the item; None: for all.
        own: where amounts are converted, what they were before: ``net`` in the own currency.
    """

    items: pl.DataFrame
    net: Ints
    is_known: Flags | None
    own: Ints | None = None


def valued(items: pl.DataFrame, step: Pass, side: str, rules: RuleSet, table: RateTable) -> Valued:
    """The side's items as the pass counts them."""
    if not step.fee and not step.fx:
        return Valued(items.with_columns(booked="amount"), items["amount"].to_numpy(), None)
    amounts = items["amount"].to_numpy()
    is_known = np.ones(len(amounts), dtype=np.bool_)
    net = amounts
    if step.fee and step.fee.gross == side:
        fees, is_known = _fees(items, step.fee, rules)
        net = amounts - fees
    if not step.fx:
        return Valued(items.with_columns(booked="amount"), net, is_known)
    days = items[step.date_field].cast(pl.Int32).cast(pl.Int64).to_numpy()
    to = step.fx.to
    rates, chosen = table.found(items["currency"], days, to, step.fx.most_days)
    scales = np.array([*(each.rate for each in rates), RATE_SCALE], dtype=np.int64)[chosen]
    is_own = (items["currency"] == to).to_numpy()
    words = pl.Series([*(each.words for each in rates), ""], dtype=pl.String)[chosen]
    words = words.zip_with(pl.Series(~is_own), pl.repeat("", len(words), eager=True))
    scales = np.where(is_own, RATE_SCALE, scales)
    converted = items.with_columns(
        pl.Series("booked", _converted(amounts, scales, to)),
        pl.col("currency").alias(OWN_CURRENCY),
        pl.lit(to).alias("currency"),
        words.alias(RATE_WORDS),
    ).with_columns(json_text(pl.col(RATE_WORDS)))
    is_known &= is_own | (chosen >= 0)
    return Valued(converted, _converted(net, scales, to), is_known, net)


def _converted(amounts: Ints, rates: Ints, to: str) -> Ints:
    """Amounts times rates, rounded half away from zero to the minor unit of the currency.

    Raises:
        ItemsInvalid: the result is too large to be added up.
    """
    unit = minor_unit(to)
    frame = pl.DataFrame({"amount": amounts, "rate": rates})
    exact = pl.col("amount").cast(pl.Int128).abs() * pl.col("rate").cast(pl.Int128)
    rounded = (exact * 2 + RATE_SCALE * unit) // (2 * RATE_SCALE * unit) * unit
    total = frame.select(rounded.sum()).item()
    if total >= LARGEST:
        raise ItemsInvalid(f"the amounts in {to} add up to more than a total can hold")
    sizes: Ints = frame.select(rounded.cast(pl.Int64)).to_series().to_numpy()
    return np.where(amounts < 0, -sizes, sizes)


def _fees(items: pl.DataFrame, rule: FeeRule, rules: RuleSet) -> tuple[Ints, Flags]:
    """The fee of each item in its own currency, and whether there is one."""
    if rule.stated:
        return _stated_fees(items[rule.stated], items["amount"].to_numpy())
    schedule = rules.schedule(rule.schedule)
    is_known = np.ones(items.height, dtype=np.bool_)
    if schedule.currency:
        is_known = (items["currency"] == schedule.currency).to_numpy()
    codes = items["currency"].unique().to_list()
    sizes = [minor_unit(code) for code in codes]
    units = items["currency"].replace_strict(codes, sizes, return_dtype=pl.Int64).cast(pl.Int64)
    return schedule.charged(items["amount"].to_numpy(), units.to_numpy()), is_known


def _stated_fees(texts: pl.Series, amounts: Ints) -> tuple[Ints, Flags]:
    """Fees as plain decimals; what is none is unknown.

    Only of an amount that goes back can a fee be given back, below 0.
    """
    number = rf"^(-?)([0-9]{{1,14}})(?:\.([0-9]{{1,{DECIMALS}}}))?$"
    parts = texts.to_frame("fee").select(
        (pl.col("fee").str.extract(number, 1) == "-").alias("is_back"),
        pl.col("fee").str.extract(number, 2).cast(pl.Int64).alias("whole"),
        pl.col("fee").str.extract(number, 3).fill_null("").str.pad_end(DECIMALS, "0").alias("rest"),
    )
    size = pl.col("whole") * 10**DECIMALS + pl.col("rest").cast(pl.Int64)
    fees = parts.select(pl.when("is_back").then(-size).otherwise(size).fill_null(0)).to_series()
    is_known = parts["whole"].is_not_null().to_numpy() & ((fees.to_numpy() >= 0) | (amounts < 0))
    return np.where(is_known, fees.to_numpy(), 0), is_known
