"""Money: NUMERIC(20,4) with an ISO 4217 currency, never a float, no more decimals than it has."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from moneyed import CurrencyDoesNotExist, get_currency

from apps.common.errors import Invalid

SCALE = 10_000  # kernels count int64 ten-thousandths of the currency unit
_QUANTUM = Decimal("0.0001")

if TYPE_CHECKING:  # the stubs' fields are generic, Django's are not
    _Decimal = models.DecimalField[Any, Any]
    _Char = models.CharField[Any, Any]
else:
    _Decimal, _Char = models.DecimalField, models.CharField


@cache
def exponent(currency: str) -> int:
    """Decimals of the currency after ISO 4217: JPY 0, EUR 2, KWD 3.

    Raises:
        Invalid: no such currency.
    """
    try:
        unit = int(get_currency(currency).sub_unit)
    except CurrencyDoesNotExist:
        raise Invalid(f"{currency!r} is not an ISO 4217 currency.", field="currency") from None
    return len(str(unit)) - 1


def is_currency(text: str) -> bool:
    """Whether this is an ISO 4217 code."""
    try:
        exponent(text)
    except Invalid:
        return False
    return True


def require_minor_units(amount: Decimal, currency: str, *, field: str = "amount") -> Decimal:
    """The amount, refused if it has more decimals than the currency.

    Raises:
        Invalid: too many decimals, not finite, or unknown currency.
    """
    if not amount.is_finite():
        raise Invalid("An amount is a finite number.", field=field)
    places = exponent(currency)
    if amount != amount.quantize(Decimal(1).scaleb(-places)):
        raise Invalid(
            f"{currency} has {places} decimals; the amount has more.",
            remedy="Round it where it comes from; it is never rounded here.",
            field=field,
        )
    return amount


def to_ten_thousandths(amount: Decimal) -> int:
    """Decimal to the kernels' integer; exact, or ValueError."""
    scaled = amount * SCALE
    if scaled != scaled.to_integral_value():
        raise ValueError("an amount has at most four decimals")
    return int(scaled)


def from_ten_thousandths(units: int) -> Decimal:
    """The kernels' integer to a Decimal with four decimals."""
    return (Decimal(units) / SCALE).quantize(_QUANTUM)


def plain(amount: Decimal, currency: str) -> str:
    """For machines: a string with exactly the currency's decimals, "-1234.50"."""
    return f"{amount:.{exponent(currency)}f}"


def validate_currency(value: str) -> None:
    """Field validator: an ISO 4217 code."""
    try:
        exponent(value)
    except Invalid as refusal:
        raise ValidationError(refusal.message) from None


class AmountField(_Decimal):
    """NUMERIC(20,4)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 20)
        kwargs.setdefault("decimal_places", 4)
        super().__init__(*args, **kwargs)


class CurrencyField(_Char):
    """A three-letter ISO 4217 code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 3)
        kwargs["validators"] = [validate_currency]
        super().__init__(*args, **kwargs)
