"""Bring the entries of another ledger into the books, all or none."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import Invalid, Refusal
from apps.identity.models import Entity, User
from apps.ledger.errors import (
    ExtractChanged,
    ExtractRefused,
    LineInvalid,
    PeriodMissing,
    TextInvalid,
)
from apps.ledger.locks import hold_extract, hold_numbering, share_periods
from apps.ledger.models import Account, JournalEntry, JournalLine, Period
from apps.ledger.permissions import POST_EXTRACT
from apps.ledger.selectors import content_hash, totals_of
from apps.ledger.services.drafts import (
    EntryDraft,
    accounts_by_code,
    build_lines,
    require_balanced,
    require_text,
)
from apps.ledger.services.places import require_taking
from apps.ledger.services.scope import visible_entity
from apps.ledger.states import EntryKind, EntryStatus

_PROBLEMS_TOLD = 20
_CHUNK = 2_000

_POST_SQL = """
UPDATE ledger_journalentry entry
SET status = 'posted', number = given.number, posted_by_id = %s, posted_at = %s,
    content_hash = given.content_hash
FROM unnest(%s::bigint[], %s::integer[], %s::text[]) AS given(id, number, content_hash)
WHERE entry.id = given.id
"""


@dataclass(frozen=True, slots=True)
class PostedExtract:
    """What an extract added: entries created, and entries that were there already."""

    created: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class _Built:
    """An entry and its lines as unsaved rows, with the hash of its content."""

    entry: JournalEntry
    lines: list[JournalLine]
    content_hash: str


@transaction.atomic
def post_extract(
    *, entity_id: int, source: str, entries: Sequence[EntryDraft], actor: User
) -> PostedExtract:
    """Post the entries of another ledger's extract. The same extract again adds nothing.

    Entries are known by (entity, source, external id). They keep the order in which they are
    given. No approval is asked: they were approved where they come from.

    Raises:
        NotVisible, NotPermitted: not this actor.
        ExtractRefused: names up to 20 entries that are not acceptable; nothing was posted.
        ExtractChanged: names up to 20 posted entries that came with other content.
        PeriodClosed, ReopeningOver, OutsideReopening: a period of a new entry takes no such
            imports.
    """
    entity = visible_entity(entity_id, actor)
    authorize(actor, POST_EXTRACT, entity_id=entity.pk)
    if not source:
        raise Invalid("An extract comes from a source.", field="source")
    require_text(JournalEntry, "source", source)
    hold_extract(entity_id=entity.pk, source=source)
    built = _build_all(entity, source, entries, actor)
    new = _leave_out_known(entity, source, built)
    if new:
        _require_taking(new)
        _insert(new)
        _post_all(new, actor)
        _record(new, entity, source, len(built) - len(new), actor)
    return PostedExtract(created=len(new), unchanged=len(built) - len(new))


def _build_all(
    entity: Entity, source: str, drafts: Sequence[EntryDraft], actor: User
) -> list[_Built]:
    """Check every entry and tell all problems at once."""
    builder = _Builder(
        entity=entity,
        source=source,
        actor=actor,
        accounts=accounts_by_code(entity.pk, (line.account for d in drafts for line in d.lines)),
        periods=_Periods(entity.pk),
    )
    times_named = Counter(draft.external_id for draft in drafts)
    built: list[_Built] = []
    problems: list[dict[str, str]] = []
    for draft in drafts:
        try:
            _require_named_once(draft, times_named)
            built.append(builder.build(draft))
        except Refusal as refusal:
            problems.append({"external_id": draft.external_id[:100], "problem": refusal.message})
    if problems:
        raise ExtractRefused(
            f"{len(problems)} of {len(drafts)} entries are not acceptable.",
            field="entries",
            refused=len(problems),
            problems=problems[:_PROBLEMS_TOLD],
        )
    return built


def _leave_out_known(entity: Entity, source: str, built: Sequence[_Built]) -> list[_Built]:
    """The entries that are not in the books yet."""
    known: dict[str, str] = dict(
        JournalEntry.objects.filter(entity=entity, source=source)
        .exclude(external_id="")
        .exclude(status=EntryStatus.CANCELLED)
        .values_list("external_id", "content_hash")
    )
    changed = [
        one.entry.external_id
        for one in built
        if known.get(one.entry.external_id, one.content_hash) != one.content_hash
    ]
    if changed:
        raise ExtractChanged(
            f"{len(changed)} posted entries came again with other content.",
            changed=len(changed),
            external_ids=changed[:_PROBLEMS_TOLD],
        )
    return [one for one in built if one.entry.external_id not in known]


def _require_taking(new: Sequence[_Built]) -> None:
    lines: defaultdict[int, list[JournalLine]] = defaultdict(list)
    for one in new:
        lines[one.entry.period_id] += one.lines
    periods = share_periods(lines)
    for period in sorted(periods.values(), key=lambda period: period.starts_on):
        require_taking(period, EntryKind.IMPORT, lines[period.pk])


def _insert(new: Sequence[_Built]) -> None:
    JournalEntry.objects.bulk_create([one.entry for one in new], batch_size=_CHUNK)
    JournalLine.objects.bulk_create([line for one in new for line in one.lines], batch_size=_CHUNK)


def _post_all(new: Sequence[_Built], actor: User) -> None:
    """Number the entries per period and seal them in one statement; then note it in the history."""
    highest = {
        period_id: hold_numbering(period_id)
        for period_id in sorted({one.entry.period_id for one in new})
    }
    posted_at = timezone.now()
    for one in new:
        entry = one.entry
        highest[entry.period_id] += 1
        entry.number = highest[entry.period_id]
        entry.status = EntryStatus.POSTED
        entry.posted_by, entry.posted_at = actor, posted_at
        entry.content_hash = one.content_hash
    ids: list[Any] = [one.entry.pk for one in new]
    numbers: list[Any] = [one.entry.number for one in new]
    hashes: list[Any] = [one.content_hash for one in new]
    with connection.cursor() as cursor:
        cursor.execute(_POST_SQL, [actor.pk, posted_at, ids, numbers, hashes])
    JournalEntry.history.bulk_history_create(
        [one.entry for one in new], batch_size=_CHUNK, default_user=actor
    )


def _record(
    new: Sequence[_Built], entity: Entity, source: str, unchanged: int, actor: User
) -> None:
    """One event for the extract: counts, and a digest over the content in order."""
    digest = hashlib.sha256("".join(one.content_hash for one in new).encode()).hexdigest()
    record(
        actor=actor,
        action="ledger.extract.post",
        subject=entity,
        entity_id=entity.pk,
        source=source,
        created=len(new),
        unchanged=unchanged,
        lines=sum(len(one.lines) for one in new),
        first_entry=new[0].entry.pk,
        last_entry=new[-1].entry.pk,
        digest=digest,
    )


def _require_named_once(draft: EntryDraft, times_named: Counter[str]) -> None:
    if not draft.external_id:
        raise TextInvalid("An entry of an extract has an external id.", field="external_id")
    if times_named[draft.external_id] > 1:
        raise LineInvalid("The extract has this entry more than once.", field="external_id")


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns drafts of one extract into unsaved rows."""

    entity: Entity
    source: str
    actor: User
    accounts: dict[str, Account]
    periods: _Periods

    def build(self, draft: EntryDraft) -> _Built:
        """The draft as rows; a `Refusal` if it is not acceptable."""
        entry = JournalEntry(
            entity=self.entity,
            period=self.periods.of(draft.posted_on),
            posted_on=draft.posted_on,
            kind=EntryKind.IMPORT,
            description=require_text(JournalEntry, "description", draft.description),
            source=self.source,
            external_id=require_text(JournalEntry, "external_id", draft.external_id),
            origin=require_text(JournalEntry, "origin", draft.origin),
            preparer_name=require_text(JournalEntry, "preparer_name", draft.preparer_name),
            prepared_by=self.actor,
        )
        lines = build_lines(entry, draft.lines, self.accounts)
        require_balanced(totals_of(lines))
        return _Built(entry, lines, content_hash(entry, lines))


class _Periods:
    """The entity's periods, to find that of a day without asking the database each time."""

    def __init__(self, entity_id: int) -> None:
        self._periods = list(Period.objects.filter(entity_id=entity_id))
        self._by_day: dict[date, Period] = {}

    def of(self, day: date) -> Period:
        """The period of the day.

        Raises:
            PeriodMissing: no period contains it.
        """
        if day not in self._by_day:
            self._by_day[day] = self._find(day)
        return self._by_day[day]

    def _find(self, day: date) -> Period:
        for period in self._periods:
            if period.starts_on <= day <= period.ends_on:
                return period
        raise PeriodMissing(f"No period contains {day.isoformat()}.", field="posted_on")
