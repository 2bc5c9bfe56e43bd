"""Money in whole euro cents. Every amount of the practice company is an int; text is for files."""

from __future__ import annotations

VAT_BASIS_POINTS = 2_100
"""The Dutch standard rate, 21%."""

CARD_FEE_BASIS_POINTS = 140
CARD_FEE_FIXED_CENTS = 25
"""What the card gateway keeps of each transaction: 1.4% of the gross amount and 0.25 EUR."""

BANK_FEE_CENTS = 750
"""What a correspondent bank keeps of an incoming transfer, where it does."""

_WHOLE_BASIS_POINTS = 10_000


def share_of(cents: int, basis_points: int) -> int:
    """``basis_points`` hundredths of a percent of ``cents``, halves rounded away from zero."""
    scaled = abs(cents) * basis_points
    rounded = (2 * scaled + _WHOLE_BASIS_POINTS) // (2 * _WHOLE_BASIS_POINTS)
    return rounded if cents >= 0 else -rounded


def card_fee(gross_cents: int) -> int:
    """The gateway's fee on one card transaction, in cents."""
    return share_of(gross_cents, CARD_FEE_BASIS_POINTS) + CARD_FEE_FIXED_CENTS


def without_vat(gross_cents: int) -> int:
    """The part of a price including VAT that is not VAT, halves rounded up."""
    whole = _WHOLE_BASIS_POINTS + VAT_BASIS_POINTS
    return (2 * gross_cents * _WHOLE_BASIS_POINTS + whole) // (2 * whole)


def plain(cents: int) -> str:
    """``-123456`` as ``-1234.56``."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02d}"


def comma(cents: int) -> str:
    """``-123456`` as ``-1234,56``."""
    return plain(cents).replace(".", ",")


def european(cents: int) -> str:
    """``-123456`` as ``-1.234,56``."""
    whole, rest = divmod(abs(cents), 100)
    grouped = f"{whole:,}".replace(",", ".")
    return f"{'-' if cents < 0 else ''}{grouped},{rest:02d}"
