"""What did not agree and what stood out, as the document tells it."""

from __future__ import annotations

from typing import Any

import pytest
from analytics.stage import post, post_by_hand

from apps.analytics.models import AnomalyScore, ScoringRun
from apps.analytics.selectors import grounds_of
from apps.analytics.services import review_anomaly, score_period
from apps.close.models import CloseRun
from apps.reconciliation.models import Run
from apps.reporting.documents import Exceptions, Omission
from apps.reporting.services.findings import (
    _line_meant,
    _shortened,
    anomalies_in,
    breaks_of,
    exceptions,
)

from .stage import entry_named

Z = {"measure": "z_score", "reason": "far from the mean", "line_id": 1}
Z_TOO = {"measure": "z_score", "reason": "2,000.00 is far from the mean too", "line_id": 2}
ROBUST = {"measure": "robust_z", "reason": "unusually large", "line_id": 1}
WEEKEND = {"measure": "weekend_posting", "reason": "posted on a Sunday", "line_id": 1}


@pytest.fixture
def scoring(close_run: CloseRun) -> ScoringRun:
    return ScoringRun.objects.get()


def method(close_run: CloseRun, scoring: ScoringRun | None) -> str:
    told = exceptions(close_run.period, scoring, list(Run.objects.live()), [], [])
    assert isinstance(told, Exceptions)
    return told.anomaly_method


def test_each_break_names_its_first_item_left_before_right(close_run: CloseRun) -> None:
    runs = Run.objects.live().select_related("match_type")
    told = [(found.line.reference, str(found.line.booked_on)) for found in breaks_of(runs)]
    assert told == [("INV-2", "2023-04-04"), ("=INV-3", "2023-04-05"), ("INV-4", "2023-04-06")]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("amount differs by 7.50 EUR, reference INV-2 is equal", None),
        ("counterparty differs: 'Anna Jansen' / 'Ana Jansen'", "Jansen"),
        ("narrative differs: 'wages Anna' / 'wages Bert'", "wages"),
    ],
)
def test_names_and_narratives_are_masked_as_for_an_auditor(
    close_run: CloseRun, reason: str, told: str | None
) -> None:
    run = Run.objects.live().select_related("match_type").get()
    broken = run.breaks.create(
        number=9,
        cause="amount",
        state="mismatched",
        currency="EUR",
        left_total=1,
        right_total=0,
        amount=1,
        is_material=False,
        reason=reason,
        evidence={},
    )
    broken.items.create(record=run.breaks.first().items.first().record, side="left")
    written = breaks_of([run])[-1].line.description
    assert written == reason if told is None else told not in written


def test_without_a_run_and_a_scoring_the_section_is_omitted(close_run: CloseRun) -> None:
    assert isinstance(exceptions(close_run.period, None, [], [], []), Omission)


def test_a_period_that_was_not_scored_says_so(close_run: CloseRun) -> None:
    assert method(close_run, None) == "The entries of the period were not scored."


def test_the_method_names_what_differs_from_the_usual(
    close_run: CloseRun, scoring: ScoringRun, system: Any
) -> None:
    assert method(close_run, scoring).endswith("Parameters: the usual ones.")
    other = score_period(
        period_id=close_run.period_id,
        actor=system,
        parameters={
            "z_threshold": 3,
            "deciding": ["z_score", "weekend_posting"],
            "unattended_sources": [],
        },
    )
    assert method(close_run, other).endswith(
        "Parameters: deciding: weekend posting, z score; z threshold: 3.0."
    )


def test_entries_posted_after_the_scoring_are_counted(
    close_run: CloseRun, scoring: ScoringRun, connie: Any, system: Any
) -> None:
    from datetime import date

    from analytics.stage import sale

    post_by_hand(close_run.entity, connie, "12.00")
    assert method(close_run, scoring).endswith(
        " 1 entry was posted after the scoring and not scored."
    )
    post(close_run.entity, [sale("late", date(2023, 4, 20), "100.00")], system)
    assert method(close_run, scoring).endswith(
        " 2 entries were posted after the scoring and not scored."
    )


def test_an_anomaly_tells_who_decided_and_why(
    close_run: CloseRun, scoring: ScoringRun, rita: Any
) -> None:
    (score,) = scoring.scores.all()
    review_anomaly(score_id=score.pk, disposition="corrected", comment="Reversed.", actor=rita)
    (found,) = anomalies_in(scoring)
    assert (found.line.disposition, found.reviewed_by, found.comment) == (
        "An error, corrected",
        "Rita",
        "Reversed.",
    )


@pytest.mark.parametrize(
    ("reasons", "shown"),
    [
        ([Z], ("far from the mean",)),
        ([Z, WEEKEND], ("far from the mean", "posted on a Sunday")),
        # A measure says the same of both lines of an entry: the sentence tells nothing new.
        ([Z, Z], ("far from the mean",)),
        ([Z, Z_TOO], ("far from the mean", "1 more in the attachment")),
        (
            [Z, Z, WEEKEND, ROBUST],
            ("far from the mean", "posted on a Sunday", "1 more in the attachment"),
        ),
        (
            [Z, Z_TOO, WEEKEND, ROBUST],
            ("far from the mean", "posted on a Sunday", "2 more in the attachment"),
        ),
    ],
)
def test_the_clearest_reasons_are_shown(reasons: list[Any], shown: tuple[str, ...]) -> None:
    assert _shortened(grounds_of(AnomalyScore(reasons=reasons), most=2)) == shown


def test_the_line_is_that_of_the_first_reason_that_names_one(close_run: CloseRun) -> None:
    lines = list(entry_named("odd").lines.order_by("line_number"))
    debit, credit = lines
    unnamed = {"measure": "score", "reason": "the score 0.61 reaches 0.50"}
    named = {**Z, "line_id": credit.pk}
    assert _line_meant([unnamed, named], lines) == credit
    assert _line_meant([unnamed], lines) == debit, "the largest, the first of equals"
    assert _line_meant([{**Z, "line_id": -1}], lines) == debit
