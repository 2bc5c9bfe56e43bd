"""Close tasks that bring files in and look whether they are whole."""

from __future__ import annotations

from collections.abc import Sequence

from apps.close.models import CloseTask
from apps.close.registry import TaskContext, TaskResult
from apps.common.errors import Conflict
from apps.ingestion.models import Source
from apps.ingestion.selectors import Finding, validation_findings
from apps.ingestion.services import collect_files

COLLECT = "ingestion.collect"
VALIDATE = "ingestion.validate"


class FilesRefused(Conflict):
    """Files of the period could not be imported."""

    code = "FILES_REFUSED"
    remedy = "Correct the files and retry the task; what was imported stays."


class FilesNotWhole(Conflict):
    """Files do not tie, are not continuous, are missing, or have rejected lines."""

    code = "FILES_NOT_WHOLE"
    remedy = "Import the corrected files and retry the task."


def collect(context: TaskContext) -> TaskResult:
    """Import the period's file of each source in `parameters["sources"]`."""
    outcomes = collect_files(
        entity_id=context.entity.pk,
        source_codes=context.parameters["sources"],
        period_name=context.period.name,
        actor=context.actor,
    )
    failures = [
        f"{code}: {outcome.failure.message}"
        for code, outcome in outcomes.items()
        if outcome.failure
    ]
    if failures:
        raise FilesRefused(" ".join(failures))
    batches = {code: outcome.batch for code, outcome in outcomes.items() if outcome.batch}
    return TaskResult(
        summary={
            "files": {
                code: {
                    "batch": batch.pk,
                    "lines": batch.line_count,
                    "rejected": batch.rejected_count,
                    "control_totals": batch.control_totals,
                    "sha256": batch.sha256,
                }
                for code, batch in batches.items()
            },
            "lines": sum(batch.line_count for batch in batches.values()),
        }
    )


def validate(context: TaskContext) -> TaskResult:
    """Check the collected files of the period: complete, tying, continuous, nothing rejected."""
    codes = _collected_sources(context)
    sources = Source.objects.filter(entity=context.entity, code__in=codes)
    findings = validation_findings(
        source_ids=list(sources.values_list("pk", flat=True)),
        starts_on=context.period.starts_on,
        ends_on=context.period.ends_on,
    )
    blocking = [_words(finding) for finding in findings if finding.is_blocking]
    if blocking:
        raise FilesNotWhole("; ".join(blocking) + ".")
    warning = "; ".join(_words(finding) for finding in findings)
    return TaskResult(summary={"sources": len(codes), "findings": len(findings)}, warning=warning)


def _collected_sources(context: TaskContext) -> Sequence[str]:
    """The sources that the run's collecting tasks name."""
    tasks = CloseTask.objects.filter(run=context.task.run, handler=COLLECT)
    return sorted({code for task in tasks for code in task.parameters["sources"]})


def _words(finding: Finding) -> str:
    place = f"{finding.source} ({finding.filename})" if finding.filename else finding.source
    return f"{place}: {finding.problem}"
