"""Up to which amount: inclusive, dated, converted downwards, and nothing where it is unknown."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.rules import (
    Ceiling,
    DatedRate,
    LimitTerms,
    Rates,
    are_in_use,
    ceiling,
    ceilings,
    converted,
)

TODAY = date(2023, 4, 28)
KIND = "journal_entry"
TEN = Decimal("10000.00")
AMOUNTS = st.decimals("0", "9999999", places=4)
RATE = st.decimals("0.0001", "20000", places=6)
DAYS = st.integers(-20, 20).map(lambda days: TODAY + timedelta(days=days))


def terms(amount: Decimal = TEN, *, of: int | str = "reviewer", **changes: object) -> LimitTerms:
    whose = {"user_id": of} if isinstance(of, int) else {"role": of}
    wanted = {"item_type": KIND, "currency": "EUR", "starts_on": TODAY, **whose, **changes}
    return LimitTerms(amount=amount, **wanted)  # type: ignore[arg-type]


def most(*limits: LimitTerms, currency: str = "EUR", rates: Rates = Rates()) -> Ceiling:  # noqa: B008
    return ceiling(
        limits,
        user_id=1,
        roles=frozenset({"reviewer", "approver"}),
        item_type=KIND,
        currency=currency,
        day=TODAY,
        rates=rates,
    )


# --- Which limit ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "amount"),
    [
        ([], None),
        ([terms()], TEN),
        ([terms(of="controller")], None),
        ([terms(of=2)], None),
        ([terms(item_type="period_lock")], None),
        ([terms(starts_on=TODAY + timedelta(days=1))], None),
        ([terms(ends_on=TODAY)], TEN),
        ([terms(starts_on=date(2023, 1, 1), ends_on=TODAY - timedelta(days=1))], None),
        ([terms(), terms(Decimal(50_000), of="approver")], Decimal(50_000)),
        ([terms(Decimal(50_000)), terms(Decimal(7), of=1)], Decimal(7)),
        ([terms(), terms(Decimal(70_000), of=1)], Decimal(70_000)),
        ([terms(Decimal(0))], Decimal(0)),
    ],
)
def test_ones_own_goes_first_then_the_highest_of_ones_roles(
    limits: list[LimitTerms], amount: Decimal | None
) -> None:
    assert most(*limits).amount == amount


@pytest.mark.parametrize(
    ("amount", "is_allowed"),
    [
        ("10000.00", True),
        ("-10000.00", True),
        ("10000.0001", False),
        ("-10000.01", False),
        ("0", True),
    ],
)
def test_a_limit_is_inclusive_and_has_no_sign(amount: str, is_allowed: bool) -> None:
    assert most(terms()).allows(Decimal(amount)) is is_allowed


def test_without_a_limit_nothing_is_allowed() -> None:
    nothing = most()
    assert not nothing.allows(Decimal(0))
    assert not nothing.is_rate_missing


@pytest.mark.parametrize(
    ("limits", "is_in_use"),
    [
        ([], False),
        ([terms()], True),
        ([terms(item_type="period_lock")], False),
        ([terms(starts_on=TODAY + timedelta(days=1))], False),
        ([terms(starts_on=date(2023, 1, 1), ends_on=TODAY - timedelta(days=1))], True),
    ],
)
def test_limits_are_in_use_once_one_has_begun(limits: list[LimitTerms], is_in_use: bool) -> None:
    assert are_in_use(limits, KIND, TODAY) is is_in_use


# --- Other currencies -----------------------------------------------------------------------


def dollars(rate: str, days_old: int = 0) -> Rates:
    return Rates((DatedRate("USD", "EUR", TODAY - timedelta(days=days_old), Decimal(rate)),))


@pytest.mark.parametrize(
    ("rates", "amount"),
    [
        (Rates(), None),
        (dollars("0.8"), Decimal("12500.0000")),
        (dollars("0.9"), Decimal("11111.1111")),  # 11,111.1112 dollars are worth more
        (dollars("0.9", days_old=7), Decimal("11111.1111")),
        (dollars("0.9", days_old=8), None),
        (dollars("0.9", days_old=-1), None),  # a rate of tomorrow
        (Rates((DatedRate("EUR", "USD", TODAY, Decimal(1)),)), None),  # the other way round
    ],
)
def test_a_limit_is_converted_down_and_without_a_rate_nothing_is_allowed(
    rates: Rates, amount: Decimal | None
) -> None:
    found = most(terms(), currency="USD", rates=rates)
    assert found.amount == amount
    assert found.is_rate_missing is (amount is None)
    assert not found.allows(Decimal(20_000))


def test_the_newest_rate_counts() -> None:
    rates = Rates(
        (
            DatedRate("USD", "EUR", TODAY - timedelta(days=1), Decimal("0.5")),
            DatedRate("USD", "EUR", TODAY, Decimal("0.8")),
            DatedRate("USD", "EUR", TODAY - timedelta(days=2), Decimal("0.4")),
        )
    )
    assert rates.found("USD", "EUR", TODAY) == Decimal("0.8")
    assert rates.currencies("EUR") == {"USD", "EUR"}


def test_a_limit_that_can_be_converted_goes_before_one_that_cannot() -> None:
    limits = [terms(Decimal(10**9), currency="JPY"), terms(of="approver")]
    assert most(*limits, currency="USD", rates=dollars("0.8")).amount == Decimal(12_500)


@given(limit=AMOUNTS, rate=RATE, amount=AMOUNTS)
def test_conversion_is_exact(limit: Decimal, rate: Decimal, amount: Decimal) -> None:
    """Comparing with the converted limit says what exact fractions say."""
    rates = Rates((DatedRate("USD", "EUR", TODAY, rate),))
    most_dollars = converted(terms(limit), "USD", TODAY, rates)
    assert most_dollars is not None
    is_within = Fraction(amount) * Fraction(rate) <= Fraction(limit)
    assert (amount <= most_dollars) == is_within
    with localcontext(prec=5):  # whatever others do to the context
        assert converted(terms(limit), "USD", TODAY, rates) == most_dollars


@given(
    limits=st.lists(
        st.builds(
            LimitTerms,
            item_type=st.sampled_from([KIND, "period_lock"]),
            amount=AMOUNTS,
            currency=st.sampled_from(["EUR", "USD"]),
            starts_on=DAYS,
            user_id=st.sampled_from([None, 1, 2]),
            role=st.sampled_from(["reviewer", "approver", "controller"]),
            ends_on=st.none() | DAYS,
        ),
        max_size=6,
    ),
    rates=st.lists(
        st.builds(
            DatedRate,
            currency=st.sampled_from(["EUR", "USD", "GBP"]),
            quote=st.sampled_from(["EUR", "USD"]),
            on=DAYS,
            rate=RATE,
        ),
        max_size=4,
    ),
)
def test_the_table_of_all_currencies_says_what_each_alone_says(
    limits: list[LimitTerms], rates: list[DatedRate]
) -> None:
    known = Rates(tuple(rates))
    roles = frozenset({"reviewer", "approver"})
    table = ceilings(limits, user_id=1, roles=roles, item_type=KIND, day=TODAY, rates=known)
    for currency in ("EUR", "USD", "GBP", "JPY"):
        assert table.get(currency) == most(*limits, currency=currency, rates=known).amount
