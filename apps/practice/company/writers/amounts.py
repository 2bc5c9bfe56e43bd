"""Hours and rates as text; the ledger and the job system write them alike."""

from __future__ import annotations

from ..money import plain


def hours(hundredths: int) -> str:
    """``750`` as ``7.50`` hours."""
    return plain(hundredths)


def rate(cents: int) -> str:
    """``7240`` as ``72.40`` per hour."""
    return plain(cents)
