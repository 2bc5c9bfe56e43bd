"""Mean, standard deviation, median and MAD of many groups at once.

Values are sorted within their group before anything is summed, so that results do not depend on
the order of the rows, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .population import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Spread:
    """Centre and spread of each group.

    Attributes:
        count: values of each group.
        centre: mean or median, NaN for an empty group.
        scale: population standard deviation or median absolute deviation, exactly 0 if there is
            no dispersion, NaN for an empty group.
    """

    count: IntArray
    centre: FloatArray
    scale: FloatArray


def means(values: FloatArray, codes: IntArray, groups: int) -> Spread:
    """Mean and population standard deviation of each group.

    Args:
        values: one value a row.
        codes: the row's group, from 0 up to and without ``groups``.
        groups: how many groups there are.
    """
    count, filled, starts, ordered = _grouped(values, codes, groups)
    total = np.add.reduceat(ordered, starts) if starts.size else np.empty(0)
    mean = total / count[filled]
    squares = np.square(ordered - np.repeat(mean, count[filled]))
    variance = np.add.reduceat(squares, starts) / count[filled] if starts.size else np.empty(0)
    # Equal values whose mean does not come out exactly would else have a tiny spread.
    is_flat = ordered[starts] == ordered[starts + count[filled] - 1]
    scale = np.where(is_flat, 0.0, np.sqrt(variance))
    return Spread(count, _spread_out(mean, filled, groups), _spread_out(scale, filled, groups))


def medians(values: FloatArray, codes: IntArray, groups: int) -> Spread:
    """Median and median absolute deviation (MAD) of each group; arguments as `means`."""
    median = _median(values, codes, groups)
    deviations = np.abs(values - median[codes])
    count = np.bincount(codes, minlength=groups)
    return Spread(count, median, _median(deviations, codes, groups))


def _median(values: FloatArray, codes: IntArray, groups: int) -> FloatArray:
    count, filled, starts, ordered = _grouped(values, codes, groups)
    lower, upper = (count[filled] - 1) // 2, count[filled] // 2
    middle = (ordered[starts + lower] + ordered[starts + upper]) / 2
    return _spread_out(middle, filled, groups)


def _grouped(
    values: FloatArray, codes: IntArray, groups: int
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Count of each group, the groups that have rows, their first row, the values sorted."""
    count = np.bincount(codes, minlength=groups)
    filled = np.flatnonzero(count)
    starts = (np.cumsum(count) - count)[filled]
    return count, filled, starts, values[np.lexsort((values, codes))]


def _spread_out(found: FloatArray, filled: IntArray, groups: int) -> FloatArray:
    result = np.full(groups, np.nan)
    result[filled] = found
    return result
