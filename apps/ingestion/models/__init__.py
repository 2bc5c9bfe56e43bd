"""Sources, pulls of them, the files that came in, and their lines."""

from apps.ingestion.models.batches import (
    Amendment,
    Batch,
    FailedImport,
    LineCorrection,
    Record,
    RejectedLine,
    SealedBlock,
)
from apps.ingestion.models.pulls import Pull, PullAttempt
from apps.ingestion.models.sources import Source

__all__ = [
    "Amendment",
    "Batch",
    "FailedImport",
    "LineCorrection",
    "Pull",
    "PullAttempt",
    "Record",
    "RejectedLine",
    "SealedBlock",
    "Source",
]
