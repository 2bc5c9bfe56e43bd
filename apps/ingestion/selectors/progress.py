"""How far the imports into a source are that are under way."""

from __future__ import annotations

from dataclasses import dataclass

from apps.common.phases import phases_of
from apps.ingestion.models import Source
from apps.ingestion.states import IMPORT_AT_WORK


@dataclass(frozen=True)
class ImportProgress:
    """How far one import is.

    Attributes:
        phase: an ImportPhase.
        rows_done, rows: lines stored so far, and all that are new; 0 before the lines are stored.
    """

    phase: str
    rows_done: int
    rows: int


def imports_under_way(source: Source) -> list[ImportProgress]:
    """What is being imported into the source now, the first one in front."""
    return [
        ImportProgress(phase.name, phase.done, phase.total)
        for phase in phases_of(IMPORT_AT_WORK, source.pk)
    ]
