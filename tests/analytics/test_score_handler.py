"""The close task `analytics.score`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from apps.analytics.errors import ParametersRefused
from apps.analytics.handlers import score
from apps.analytics.models import ScoringRun
from apps.close.registry import TaskContext, handler_named
from apps.close.states import TaskStatus


@pytest.fixture
def context(april: Any, system: Any) -> Any:
    def of(**parameters: Any) -> TaskContext:
        return TaskContext(
            task=SimpleNamespace(pk=1),  # type: ignore[arg-type]
            entity=april.entity,
            period=april,
            parameters=parameters,
            actor=system,
            preparer=system,
        )

    return of


def test_it_is_offered_under_its_name() -> None:
    handler = handler_named("analytics.score")
    assert handler.run is score
    assert handler.settle is None


def test_it_scores_the_period_and_tells_in_numbers(context: Any) -> None:
    result = score(context(z_threshold="2.5", deciding=["z_score", "weekend_posting"]))
    run = ScoringRun.objects.get()
    assert result.summary == {
        "scoring": run.pk,
        "entries": 41,
        "lines": 82,
        "flagged": run.flagged_count,
    }
    assert result.status == TaskStatus.COMPLETED


def test_a_second_call_finds_the_first_one_done(context: Any) -> None:
    first, second = score(context()), score(context())
    assert first == second
    assert ScoringRun.objects.count() == 1


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"z_threshold": "high"}, "z_threshold"),
        ({"methods": ["z_score"]}, "methods"),
        ({"sigma": 2}, "sigma"),
    ],
)
def test_parameters_that_it_does_not_know_are_refused(
    context: Any, parameters: dict[str, Any], told: str, table_counts: Any
) -> None:
    made = context(**parameters)
    before = table_counts()
    with pytest.raises(ParametersRefused) as refused:
        score(made)
    assert told in refused.value.message
    assert table_counts() == before
