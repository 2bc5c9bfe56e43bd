"""Only an outcome that stands is worked on."""

from __future__ import annotations

from apps.reconciliation.errors import RunNotCompleted, RunSuperseded
from apps.reconciliation.models import Run
from apps.reconciliation.states import RunStatus


def require_standing(run: Run) -> None:
    """Refuse a run without an outcome, and one whose place a newer run took.

    Raises:
        RunNotCompleted, RunSuperseded
    """
    if run.status == RunStatus.SUPERSEDED:
        raise RunSuperseded
    if run.status != RunStatus.COMPLETED:
        raise RunNotCompleted
