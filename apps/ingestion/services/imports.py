"""Import a file: keep the original, read it, publish all of it in one transaction, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import polars as pl
from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize, one_visible
from apps.common.phases import Phase, in_phase, tell_phase
from apps.identity.models import User
from apps.ingestion.errors import SourceRetired
from apps.ingestion.formats import FileRefused, Reading, are_numbered_alike, content_keys
from apps.ingestion.locks import source_for_update
from apps.ingestion.models import Batch, FailedImport, RejectedLine, Source
from apps.ingestion.permissions import IMPORT_FILE
from apps.ingestion.selectors.batches import latest_reading, next_reading
from apps.ingestion.selectors.corrections import open_lines
from apps.ingestion.selectors.frames import known_records
from apps.ingestion.services.amending import Additions, additions, amend
from apps.ingestion.services.bulk import copy_records
from apps.ingestion.services.facts import (
    control_totals,
    days_covered,
    late_lines,
    statement_facts,
)
from apps.ingestion.services.originals import keep_original
from apps.ingestion.services.reading import read_file
from apps.ingestion.services.reissues import without_counted_anew
from apps.ingestion.states import IMPORT_AT_WORK, ImportPhase

_LONGEST_NAME = 255
_LONGEST_FIELD = 100


@dataclass(frozen=True)
class ImportOutcome:
    """What became of a file: a batch, or the failure that says why there is none.

    Attributes:
        is_new: False if exactly this file was imported before (nothing was changed).
    """

    batch: Batch | None
    failure: FailedImport | None = None
    is_new: bool = True


def import_file(
    *,
    source_id: int,
    filename: str,
    content: bytes,
    actor: User,
    query_text: str = "",
    parameters: Mapping[str, Any] | None = None,
    days: tuple[date, date] | None = None,
) -> ImportOutcome:
    """Import a file into a source.

    The original is sealed and kept whatever happens. Lines dated in closed periods come in too, and
    the batch tells how many. The same bytes again change nothing;
    overlapping files add only the lines that are new, and identical genuine lines of one file
    all survive (content key + occurrence). A line that changed under its external id is added and
    amends the earlier one, which stays but no longer stands (see `amending`). After the source's
    mapping was changed, the same bytes are read again for the lines that were rejected, and for
    no others.

    Args:
        filename: for people; nothing is decided by it but the guess of a format.
        content: the whole file.
        query_text, parameters: what a connector asked to get it; they go into the batch.
        days: first and last day that the file is about, where that is known; else those of its
            lines.

    Returns:
        The outcome; a refused file is an outcome with `failure`, not an exception, because the
        failure itself is recorded.

    Raises:
        NotVisible, NotPermitted: not this actor.
        SourceRetired: the source takes no files.
    """
    source = _source_for_import(source_id, actor)
    sha256 = hashlib.sha256(content).hexdigest()
    known = latest_reading(source, sha256)
    if known is not None and not _is_worth_reading_again(known, source.mapping):
        return ImportOutcome(known, is_new=False)
    received = _Received(
        filename=filename[-_LONGEST_NAME:],
        sha256=sha256,
        size_bytes=len(content),
        original_name=keep_original(source, sha256, content),
        mapping=source.mapping,
        query_text=query_text,
        parameters=parameters or {},
        days=days,
    )
    try:
        with in_phase(IMPORT_AT_WORK, source.pk, Phase(ImportPhase.READING.value)):
            reading = read_file(source, filename, content, source.mapping)
    except FileRefused as refusal:
        return _record_failure(source, received, refusal, actor)
    del content  # it may be a gigabyte, and all that is needed of it has been read
    return _publish(received, reading, source_id=source.pk, actor=actor)


@dataclass(frozen=True)
class _Received:
    """A file as it arrived, how it was asked for, and the mapping that it was read by."""

    filename: str
    sha256: str
    size_bytes: int
    original_name: str
    mapping: Mapping[str, Any]
    query_text: str
    parameters: Mapping[str, Any]
    days: tuple[date, date] | None


def _source_for_import(source_id: int, actor: User) -> Source:
    source: Source = one_visible(Source.objects.granted_to(actor).filter(pk=source_id))
    authorize(actor, IMPORT_FILE, entity_id=source.entity_id)
    if not source.is_active:
        raise SourceRetired
    return source


def _is_worth_reading_again(known: Batch, mapping: Mapping[str, Any]) -> bool:
    """Whether another mapping may make lines of what this reading rejected."""
    return known.rejected_count > 0 and known.mapping != mapping


def _can_follow(former: Batch, reading: Reading, mapping: Mapping[str, Any]) -> bool:
    """Whether it is told which lines of a new reading were rejected by the one before."""
    is_worth_it = _is_worth_reading_again(former, mapping)
    return is_worth_it and are_numbered_alike(former.conventions, reading.conventions)


@transaction.atomic
def _publish(
    received: _Received, reading: Reading, *, source_id: int, actor: User
) -> ImportOutcome:
    """Lines, rejected lines and batch appear together; imports into one source take turns."""
    source = source_for_update(source_id, actor=actor)
    former = latest_reading(source, received.sha256)
    if former is not None and not _can_follow(former, reading, received.mapping):
        return ImportOutcome(former, is_new=False)
    accepted = reading.lines.hstack(content_keys(reading.lines))
    lines = wanted = accepted
    if former is not None:
        lines, reading = _still_open(former, accepted, reading)
        # With their copies, so that the occurrences of identical lines still count from one.
        wanted = accepted.join(lines, on="content_key", how="semi")
    tell_phase(IMPORT_AT_WORK, source.pk, Phase(ImportPhase.COMPARING.value))
    known = known_records(source.pk, *_days_known(wanted, received.days))
    added = additions(accepted, wanted, known, partial(without_counted_anew, reading=reading))
    batch = _create_batch(
        source,
        received,
        reading,
        accepted=lines,
        added=added,
        number=next_reading(source, received.sha256),
        actor=actor,
    )
    copy_records(batch, added.lines)
    amend(batch, added.amendments)
    RejectedLine.objects.bulk_create(
        RejectedLine(
            batch=batch, line=line.line, field=line.field[:_LONGEST_FIELD], reason=line.reason
        )
        for line in reading.rejected
    )
    record(
        actor=actor,
        action="ingestion.batch.import",
        subject=batch,
        sha256=batch.sha256,
        lines=batch.line_count,
        added=batch.added_count,
        amended=batch.amended_count,
        rejected=batch.rejected_count,
        closed_periods=batch.closed_periods,
        control_totals=batch.control_totals,
    )
    return ImportOutcome(batch)


def _still_open(
    former: Batch, accepted: pl.DataFrame, reading: Reading
) -> tuple[pl.DataFrame, Reading]:
    """What this reading makes of the lines that the former one rejected, and of no others."""
    numbers = open_lines(former)
    rejected = tuple(line for line in reading.rejected if line.line in numbers)
    lines = accepted.filter(pl.col("line").is_in(numbers))
    return lines, replace(reading, rejected=rejected)


def _days_known(
    lines: pl.DataFrame, days: tuple[date, date] | None
) -> tuple[date | None, date | None]:
    """The days over which the file may repeat or amend what is there."""
    found = [
        day
        for day in (lines["booked_on"].min(), lines["booked_on"].max(), *(days or ()))
        if isinstance(day, date)
    ]
    return (min(found), max(found)) if lines.height else (None, None)


def _create_batch(
    source: Source,
    received: _Received,
    reading: Reading,
    *,
    accepted: pl.DataFrame,
    added: Additions,
    number: int,
    actor: User,
) -> Batch:
    starts_on, ends_on = days_covered(reading)
    return Batch.objects.create(
        entity_id=source.entity_id,
        source=source,
        filename=received.filename,
        sha256=received.sha256,
        size_bytes=received.size_bytes,
        original_name=received.original_name,
        mapping=received.mapping,
        query_text=received.query_text,
        parameters=received.parameters,
        reading=number,
        imported_by=actor,
        format=reading.format,
        conventions=dict(reading.conventions),
        line_count=accepted.height,
        added_count=added.lines.height,
        amended_count=added.amendments.height,
        closed_periods=late_lines(source.entity_id, added.lines),
        rejected_count=len(reading.rejected),
        pending_count=reading.pending.height,
        control_totals=control_totals(accepted),
        statements=[statement_facts(statement) for statement in reading.statements],
        starts_on=starts_on,
        ends_on=ends_on,
    )


@transaction.atomic
def _record_failure(
    source: Source, received: _Received, refusal: FileRefused, actor: User
) -> ImportOutcome:
    failure = FailedImport.objects.create(
        entity_id=source.entity_id,
        source=source,
        filename=received.filename,
        sha256=received.sha256,
        size_bytes=received.size_bytes,
        original_name=received.original_name,
        code=refusal.code,
        message=refusal.message,
        remedy=refusal.remedy,
        line=refusal.line,
        field=refusal.field[:_LONGEST_FIELD],
        imported_by=actor,
    )
    record(
        actor=actor,
        action="ingestion.batch.refuse",
        subject=failure,
        sha256=received.sha256,
        code=refusal.code,
    )
    return ImportOutcome(None, failure)
