"""Close tasks that bring files in and look whether they are whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.close.models import CloseTask
from apps.close.registry import TaskContext, TaskResult
from apps.common.errors import Conflict
from apps.ingestion.errors import SourceResting, SourceRetired
from apps.ingestion.models import Batch, Source
from apps.ingestion.selectors import Finding, validation_findings
from apps.ingestion.services import collect_files, pull_now
from apps.ingestion.states import OPEN_PULLS

COLLECT = "ingestion.collect"
VALIDATE = "ingestion.validate"


class FilesRefused(Conflict):
    """Files of the period could not be imported."""

    code = "FILES_REFUSED"
    remedy = "Correct the files and retry the task; what was imported stays."


class SourcesNotPulled(Conflict):
    """Connected sources of the period could not be pulled, or brought nothing."""

    code = "SOURCES_NOT_PULLED"
    remedy = "Mend what is said here and retry the task; what came in stays."


class FilesNotWhole(Conflict):
    """Files do not tie, are not continuous, are missing, or have rejected lines."""

    code = "FILES_NOT_WHOLE"
    remedy = "Import the corrected files and retry the task."


def collect(context: TaskContext) -> TaskResult:
    """Import the period's file of each source in `parameters["sources"]`, or pull the source.

    Sources with a connector are pulled for the days of the period; the others have their file in
    the drop folder.
    """
    codes = context.parameters["sources"]
    connected = Source.objects.filter(entity=context.entity, code__in=codes).exclude(connector="")
    sources = {source.code: source for source in connected}
    outcomes = collect_files(
        entity_id=context.entity.pk,
        source_codes=[code for code in codes if code not in sources],
        period_name=context.period.name,
        actor=context.actor,
    )
    batches: dict[str, Batch | None] = {code: each.batch for code, each in outcomes.items()}
    refused = [
        f"{code}: {outcome.failure.message}"
        for code, outcome in outcomes.items()
        if outcome.failure
    ]
    problems = []
    for code, source in sources.items():
        batches[code], problem = _pulled(source, context)
        problems += [f"{code}: {problem}"] if problem else []
    if problems:
        raise SourcesNotPulled(" ".join([*refused, *problems]))
    if refused:
        raise FilesRefused(" ".join(refused))
    return TaskResult(summary=_summary({code: batches[code] for code in dict.fromkeys(codes)}))


def _pulled(source: Source, context: TaskContext) -> tuple[Batch | None, str]:
    """What a pull of the period brought, and why there is nothing if there is nothing."""
    try:
        pull = pull_now(
            source_id=source.pk,
            starts_on=context.period.starts_on,
            ends_on=context.period.ends_on,
            actor=context.actor,
        )
    except (SourceResting, SourceRetired) as refusal:
        return None, refusal.words
    if pull.batch is not None:
        return pull.batch, ""
    if pull.status in OPEN_PULLS and not pull.failure_message:
        return None, "It is being pulled at this moment."
    last = pull.attempts.last()
    message = pull.failure_message or (last.failure_message if last else "")
    return None, f"{message} {pull.failure_remedy}".strip()


def _summary(batches: Mapping[str, Batch | None]) -> dict[str, Any]:
    """What came in, by source."""
    found = {code: batch for code, batch in batches.items() if batch is not None}
    return {
        "files": {
            code: {
                "batch": batch.pk,
                "lines": batch.line_count,
                "rejected": batch.rejected_count,
                "control_totals": batch.control_totals,
                "sha256": batch.sha256,
            }
            for code, batch in found.items()
        },
        "lines": sum(batch.line_count for batch in found.values()),
    }


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
