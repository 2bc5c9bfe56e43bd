"""Who has a hand in what a run found, and so may not approve it."""

from __future__ import annotations

from apps.reconciliation.models import BreakReview, Revision


def participants_in_run(run_id: str) -> frozenset[int]:
    """Ids of those who explained one of its breaks or changed it by hand (two queries)."""
    explainers = BreakReview.objects.filter(
        broken__run_id=int(run_id), explained_by__isnull=False
    ).values_list("explained_by_id", flat=True)
    revisers = Revision.objects.filter(run_id=int(run_id)).values_list("revised_by_id", flat=True)
    return frozenset({*explainers, *revisers})
