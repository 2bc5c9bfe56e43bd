"""Between pandas with Decimals, which people work with, and the kernels' int64 ten-thousandths."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import polars as pl

SCALE: Final = 10_000
_DECIMAL: Final = pl.Decimal(38, 4)
_ONE_UNIT: Final = Decimal(1) / SCALE
_TOO_LARGE: Final = Decimal(10) ** 14


def in_units(frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """The columns as exact Decimals of four decimals instead of integers."""
    return frame.with_columns(
        (pl.col(name).cast(_DECIMAL) * pl.lit(_ONE_UNIT, dtype=_DECIMAL)).cast(_DECIMAL)
        for name in columns
    )


def in_ten_thousandths(amounts: pl.Series) -> pl.Series:
    """Decimals or whole numbers of currency units as int64 ten-thousandths, exactly.

    Raises:
        ValueError: the column is of another type (a float is no amount), has more than four
            decimals, or a value too large to be counted.
    """
    if not (amounts.dtype.is_decimal() or amounts.dtype.is_integer()):
        raise ValueError(f"is {amounts.dtype}; give Decimals, for example Decimal('1234.50')")
    extremes = [
        Decimal(str(found)) for found in (amounts.min(), amounts.max()) if found is not None
    ]
    if any(abs(extreme) >= _TOO_LARGE for extreme in extremes):
        raise ValueError("has an amount of 10^14 or more")
    rounded = amounts.cast(_DECIMAL)
    if not (rounded == amounts).drop_nulls().all():
        raise ValueError("has an amount with more than four decimals")
    return (rounded * SCALE).cast(pl.Int64)
