"""Reconciliations as what an item of an account analysis rests on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.urls import reverse

from apps.common.paging import row_id
from apps.ledger.registry import Support
from apps.reconciliation.models import Run

MATCH_RUN = "match_run"


def standing_runs(entity_id: int, ids: Collection[str]) -> dict[str, Support]:
    """Those of the runs that stand, by id; another outcome has another digest."""
    known = [run_id for run_id in map(row_id, ids) if run_id is not None]
    return _supports(Run.objects.filter(entity_id=entity_id, pk__in=known))


def runs_of_days(entity_id: int, starts_on: date, ends_on: date) -> dict[str, Support]:
    """The runs that stand and end in these days, both included, by id."""
    return _supports(
        Run.objects.filter(entity_id=entity_id, ends_on__gte=starts_on, ends_on__lte=ends_on)
    )


def _supports(runs: Any) -> dict[str, Support]:
    return {
        str(run.pk): Support(
            label=f"{run.match_type.name}, {run.starts_on} to {run.ends_on}",
            url=reverse("reconciliation:run", args=[run.pk]),
            digest=run.outcome_digest,
        )
        for run in runs.live().select_related("match_type").order_by("match_type__name", "pk")
    }
