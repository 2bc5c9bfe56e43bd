"""Mean, deviation, median and MAD of groups against the statistics module."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.analytics.measures.moments import means, medians

VALUES = st.integers(-(10**15), 10**15).map(lambda number: number / 64)
GROUPS = 4
ROWS = st.lists(st.tuples(VALUES, st.integers(0, GROUPS - 1)), max_size=60)


def grouped(rows):
    return [[value for value, code in rows if code == group] for group in range(GROUPS)]


def arrays(rows):
    values = np.array([value for value, _ in rows], dtype=np.float64)
    return values, np.array([code for _, code in rows], dtype=np.int64), GROUPS


@given(ROWS)
def test_means_are_those_of_each_group(rows):
    found = means(*arrays(rows))
    for code, values in enumerate(grouped(rows)):
        assert found.count[code] == len(values)
        if not values:
            assert math.isnan(found.centre[code])
            assert math.isnan(found.scale[code])
            continue
        tolerance = 1e-9 * max(map(abs, values), default=0) + 1e-300
        assert found.centre[code] == pytest.approx(statistics.fmean(values), abs=tolerance)
        assert found.scale[code] == pytest.approx(statistics.pstdev(values), abs=tolerance * 10)


@given(ROWS)
def test_medians_are_those_of_each_group(rows):
    found = medians(*arrays(rows))
    for code, values in enumerate(grouped(rows)):
        assert found.count[code] == len(values)
        if not values:
            assert math.isnan(found.centre[code])
            assert math.isnan(found.scale[code])
            continue
        median = statistics.median(values)
        assert found.centre[code] == median
        assert found.scale[code] == statistics.median([abs(value - median) for value in values])


@given(ROWS, st.randoms())
@pytest.mark.parametrize("measure", [means, medians])
def test_the_order_of_rows_changes_no_bit(measure, rows, random):
    shuffled = random.sample(rows, len(rows))
    one, other = measure(*arrays(rows)), measure(*arrays(shuffled))
    assert one.centre.tobytes() == other.centre.tobytes()
    assert one.scale.tobytes() == other.scale.tobytes()


@given(st.floats(-1e15, 1e15), st.integers(1, 50))
@example(0.1, 10)  # ten times 0.1 is not 1, so the mean of ten is not 0.1
def test_equal_values_have_no_dispersion_at_all(value, count):
    rows = [(value, 0)] * count
    assert means(*arrays(rows)).scale[0] == 0
    assert medians(*arrays(rows)).scale[0] == 0
