"""How far a run is, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apps.common.templatetags.finflow import count, minutes
from apps.reconciliation.models import Run
from apps.reconciliation.selectors import Progress, progress_of
from apps.reconciliation.states import RunPhase, RunStatus


def work_shown(run: Run) -> dict[str, Any]:
    """What `_status.html` and `_queued.html` show: the run, its state and how far it is."""
    progress = progress_shown(run)
    state = RunStatus.RUNNING.value if progress else run.status
    return {"run": run, "state": state, "progress": progress}


def progress_shown(run: Run) -> dict[str, Any] | None:
    """What `_progress.html` shows; None unless somebody is at work on the run."""
    found = progress_of(run)
    if found is None:
        return None
    sentence = _sentence(found)
    return {
        "sentence": sentence,
        "before": "" if sentence else _before(found),
        "noun": "rows" if found.pass_number == 0 else "rows matched",
        "done": found.rows_done,
        "total": found.rows,
        "left": "" if found.left is None else f"about {_roughly(found.left)} left",
    }


def _sentence(found: Progress) -> str:
    """The phase of which there is nothing to count; else empty."""
    if found.phase == RunPhase.READING:
        return "Reading the records."
    if found.phase == RunPhase.FINISHING:
        shards = f"All {count(found.shards or 0)} shards are through, {count(found.rows)} rows."
        return f"{shards} The outcome is being put together."
    if found.phase == RunPhase.CLASSIFYING:
        return f"Explaining what stays open: {count(found.rows - found.rows_done)} rows."
    return ""


def _before(found: Progress) -> str:
    """What stands in front of the counts."""
    if found.phase == RunPhase.STORING:
        return "Storing"
    if found.pass_number:
        return f"Pass {found.pass_number} of {found.passes}, {found.pass_name}"
    return f"{count(found.shards_done or 0)} of {count(found.shards or 0)} shards"


def _roughly(left: timedelta) -> str:
    """``40 s`` or ``3 min``: an estimate is no measurement."""
    seconds = int(left.total_seconds())
    return minutes(round(seconds / 60)) if seconds > 90 else f"{max(seconds, 1)} s"
