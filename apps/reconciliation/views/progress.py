"""How far a run is, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apps.common.templatetags.finflow import count, minutes
from apps.reconciliation.models import Run
from apps.reconciliation.selectors import progress_of


def progress_shown(run: Run) -> dict[str, Any] | None:
    """What `_progress.html` shows; None unless the run is at work in shards."""
    found = progress_of(run)
    if found is None:
        return None
    return {
        "is_matching": found.phase == "matching",
        "shards": found.shards,
        "before": f"{count(found.shards_done)} of {count(found.shards)} shards",
        "done": found.rows_done,
        "total": found.rows,
        "left": "" if found.left is None else f"about {_roughly(found.left)} left",
    }


def _roughly(left: timedelta) -> str:
    """``40 s`` or ``3 min``: an estimate is no measurement."""
    seconds = int(left.total_seconds())
    return minutes(round(seconds / 60)) if seconds > 90 else f"{max(seconds, 1)} s"
