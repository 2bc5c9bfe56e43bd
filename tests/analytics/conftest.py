"""Books that are scored, and the anomaly that is found in them."""

from __future__ import annotations

from typing import Any

import pytest

from apps.analytics.models import AnomalyScore, ScoringRun
from apps.analytics.selectors import anomalies_of
from apps.analytics.services import score_period

from .stage import ODD, keep_books, period_of, post_month


@pytest.fixture
def books(entity: Any, system: Any) -> Any:
    """Our books: two months of sales, one of them odd."""
    keep_books(entity, system)
    post_month(entity, system)
    return entity


@pytest.fixture
def april(books: Any) -> Any:
    return period_of(books)


@pytest.fixture
def scoring(april: Any, system: Any) -> ScoringRun:
    return score_period(period_id=april.pk, actor=system)


@pytest.fixture
def odd(scoring: ScoringRun) -> AnomalyScore:
    """The sale that stands out."""
    found: AnomalyScore = anomalies_of(scoring).get(entry__external_id=ODD)
    return found


@pytest.fixture
def foreign_odd(other_entity: Any, system: Any) -> AnomalyScore:
    """The same in the other entity, in yen."""
    keep_books(other_entity, system)
    post_month_in_yen(other_entity, system)
    run = score_period(period_id=period_of(other_entity).pk, actor=system)
    found: AnomalyScore = anomalies_of(run).get(entry__external_id=ODD)
    return found


def post_month_in_yen(entity: Any, actor: Any) -> None:
    """The sales without decimals, as the yen has none."""
    from dataclasses import replace
    from datetime import date
    from decimal import ROUND_DOWN, Decimal

    from .stage import ordinary_sales, post, sale

    def whole(entry: Any) -> Any:
        lines = [
            replace(
                line,
                debit=line.debit.quantize(Decimal(1), ROUND_DOWN),
                credit=line.credit.quantize(Decimal(1), ROUND_DOWN),
            )
            for line in entry.lines
        ]
        return replace(entry, lines=lines)

    sales = [
        *ordinary_sales(date(2023, 3, 6), 40, "M"),
        *ordinary_sales(date(2023, 4, 3), 40, "A"),
        sale(ODD, date(2023, 4, 16), "670.00"),
    ]
    post(entity, [whole(each) for each in sales], actor)
