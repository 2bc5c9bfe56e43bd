"""Each source in one line: what it brought last, and what is the matter with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from apps.common.access import Actor
from apps.ingestion.models import Batch, FailedImport, Pull, Source
from apps.ingestion.selectors.batches import sources_for
from apps.ingestion.selectors.findings import Finding, validation_findings
from apps.ingestion.selectors.pulls import ended_pulls

_LOOK_BACK: Final = timedelta(days=92)


@dataclass(frozen=True)
class Feed:
    """A source with its last file.

    Attributes:
        failure: the last refused file, if nothing was imported after it.
        failed_pull: the last pull, if it failed, or fails until now.
        findings: of the last file and those of the three months before it.
    """

    source: Source
    batch: Batch | None
    failure: FailedImport | None
    findings: list[Finding]
    failed_pull: Pull | None = None

    @property
    def state(self) -> str:
        """In a word, such as failed, unreachable (not pulled), pending (nothing yet), completed."""
        if not self.source.is_active:
            return "archived"
        if self.failure is not None:
            return "failed"
        if self.failed_pull is not None:
            return "unreachable"
        if self.batch is None:
            return "pending"
        if self.findings:
            is_blocking = any(finding.is_blocking for finding in self.findings)
            return "blocked" if is_blocking else "completed_with_warning"
        return "completed"


def feeds(actor: Actor, sources: Iterable[Source] | None = None) -> list[Feed]:
    """The sources (by default all that the actor sees) with their last files, by code."""
    listed = list(sources_for(actor) if sources is None else sources)
    batches = {
        batch.source_id: batch
        for batch in Batch.objects.filter(source__in=listed, correction__isnull=True)
        .order_by("source_id", "-id")
        .distinct("source_id")
    }
    failures = {
        failure.source_id: failure
        for failure in FailedImport.objects.filter(source__in=listed)
        .order_by("source_id", "-id")
        .distinct("source_id")
    }
    pulls = ended_pulls(listed)
    return [
        _feed(source, batches.get(source.pk), failures.get(source.pk), pulls.get(source.pk))
        for source in listed
    ]


def _feed(
    source: Source, batch: Batch | None, failure: FailedImport | None, pull: Pull | None
) -> Feed:
    is_settled = failure is None or (batch is not None and batch.imported_at > failure.failed_at)
    findings: list[Finding] = []
    if batch is not None and batch.ends_on is not None:
        findings = validation_findings(
            source_ids=[source.pk], starts_on=batch.ends_on - _LOOK_BACK, ends_on=batch.ends_on
        )
    has_failed = pull is not None and pull.failure_code and source.connector
    return Feed(
        source,
        batch,
        None if is_settled else failure,
        findings,
        pull if has_failed else None,
    )
