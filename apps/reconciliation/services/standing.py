"""Only an outcome that stands is worked on."""

from __future__ import annotations

from apps.reconciliation.errors import RunNotCompleted, RunOutdated, RunSuperseded
from apps.reconciliation.models import Run
from apps.reconciliation.selectors.items import is_outdated
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


def require_current(run: Run) -> None:
    """Refuse what does not stand, and what rests on a run before that has changed since.

    Raises:
        RunNotCompleted, RunSuperseded, RunOutdated
    """
    require_standing(run)
    if is_outdated(run):
        raise RunOutdated


def require_outcome(run: Run) -> None:
    """Refuse a run that found nothing yet, or failed; one that was superseded is looked at.

    Raises:
        RunNotCompleted
    """
    if run.status not in {RunStatus.COMPLETED, RunStatus.SUPERSEDED}:
        raise RunNotCompleted
