"""Whether what came in is whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q

from apps.ingestion.models import Batch, Source
from apps.ingestion.selectors.batches import batches_between
from apps.ingestion.selectors.corrections import open_rejections
from apps.ingestion.selectors.stated import (
    Facts,
    adjoin,
    are_of_one_account,
    open_or_close_alike,
)


@dataclass(frozen=True)
class Finding:
    """Something a reviewer should know about a source's files.

    Attributes:
        is_blocking: figures cannot be trusted until it is mended; others are worth a look.
        batch_id: the file it is about; None if it is about a file that is missing.
    """

    source: str
    filename: str
    problem: str
    is_blocking: bool = True
    batch_id: int | None = None


@dataclass(frozen=True)
class _Stated:
    """A statement with the batch that brought it."""

    facts: dict[str, Any]
    batch: Batch

    @property
    def dates(self) -> tuple[str, str]:
        return self.facts["opened_on"] or "", self.facts["closed_on"] or ""

    def is_of_account_of(self, other: _Stated) -> bool:
        return are_of_one_account(self.facts, other.facts)

    def replaces(self, other: _Stated) -> bool:
        """Whether it is a later file's word on the same days of the same account."""
        return (
            self.batch.pk > other.batch.pk
            and self.dates == other.dates
            and self.is_of_account_of(other)
            and not _are_pages(self.facts, other.facts)
        )


def validation_findings(
    *, source_ids: Sequence[int], starts_on: date, ends_on: date
) -> list[Finding]:
    """What is wrong with the files of a period: missing, not tying, not continuous, rejected.

    Consistency check: opening + movements = closing. Continuity check: a statement opens with
    what the one before it closed with. A later file that says the same days again takes the place
    of the earlier one, so that importing a corrected file settles what was wrong with the first.
    """
    findings: list[Finding] = []
    for source in Source.objects.filter(pk__in=source_ids).order_by("code"):
        batches = batches_between(source_id=source.pk, starts_on=starts_on, ends_on=ends_on)
        if not batches:
            findings.append(Finding(source.name, "", "no file covers this period"))
        findings += (
            _found(source, batch, f"{_lines(count)} rejected")
            for batch in batches
            if batch.rejected_count and not _is_covered(batch)
            if (count := open_rejections(batch).count())
        )
        findings += (
            Finding(
                source.name,
                batch.filename,
                f"{_lines(batch.amended_count)} amended: the source says something else now",
                False,
                batch.pk,
            )
            for batch in batches
            if batch.amended_count
        )
        findings += (
            Finding(source.name, batch.filename, batch.closed_words, False, batch.pk)
            for batch in batches
            if batch.closed_periods
        )
        findings += _statement_findings(source, _statements_until(source, ends_on), batches)
    return findings


def _lines(count: int) -> str:
    return "1 line was" if count == 1 else f"{count} lines were"


def _is_covered(batch: Batch) -> bool:
    """Whether a later file brought all of its days, or the same bytes were read again.

    A correction settles its own line and no other; the next statement of a day settles nothing.
    """
    covers = Q(starts_on__lte=batch.starts_on, ends_on__gte=batch.ends_on)
    later = Batch.objects.filter(covers | Q(sha256=batch.sha256)).filter(
        source_id=batch.source_id, pk__gt=batch.pk, correction__isnull=True
    )
    return any(not _continues(one, batch) for one in later.only("statements"))


def _continues(later: Batch, earlier: Batch) -> bool:
    """Whether all that it brings of the days of an earlier statement are other statements."""
    return any(
        all(_are_pages(one, before) for one in of_its_days)
        for before in earlier.statements
        if (of_its_days := [one for one in later.statements if _are_of_the_same_days(one, before)])
    )


def _are_of_the_same_days(one: Facts, other: Facts) -> bool:
    days = "opened_on", "closed_on"
    return are_of_one_account(one, other) and all(one[day] == other[day] for day in days)


def _are_pages(one: Facts, other: Facts) -> bool:
    """Whether they follow each other, so that neither is another word on the other."""
    return adjoin(one, other) and not open_or_close_alike(one, other)


def _statements_until(source: Source, ends_on: date) -> list[_Stated]:
    batches = Batch.objects.filter(source=source, starts_on__lte=ends_on).order_by("id")
    return [
        _Stated(facts, batch)
        for batch in batches
        for facts in batch.statements
        if facts["opening"] is not None or facts["closing"] is not None or facts["notes"]
    ]


def _statement_findings(
    source: Source, stated: Sequence[_Stated], batches: Sequence[Batch]
) -> Iterator[Finding]:
    """What is wrong with the statements of these batches; all are needed to see what was before."""
    examined = {batch.pk for batch in batches}
    for one in stated:
        if one.batch.pk not in examined or any(later.replaces(one) for later in stated):
            continue
        if one.facts["ties"] is False:
            amount = f"{one.facts['difference']} {one.facts['currency']}"
            yield _found(source, one.batch, f"opening + movements differ from closing by {amount}")
        if gap := _gap_before(one, stated):
            yield _found(source, one.batch, gap)
        for note in one.facts["notes"]:
            yield Finding(source.name, one.batch.filename, note, False, one.batch.pk)


def _gap_before(one: _Stated, stated: Sequence[_Stated]) -> str:
    """How the opening balance differs from every balance that it could continue; '' if it fits.

    It continues what closed last before it; banks that send several statements within a day give
    all of them that day, so that each of those is taken too.
    """
    if one.facts["opening"] is None or one.facts["opened_on"] is None:
        return ""
    opened_on = one.facts["opened_on"]
    others = [
        other
        for other in stated
        if other is not one
        and other.facts["closing"] is not None
        and other.facts["closed_on"] is not None
        and other.facts["closed_on"] <= opened_on
        and other.is_of_account_of(one)
    ]
    within_the_day = [other for other in others if other.dates == (opened_on, opened_on)]
    before = [other for other in others if other not in within_the_day]
    last_on = max((other.dates[1] for other in before), default=None)
    candidates = [*within_the_day, *(other for other in before if other.dates[1] == last_on)]
    closings = sorted({other.facts["closing"] for other in candidates})
    if not closings or one.facts["opening"] in closings:
        return ""
    if not before and _is_first_of(within_the_day, one):
        return ""
    return (
        f"opens with {one.facts['opening']} {one.facts['currency']}, but the statement before it"
        f" closed with {' or '.join(closings)}"
    )


def _is_first_of(others: Sequence[_Stated], one: _Stated) -> bool:
    """Whether the account's statements begin with it: all others of its day continue something."""
    closings = {each.facts["closing"] for each in (one, *others)}
    return one.dates[0] == one.dates[1] and all(
        each.facts["opening"] in closings for each in others
    )


def _found(source: Source, batch: Batch, problem: str) -> Finding:
    return Finding(source.name, batch.filename, problem, batch_id=batch.pk)
