"""Dated exchange rates: given in the rule set or as a frame, found by date, told by their id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from apps.reconciliation.matching.errors import ItemsInvalid
from apps.reconciliation.matching.money import exponent, scaled, unscaled
from apps.reconciliation.matching.reading import Settings
from apps.reconciliation.matching.schemas import RATE_SCHEMA, Flags, Ints

RATE_DECIMALS = 10
RATE_SCALE = 10**RATE_DECIMALS
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Rate:
    """What one unit of a currency is worth in another from a day on.

    Attributes:
        rate: ten-thousand-millionths (RATE_SCALE) of ``to`` for one unit of ``currency``.
    """

    id: str
    currency: str
    to: str
    on: date
    rate: int

    @classmethod
    def read(cls, settings: Settings) -> Rate:
        """From ``{"id": "ecb-1", "currency": "USD", "to": "EUR", "on": "2026-01-05", ...}``."""
        rate = cls(
            id=settings.text("id"),
            currency=settings.currency("currency"),
            to=settings.currency("to"),
            on=settings.day("on"),
            rate=settings.decimal("rate", RATE_DECIMALS),
        )
        if not rate.rate and settings.has("rate"):
            settings.fault("rate", "must be above 0")
        if not settings.has("rate"):
            settings.fault("rate", "must be given")
        settings.finish()
        return rate

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        return {
            "id": self.id,
            "currency": self.currency,
            "to": self.to,
            "on": self.on.isoformat(),
            "rate": unscaled(self.rate, RATE_DECIMALS),
        }

    @property
    def words(self) -> str:
        """``0.92 (rate ecb-2026-01-05)``."""
        return f"{unscaled(self.rate, RATE_DECIMALS)} (rate {self.id})"


@dataclass(frozen=True)
class Exchange:
    """In a pass: amounts are compared in one currency.

    Attributes:
        to: the currency.
        most_days: how many calendar days older than an item its rate may be.
    """

    to: str
    most_days: int = 7

    @classmethod
    def read(cls, settings: Settings) -> Exchange:
        """From ``{"to": "EUR", "most_days": 7}``."""
        exchange = cls(
            to=settings.currency("to"),
            most_days=settings.whole("most_days", cls.most_days, least=0),
        )
        settings.finish()
        return exchange

    def to_mapping(self) -> dict[str, Any]:
        """What ``read`` takes."""
        return {"to": self.to, "most_days": self.most_days}


def first_repeated(rates: Iterable[Rate]) -> Rate | None:
    """A rate of which there is another for the same currencies and day."""
    ordered = sorted(rates, key=lambda each: (each.currency, each.to, each.on))
    for one, other in pairwise(ordered):
        if (one.currency, one.to, one.on) == (other.currency, other.to, other.on):
            return other
    return None


def rates_of(frame: pl.DataFrame) -> tuple[Rate, ...]:
    """The rates of a frame of RATE_SCHEMA.

    Raises:
        ItemsInvalid: another schema, a null, an unknown currency, or no decimal above 0.
    """
    if frame.schema != RATE_SCHEMA:
        raise ItemsInvalid(f"rates: the columns are not those of {RATE_SCHEMA}")
    if any(frame[name].null_count() for name in frame.columns):
        raise ItemsInvalid("rates: a value is null")
    return tuple(_checked(*row) for row in frame.iter_rows())


def _checked(identifier: str, currency: str, to: str, on: date, text: str) -> Rate:
    try:
        exponent(currency)
        exponent(to)
        rate = scaled(text, RATE_DECIMALS)
    except ValueError as refusal:
        raise ItemsInvalid(f"rates: {identifier}: {refusal}") from None
    if rate <= 0:
        raise ItemsInvalid(f"rates: {identifier}: must be above 0, not {text!r}")
    return Rate(identifier, currency, to, on, rate)


@dataclass(frozen=True)
class _Series:
    """The rates between two currencies, by day."""

    days: Ints
    rates: list[Rate]


class RateTable:
    """All rates of a run.

    Raises:
        ItemsInvalid: two rates for the same currencies and day.
    """

    def __init__(self, rates: Iterable[Rate]) -> None:
        everything = sorted(rates, key=lambda each: each.on)
        repeated = first_repeated(everything)
        if repeated:
            raise ItemsInvalid(
                f"rates: {repeated.id} is a second rate from {repeated.currency} "
                f"to {repeated.to} for {repeated.on}"
            )
        self._series: dict[tuple[str, str], _Series] = {}
        grouped: dict[tuple[str, str], list[Rate]] = {}
        for each in everything:
            grouped.setdefault((each.currency, each.to), []).append(each)
        for pair, own in grouped.items():
            days = np.array([(each.on - _EPOCH).days for each in own], dtype=np.int64)
            self._series[pair] = _Series(days, own)

    def found(
        self, currencies: pl.Series, days: Ints, to: str, most_days: int
    ) -> tuple[list[Rate], Ints]:
        """The newest rate of each day, and for each item which of them it is; -1: there is none.

        Args:
            days: days since 1970 for which a rate is wanted.
            most_days: how old a rate may be.
        """
        rates: list[Rate] = []
        chosen = np.full(len(days), -1, dtype=np.int64)
        for currency in currencies.unique().sort():
            series = self._series.get((currency, to))
            if series is None:
                continue
            own = np.flatnonzero((currencies == currency).to_numpy())
            at = np.searchsorted(series.days, days[own], side="right") - 1
            is_young: Flags = (at >= 0) & (days[own] - series.days[at] <= most_days)
            chosen[own] = np.where(is_young, at + len(rates), -1)
            rates += series.rates
        return rates, chosen
