"""Rejected lines that people corrected: which are still open, and what was changed."""

from __future__ import annotations

import json
from typing import Any

from apps.common.access import Actor
from apps.common.models import ScopedQuerySet
from apps.ingestion.models import Batch, LineCorrection, RejectedLine, Source
from apps.privacy.classification import Classification
from apps.privacy.masking import shown_to


def corrections_for(actor: Actor) -> ScopedQuerySet:
    """Corrections in granted entities, newest first."""
    return (
        LineCorrection.objects.visible_to(actor)
        .select_related("rejected_line", "batch__source", "corrected_by")
        .order_by("-id")
    )


def rejected_lines_for(actor: Actor) -> ScopedQuerySet:
    """Rejected lines in granted entities, each with its correction if there is one."""
    return RejectedLine.objects.visible_to(actor).select_related(
        "batch__source__entity", "correction__corrected_by"
    )


def open_rejections(batch: Batch) -> Any:
    """The rejected lines of a batch that nobody has corrected, in the order of the file."""
    return batch.rejected_lines.filter(correction__isnull=True)


def open_lines(batch: Batch) -> set[int]:
    """The numbers of `open_rejections`."""
    return set(open_rejections(batch).values_list("line", flat=True))


def corrected_texts(source: Source, sha256: str) -> dict[int, dict[str, str]]:
    """What people put into lines of these bytes so far: line -> column -> text."""
    corrections = LineCorrection.objects.filter(
        rejected_line__batch__source=source, rejected_line__batch__sha256=sha256
    ).select_related("rejected_line")
    return {
        one.rejected_line.line: {name: after for name, (_, after) in _changes(one).items()}
        for one in corrections
    }


def changes_shown(correction: LineCorrection, actor: Actor) -> list[dict[str, str]]:
    """`column`, `before` and `after` of what was changed, as the actor may see it."""
    entity_id = correction.batch.entity_id

    def masked(text: str) -> str:
        return shown_to(actor, text, Classification.CONFIDENTIAL, entity_id=entity_id)

    return [
        {"column": name, "before": masked(before), "after": masked(after)}
        for name, (before, after) in _changes(correction).items()
    ]


def _changes(correction: LineCorrection) -> dict[str, list[str]]:
    changes: dict[str, list[str]] = json.loads(correction.changes)
    return changes
