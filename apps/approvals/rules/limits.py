"""Up to which amount somebody may approve.

A limit belongs to one person or to a role, for one kind of thing in one currency, from one day to
another, and is inclusive. Where limits are in use, whoever has none may approve nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_FLOOR, Context, Decimal

_QUANTUM = Decimal("0.0001")  # amounts have no more decimals
_EXACT = Context(prec=60, rounding=ROUND_FLOOR)
LONGEST_RATE_AGE_DAYS = 7


@dataclass(frozen=True, slots=True)
class LimitTerms:
    """One limit.

    Args:
        item_type: the kind of thing that it is for.
        amount: the most that may be approved, inclusive, in `currency`.
        user_id: whose it is; None for a limit of a role.
        role: the role whose holders have it; empty for a limit of a person.
        starts_on, ends_on: first and last day on which it holds; None: no end.
    """

    item_type: str
    amount: Decimal
    currency: str
    starts_on: date
    user_id: int | None = None
    role: str = ""
    ends_on: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it is in effect on this day, first and last day included."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(frozen=True, slots=True)
class DatedRate:
    """On this day one `currency` was worth `rate` of `quote`."""

    currency: str
    quote: str
    on: date
    rate: Decimal


@dataclass(frozen=True)
class Rates:
    """The rates that are known, looked up by day: the newest that is no older than a week."""

    known: tuple[DatedRate, ...] = ()
    _by_pair: dict[tuple[str, str], list[DatedRate]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for rate in sorted(self.known, key=lambda rate: rate.on):
            self._by_pair.setdefault((rate.currency, rate.quote), []).append(rate)

    def found(self, currency: str, quote: str, day: date) -> Decimal | None:
        """What one `currency` is worth in `quote` on the day; None if nobody knows."""
        if currency == quote:
            return Decimal(1)
        past = [rate for rate in self._by_pair.get((currency, quote), []) if rate.on <= day]
        if not past or (day - past[-1].on).days > LONGEST_RATE_AGE_DAYS:
            return None
        return past[-1].rate

    def currencies(self, quote: str) -> frozenset[str]:
        """The currencies that may be convertible into this one, itself included."""
        return frozenset({quote}) | {pair[0] for pair in self._by_pair if pair[1] == quote}


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that somebody may approve of one kind of thing, seen from one currency.

    Args:
        amount: in the currency that was asked about; None if it cannot be told.
        terms: the limit that it comes from; None if there is no limit for the person.
    """

    amount: Decimal | None
    terms: LimitTerms | None

    @property
    def is_rate_missing(self) -> bool:
        """There is a limit, but no rate to compare with."""
        return self.terms is not None and self.amount is None

    def allows(self, amount: Decimal) -> bool:
        """Whether this much may be approved: inclusive, and nothing where it cannot be told."""
        return self.amount is not None and abs(amount) <= self.amount


def are_in_use(limits: Iterable[LimitTerms], item_type: str, day: date) -> bool:
    """Whether anybody's approvals of this kind of thing are limited on the day.

    One that has ended still says so: when the last one ends, nobody may approve, instead of all.
    """
    return any(terms.item_type == item_type and terms.starts_on <= day for terms in limits)


def ceiling(
    limits: Iterable[LimitTerms],
    *,
    user_id: int,
    roles: frozenset[str],
    item_type: str,
    currency: str,
    day: date,
    rates: Rates,
) -> Ceiling:
    """The most that the person may approve of this kind of thing, in `currency`.

    His own limits go before those of his roles; of several the highest counts. One that cannot be
    converted is left out, so that without any rate the answer is nothing.
    """
    held = [
        terms
        for terms in limits
        if terms.item_type == item_type
        and terms.holds_on(day)
        and (terms.user_id == user_id if terms.user_id is not None else terms.role in roles)
    ]
    nearest = [terms for terms in held if terms.user_id is not None] or held
    seen = [Ceiling(converted(terms, currency, day, rates), terms) for terms in nearest]
    known = [one for one in seen if one.amount is not None]
    if known:
        return max(known, key=lambda one: one.amount or Decimal(0))
    return seen[0] if seen else Ceiling(None, None)


def converted(terms: LimitTerms, currency: str, day: date, rates: Rates) -> Decimal | None:
    """The greatest amount of `currency` whose worth is within the limit; None without a rate.

    Rounded down to what amounts are counted in: `amount * rate <= limit` exactly when
    `amount <= converted`.
    """
    rate = rates.found(currency, terms.currency, day)
    if rate is None:
        return None
    return _EXACT.divide(terms.amount, rate).quantize(_QUANTUM, context=_EXACT)


def ceilings(
    limits: Iterable[LimitTerms],
    *,
    user_id: int,
    roles: frozenset[str],
    item_type: str,
    day: date,
    rates: Rates,
) -> Mapping[str, Decimal]:
    """`ceiling` for every currency for which there may be one; a currency left out has none."""
    terms = tuple(limits)
    currencies = {
        currency
        for one in terms
        if one.item_type == item_type
        for currency in rates.currencies(one.currency)
    }
    found = {
        currency: ceiling(
            terms,
            user_id=user_id,
            roles=roles,
            item_type=item_type,
            currency=currency,
            day=day,
            rates=rates,
        ).amount
        for currency in sorted(currencies)
    }
    return {currency: amount for currency, amount in found.items() if amount is not None}
