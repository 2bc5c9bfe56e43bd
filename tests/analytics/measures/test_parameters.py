"""The parameters: what they refuse and how they are stored."""

import json

import pytest

from apps.analytics.measures import VERSIONS, Parameters, ParametersInvalid


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"z_threshold": 0}, "z_threshold must be above 0"),
        ({"z_threshold": float("nan")}, "z_threshold must be above 0"),
        ({"robust_threshold": float("inf")}, "robust_threshold must be above 0"),
        ({"z_minimum_lines": 1}, "z_minimum_lines must be 2 or more"),
        ({"robust_minimum_lines": 1}, "robust_minimum_lines must be 2 or more"),
        ({"forest_minimum_lines": 0}, "forest_minimum_lines must be 2 or more"),
        ({"forest_trees": 0}, "forest_trees must be 1 or more"),
        ({"forest_training_lines": 0}, "forest_training_lines must be 1 or more"),
        ({"seldom_months": 0}, "seldom_months must be 1 or more"),
        ({"seldom_postings": -1}, "seldom_postings must not be negative"),
        ({"forest_seed": -1}, "forest_seed must not be negative"),
        ({"forest_contamination": 0.0}, "forest_contamination must be in (0, 0.5]"),
        ({"forest_contamination": 0.51}, "forest_contamination must be in (0, 0.5]"),
        ({"flag_threshold": 0}, "flag_threshold must be in (0, 1]"),
        ({"flag_threshold": 1.1}, "flag_threshold must be in (0, 1]"),
        ({"weekend": frozenset({7})}, "weekend must hold weekdays 0 to 6"),
        ({"deciding": frozenset({"magic"})}, "deciding names an unknown measure"),
        ({"weights": {"z_score": 1.0}}, "weights must name every measure"),
        ({"weights": dict.fromkeys(VERSIONS, 0.0)}, "weights must be 0 or more and not all 0"),
        ({"weights": dict.fromkeys(VERSIONS, -1.0)}, "weights must be 0 or more and not all 0"),
        ({"round_magnitudes": ((0, 1),)}, "round_magnitudes is too small or too large"),
        ({"round_magnitudes": ((10, 0),)}, "round_magnitudes is too small or too large"),
        ({"round_magnitudes": ((10**15, 1),)}, "round_magnitudes is too small or too large"),
        ({"round_magnitudes": ((100, 1), (10, 1))}, "round_magnitudes must ascend"),
        ({"round_magnitudes": ((10, 1), (10, 2))}, "round_magnitudes must ascend"),
    ],
)
def test_values_that_no_measure_can_work_with_are_refused(values, why):
    with pytest.raises(ParametersInvalid) as refusal:
        Parameters(**values)
    assert str(refusal.value) == f"The parameter {why}."


def test_parameters_can_be_stored_as_json():
    stored = Parameters(currency_exponents={"JPY": 0}).as_json()
    assert json.loads(json.dumps(stored)) == stored
    assert stored["z_threshold"] == 2.5
    assert stored["weekend"] == [5, 6]
    assert Parameters.from_json(stored) == Parameters(currency_exponents={"JPY": 0})
    assert stored["deciding"] == ["robust_z", "z_score"]
    assert stored["round_magnitudes"] == [[1_000, 1], [10_000, 2], [1_000_000, 3]]
    assert stored["currency_exponents"] == {"JPY": 0}
    assert stored["weights"].keys() == VERSIONS.keys()


@pytest.mark.parametrize(
    "values", [{"surprise": 1}, {"weekend": 5}, {"round_magnitudes": [1]}, {"z_threshold": -1}]
)
def test_plain_values_that_do_not_fit_are_refused(values):
    with pytest.raises(ParametersInvalid):
        Parameters.from_json(values)
