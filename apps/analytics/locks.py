"""Row locks of this app, in this order: period, review.

Whoever scores a period or reviews its anomalies holds the period, so that nobody reviews an
anomaly of a scoring that is being superseded at this moment.
"""

from __future__ import annotations

from apps.analytics.models import AnomalyReview, AnomalyScore
from apps.common.access import Actor, one_visible
from apps.ledger.models import Period


def period_for_scoring(period_id: int, *, actor: Actor) -> Period:
    """The period's row, locked: two scorings of one period take turns.

    Raises:
        NotVisible: no such period for this actor.
    """
    return one_visible(
        Period.objects.granted_to(actor)
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=period_id)
    )


def review_for_update(score_id: int, *, actor: Actor) -> AnomalyReview:
    """The review of an anomaly, made at the first look, locked until the transaction ends.

    Raises:
        NotVisible: no such anomaly for this actor.
    """
    mine = AnomalyScore.objects.granted_to(actor).filter(pk=score_id)
    period_id = one_visible(mine.values_list("run__period_id", flat=True))
    period_for_scoring(period_id, actor=actor)
    review: AnomalyReview | None = (
        AnomalyReview.objects.select_for_update(of=("self",))
        .select_related("score__run", "score__entry")
        .filter(score_id=score_id)
        .first()
    )
    return review or AnomalyReview(score=mine.select_related("run", "entry").get())
