"""What the pages of reconciliation share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from apps.common.access import authorize
from apps.identity.context import actor_of
from apps.reconciliation.models import Run
from apps.reconciliation.permissions import VIEW_RUNS
from apps.reconciliation.states import Cause


def viewer(request: HttpRequest) -> Any:
    """Who looks at the page.

    Raises:
        NotPermitted: he may not look at reconciliations.
    """
    actor = actor_of(request)
    authorize(actor, VIEW_RUNS)
    return actor


def runs_link() -> dict[str, str]:
    return {"label": "Reconciliations", "url": reverse("reconciliation:runs")}


def run_link(run: Run) -> dict[str, str]:
    return {"label": run.match_type.name, "url": reverse("reconciliation:run", args=[run.pk])}


def cause_label(cause: str) -> str:
    """The cause for people; one that has no words yet by its own name."""
    return str(dict(Cause.choices).get(cause, cause.replace("_", " ").capitalize()))
