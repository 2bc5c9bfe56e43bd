"""A reconciliation as what an analysis rests on: bound to its outcome, it falls with it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.identity.models import User
from apps.ledger.errors import FiguresMoved, SupportMissing
from apps.ledger.models import AccountAnalysis, Period
from apps.ledger.selectors import analysed
from apps.ledger.services import (
    AnalysisDraft,
    ItemDraft,
    draft_entry,
    post_entry,
    prepare_analysis,
    submit_analysis,
)
from apps.reconciliation.models import Run
from apps.reconciliation.selectors.supports import runs_of_days, standing_runs
from apps.reconciliation.services import unmatch_group
from tests.ledger.conftest import keep_books
from tests.ledger.conftest import pair as two_lines

from .conftest import Pair

DAYS = {"starts_on": date(2023, 4, 1), "ends_on": date(2023, 4, 30)}


@pytest.fixture
def balance(april: Run, alice: User, system: User) -> Period:
    """100.00 on the bank in April."""
    keep_books(april.entity, system)
    entry = draft_entry(
        entity_id=april.entity_id,
        posted_on=date(2023, 4, 12),
        description="Sale",
        kind="manual",
        lines=two_lines(),
        actor=alice,
    )
    return post_entry(entry_id=entry.pk, actor=alice).period


def analyse(balance: Period, run_id: Any, alice: User) -> AccountAnalysis:
    item = ItemDraft("Reconciled", Decimal(100), support_type="match_run", support_id=str(run_id))
    return prepare_analysis(
        period_id=balance.pk, account="1000", content=AnalysisDraft(items=[item]), actor=alice
    )


def test_runs_that_stand_are_offered_for_their_days(
    april: Run, pair: Pair, other_entity: Any
) -> None:
    offered = runs_of_days(april.entity_id, **DAYS)
    assert list(offered) == [str(april.pk)]
    support = offered[str(april.pk)]
    assert (support.label, support.url, support.digest) == (
        "Bank to ledger, 2023-04-01 to 2023-04-30",
        f"/reconciliations/{april.pk}/",
        april.outcome_digest,
    )
    assert runs_of_days(april.entity_id, date(2023, 5, 1), date(2023, 5, 31)) == {}
    assert runs_of_days(other_entity.pk, **DAYS) == {}
    assert standing_runs(april.entity_id, [str(april.pk), "x", "-1", "9" * 30]) == offered
    assert standing_runs(other_entity.pk, [str(april.pk)]) == {}
    pair.bring("left", ("INV-8", "09", "13.00"))
    newer = pair.run()
    assert standing_runs(april.entity_id, [str(april.pk), str(newer.pk)]).keys() == {str(newer.pk)}


@pytest.mark.parametrize("happens", ["revised", "superseded"])
def test_the_analysis_is_outdated_once_the_outcome_is_another(
    balance: Period, april: Run, pair: Pair, alice: User, rita: User, happens: str
) -> None:
    analysis = analyse(balance, april.pk, alice)
    assert analysed(analysis).state == "draft"
    assert analysed(analysis).items[0].support_digest == april.outcome_digest
    submit_analysis(analysis_id=analysis.pk, actor=alice)
    analysis.refresh_from_db()
    assert analysed(analysis).state == "signed"
    if happens == "revised":
        unmatch_group(run_id=april.pk, number=1, reason="No", actor=rita)
    else:
        pair.bring("left", ("INV-8", "09", "13.00"))
        pair.run()
    assert analysed(analysis).state == "outdated"
    draft = analyse(balance, april.pk, alice) if happens == "revised" else None
    if draft is not None:
        unmatch_group(run_id=april.pk, number=2, reason="No", actor=rita)
        with pytest.raises(FiguresMoved, match="stands no more: 1"):
            submit_analysis(analysis_id=draft.pk, actor=alice)


@pytest.mark.parametrize("run_id", ["0", "x", "987654321"])
def test_runs_that_are_not_there_support_nothing(
    balance: Period, alice: User, table_counts: Any, run_id: str
) -> None:
    before = table_counts()
    with pytest.raises(SupportMissing):
        analyse(balance, run_id, alice)
    assert table_counts() == before
