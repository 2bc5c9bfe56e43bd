"""Correct a rejected line: a person's texts in place of the file's, read like any other line.

The file is read again with the corrected line in its place, by the mapping that rejected it, and
the line comes in as a batch of its own: a further reading of the same bytes. The original, the
rejected line and the reading that rejected it stay as they are. Where the mapping was at fault,
the whole file is read again instead.

A bank's statement and a book's entry prove what is put into them (`proving`): lines of one
statement are corrected together, and only so that it ties.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize, one_visible
from apps.identity.models import User
from apps.ingestion.errors import (
    CorrectionInvalid,
    LineCorrected,
    LineNotCorrectable,
    LineReadAgain,
    SourceRetired,
    StillRejected,
)
from apps.ingestion.formats import Reading, are_numbered_alike, content_keys
from apps.ingestion.locks import source_for_update
from apps.ingestion.models import Batch, LineCorrection, RejectedLine
from apps.ingestion.permissions import CORRECT_LINE, IMPORT_FILE
from apps.ingestion.selectors.batches import latest_reading, next_reading, original_of
from apps.ingestion.selectors.corrections import corrected_texts, rejected_lines_for
from apps.ingestion.selectors.frames import known_records
from apps.ingestion.services.amending import Additions, additions, amend
from apps.ingestion.services.bulk import copy_records
from apps.ingestion.services.facts import (
    control_totals,
    days_covered,
    late_lines,
    statement_facts,
)
from apps.ingestion.services.imports import ImportOutcome, import_file
from apps.ingestion.services.proving import require_proven, together, with_note
from apps.ingestion.services.reading import read_file
from apps.ingestion.services.reissues import without_counted_anew
from apps.privacy.permissions import READ_CONFIDENTIAL

MOST_TOGETHER = 50  # the file is read again for each of them


def texts_of_line(*, line_id: int, actor: User) -> dict[str, str]:
    """The texts of a rejected line by column, as they stand in the kept original.

    Raises:
        NotVisible, NotPermitted: not this actor.
        LineCorrected, LineReadAgain, LineNotCorrectable, SourceRetired: see `correct_line`.
    """
    line = _line_to_correct(line_id, actor)
    return dict(_found_in(_read_with({line.line: {}}, line.batch), line))


def texts_together(*, line_id: int, actor: User) -> dict[RejectedLine, dict[str, str]]:
    """The texts of a rejected line, and of those that have to be corrected with it.

    Raises:
        NotVisible, NotPermitted, LineCorrected, LineReadAgain, LineNotCorrectable, SourceRetired:
            see `correct_line`.
    """
    line = _line_to_correct(line_id, actor)
    reading = _read_with({line.line: {}}, line.batch)
    _found_in(reading, line)
    lines = together(reading, line)
    _require_few(len(lines))
    reading = _read_with({one.line: {} for one in lines}, line.batch)
    return {one: dict(_found_in(reading, one)) for one in lines}


def correct_line(
    *, line_id: int, texts: Mapping[str, str], reason: str, actor: User
) -> LineCorrection:
    """Bring a rejected line in with corrected texts; who changed what, and why, stays on record.

    Args:
        texts: column -> text; columns that are left out keep what the file says.
        reason: why, for the reviewer.

    Raises:
        NotVisible, NotPermitted: not this actor.
        CorrectionInvalid: no reason, a column that the file lacks, or a text that cannot be kept.
        LineCorrected: somebody was faster.
        LineReadAgain: the file was read again by another mapping; correct the line there.
        LineNotCorrectable: several rows or entries stand on the line.
        LinesBelongTogether: others of the same statement or entry wait too, see `correct_lines`.
        CorrectionUnproven: the statement would not tie, or the entry not balance.
        StillRejected: names the field and the reason.
        SourceRetired: the source takes no lines any more.
        FileRefused: with this text the file as a whole could not be read.
    """
    return correct_lines(texts={line_id: texts}, reason=reason, actor=actor)[0]


@transaction.atomic
def correct_lines(
    *, texts: Mapping[int, Mapping[str, str]], reason: str, actor: User
) -> list[LineCorrection]:
    """Bring lines of one statement or entry in together, all of them or none.

    Args:
        texts: id of a rejected line -> column -> text.

    Raises:
        CorrectionInvalid: no line, or lines of several files.
        LineNotCorrectable: more than MOST_TOGETHER.
        Refusal: see `correct_line`; of the first line that is refused.
    """
    _require_few(len(texts))
    lines = [_line_to_correct(line_id, actor) for line_id in sorted(texts)]
    if len({line.batch_id for line in lines}) != 1:
        raise CorrectionInvalid("Correct lines of one file.", field="lines")
    corrections = []
    for line in lines:
        _require_sound(texts[line.pk], reason)
        corrected = _corrected(line, texts[line.pk], reason)
        corrections.append(_publish(corrected, actor))
    require_proven(corrected.reading, lines)
    return corrections


def _corrected(line: RejectedLine, texts: Mapping[str, str], reason: str) -> _Corrected:
    """The line in a reading of its file, with all that was corrected before it."""
    reading = _read_with({line.line: texts}, line.batch)
    found = _found_in(reading, line)
    unknown = sorted(texts.keys() - found.keys())
    if unknown:
        raise CorrectionInvalid(f"The file has no column {unknown[0]!r}.", field=unknown[0])
    changes = {
        name: [found[name], texts[name]]
        for name in found
        if name in texts and texts[name] != found[name]
    }
    return _Corrected(line, reading, changes, reason.strip())


def read_again(*, batch_id: int, actor: User) -> ImportOutcome:
    """Read the kept original of a batch by the mapping that its source has now.

    Only lines that were rejected come in; see `import_file`, which this is with the same bytes.

    Raises:
        NotVisible, NotPermitted, SourceRetired: see `import_file`.
    """
    batch = one_visible(Batch.objects.granted_to(actor).filter(pk=batch_id))
    authorize(actor, IMPORT_FILE, entity_id=batch.entity_id)
    return import_file(
        source_id=batch.source_id,
        filename=batch.filename,
        content=original_of(batch),
        query_text=batch.query_text,
        parameters=batch.parameters,
        actor=actor,
    )


@dataclass(frozen=True)
class _Corrected:
    """A line as it was corrected, in the reading of its whole file."""

    line: RejectedLine
    reading: Reading
    changes: Mapping[str, list[str]]
    reason: str


def _publish(corrected: _Corrected, actor: User) -> LineCorrection:
    """The record, its batch and the correction; two who correct one line take turns."""
    line = corrected.line
    source = source_for_update(line.batch.source_id, actor=actor)
    _require_open(line)
    accepted = corrected.reading.lines.hstack(content_keys(corrected.reading.lines))
    lines = _required(accepted, corrected)
    # With its copies, so that the occurrences of identical lines still count from one.
    wanted = accepted.join(lines, on="content_key", how="semi")
    days: Any = (accepted["booked_on"].min(), accepted["booked_on"].max())
    known = known_records(source.pk, *days)
    added = additions(
        accepted, wanted, known, partial(without_counted_anew, reading=corrected.reading)
    )
    batch = _create_batch(corrected, lines, added, actor)
    copy_records(batch, added.lines)
    amend(batch, added.amendments)
    correction: LineCorrection = LineCorrection.objects.create(
        rejected_line=line,
        batch=batch,
        changes=json.dumps(corrected.changes, ensure_ascii=False),
        reason=corrected.reason,
        corrected_by=actor,
    )
    record(
        actor=actor,
        action="ingestion.line.correct",
        subject=correction,
        entity_id=source.entity_id,
        batch=batch.pk,
        rejected_line=line.pk,
        line=line.line,
        columns=list(corrected.changes),
        reason=corrected.reason,
        added=batch.added_count,
    )
    return correction


def _line_to_correct(line_id: int, actor: User) -> RejectedLine:
    line: RejectedLine = one_visible(rejected_lines_for(actor).filter(pk=line_id))
    authorize(actor, CORRECT_LINE, entity_id=line.batch.entity_id)
    authorize(actor, READ_CONFIDENTIAL, entity_id=line.batch.entity_id)
    _require_open(line)
    return line


def _require_open(line: RejectedLine) -> None:
    """Asked once before the file is read, and again with the source locked."""
    batch = line.batch
    correction = (
        LineCorrection.objects.filter(rejected_line=line).select_related("corrected_by").first()
    )
    if correction is not None:
        raise LineCorrected(
            f"{correction.corrected_by} has corrected this line.", correction=correction.pk
        )
    if latest_reading(batch.source, batch.sha256) != batch:
        raise LineReadAgain
    if not batch.source.is_active:
        raise SourceRetired


def _require_sound(texts: Mapping[str, str], reason: str) -> None:
    if not reason.strip():
        raise CorrectionInvalid("Say why the line is corrected.", field="reason")
    for name, text in {**texts, "reason": reason}.items():
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise CorrectionInvalid("A text has a character that cannot be stored.", field=name)


def _require_few(count: int) -> None:
    if count > MOST_TOGETHER:
        raise LineNotCorrectable(
            f"{count:,} lines of this statement or entry cannot be read; by hand at most"
            f" {MOST_TOGETHER} are corrected together."
        )


def _read_with(texts: Mapping[int, Mapping[str, str]], batch: Batch) -> Reading:
    """The whole file with these lines corrected, and those that were before them."""
    corrections = {**corrected_texts(batch.source, batch.sha256), **texts}
    content = original_of(batch)
    reading = read_file(batch.source, batch.filename, content, batch.mapping, corrections)
    if not are_numbered_alike(reading.conventions, batch.conventions):
        raise LineNotCorrectable(
            "The file was read when entries that share a line of text had no numbers of their own."
        )
    return reading


def _found_in(reading: Reading, line: RejectedLine) -> Mapping[str, str]:
    if line.line not in reading.found:
        raise LineNotCorrectable
    return reading.found[line.line]


def _required(accepted: pl.DataFrame, corrected: _Corrected) -> pl.DataFrame:
    """The corrected line among those that are accepted."""
    number = corrected.line.line
    for rejected in corrected.reading.rejected:
        if rejected.line == number:
            raise StillRejected(rejected.reason, field=rejected.field)
    lines = accepted.filter(pl.col("line") == number)
    if lines.is_empty() and number in corrected.reading.pending["line"]:
        raise StillRejected("The file says that this line is not booked.")
    if lines.is_empty():
        raise StillRejected
    return lines


def _create_batch(
    corrected: _Corrected, lines: pl.DataFrame, added: Additions, actor: User
) -> Batch:
    """A further reading of the same bytes, of one line.

    Its statements are those of the file with the line in it: they tie again if it was right.
    """
    former, reading = corrected.line.batch, corrected.reading
    starts_on, ends_on = days_covered(reading)
    facts: dict[str, Any] = {
        name: getattr(former, name)
        for name in (
            "entity_id",
            "source",
            "filename",
            "sha256",
            "size_bytes",
            "original_name",
            "mapping",
            "query_text",
        )
    }
    return Batch.objects.create(
        **facts,
        parameters={**former.parameters, "corrected_line": corrected.line.line},
        reading=next_reading(former.source, former.sha256),
        imported_by=actor,
        format=reading.format,
        conventions=dict(reading.conventions),
        line_count=lines.height,
        added_count=added.lines.height,
        amended_count=added.amendments.height,
        closed_periods=late_lines(former.entity_id, added.lines),
        rejected_count=0,
        control_totals=control_totals(lines),
        statements=[statement_facts(one) for one in with_note(reading, corrected.line)],
        starts_on=starts_on,
        ends_on=ends_on,
    )
