"""The sentences on the cover."""

from __future__ import annotations

from typing import Any

import pytest

from apps.close.models import CloseRun
from apps.reconciliation.models import MatchType, Run
from apps.reconciliation.services import define_match_type
from apps.reporting.services.conclusion import conclusion, is_proved
from apps.reporting.services.findings import breaks_of

from .stage import RULES


@pytest.fixture
def runs(close_run: CloseRun) -> list[Run]:
    return list(Run.objects.live().select_related("match_type"))


def test_nothing_run() -> None:
    assert conclusion([], []) == "No reconciliation of the period was run."


def test_a_reconciliation_that_was_not_run_is_named(
    runs: list[Run], close_run: CloseRun, connie: Any
) -> None:
    known = MatchType.objects.get()
    define_match_type(
        entity_id=close_run.entity_id,
        code="second",
        name="Shop to ledger",
        left_source_id=known.left_source_id,
        right_source_id=known.right_source_id,
        rules=RULES,
        actor=connie,
    )
    told = conclusion(runs, breaks_of(runs))
    assert told.startswith(
        "1 of 2 reconciliations of the period were run; not run: Shop to ledger."
    )


def test_no_breaks(runs: list[Run]) -> None:
    assert "They left no break." in conclusion(runs, [])


def test_breaks_without_a_known_cause_are_counted(runs: list[Run]) -> None:
    breaks = breaks_of(runs)
    object.__setattr__(breaks[0].line, "cause", "ambiguous")
    for found in breaks:
        object.__setattr__(found.line, "is_open", False)
    told = conclusion(runs, breaks)
    assert "They left 3 breaks: 1 of them have no known cause, none is unexplained." in told


@pytest.mark.parametrize(
    ("amounts", "proved"),
    [
        ([], True),
        (["0.00"], True),
        (["0.00", "-0.0000"], True),
        (["0.01"], False),
        (["0.00", "0.0000000000000000000000000001"], False),
        (["1E-400"], False),
    ],
)
def test_proved_means_zero_to_the_last_digit(amounts: list[str], proved: bool) -> None:
    run = Run(proof=[{"proof_amount": amount} for amount in amounts])
    assert is_proved(run) is proved


def test_an_unproved_reconciliation_is_named(runs: list[Run]) -> None:
    runs[0].proof = [{"proof_amount": "0.01"}]
    told = conclusion(runs, [])
    assert "The proof amount is not zero for: Bank to ledger." in told
    assert "Every proof amount is zero" not in told


def test_awaited_items_are_told_apart_from_open_ones(runs: list[Run]) -> None:
    (run,) = runs
    broken = run.breaks.create(
        number=9,
        cause="timing",
        state="awaited",
        currency="EUR",
        left_total=1,
        right_total=0,
        amount=1,
        is_material=False,
        reason="still awaited",
        evidence={},
    )
    broken.items.create(record=run.breaks.first().items.first().record, side="left")
    breaks = breaks_of(runs)
    assert (breaks[-1].line.status, breaks[-1].line.is_open) == ("Awaited", False)
    assert (
        "They left 4 breaks: each has its cause, 1 are awaited in the next days,"
        " 2 are not explained by anybody." in conclusion(runs, breaks)
    )
