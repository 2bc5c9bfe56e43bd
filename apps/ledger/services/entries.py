"""Write journal entries: draft, revise, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import IllegalMove
from apps.common.transitions import advance, require_version
from apps.identity.models import Entity, User
from apps.ledger.errors import EntryExists, KindNotWritten, PeriodClosed, ReasonMissing, TextInvalid
from apps.ledger.locks import entry_for_update, hold_extract
from apps.ledger.models import JournalEntry, JournalLine, Period
from apps.ledger.permissions import PREPARE_ENTRY
from apps.ledger.selectors import period_for
from apps.ledger.services.drafts import LineDraft, accounts_by_code, build_lines, require_text
from apps.ledger.services.scope import visible_entity
from apps.ledger.states import CLOSED, ENTRY_MOVES, KINDS_WRITTEN, EntryStatus


@transaction.atomic
def draft_entry(
    *,
    entity_id: int,
    posted_on: date,
    description: str,
    kind: str,
    lines: Sequence[LineDraft],
    actor: User,
    external_id: str = "",
    source: str = "",
) -> JournalEntry:
    """Write a journal entry that is not posted yet; it need not balance yet.

    Args:
        posted_on: accounting date; decides the period.
        kind: "manual" or "adjustment".
        external_id: its name in `source`, where another system or process writes it.

    Raises:
        NotVisible, NotPermitted: not this actor.
        KindNotWritten: imports and reversals have services of their own.
        PeriodMissing, PeriodClosed: there is no place for it on that day.
        EntryExists: the source has named an entry so before.
        EntryEmpty, LineInvalid, AccountUnknown, AccountRetired, TextInvalid, Invalid: the
            content is not acceptable.
    """
    entity = visible_entity(entity_id, actor)
    authorize(actor, PREPARE_ENTRY, entity_id=entity.pk)
    if kind not in KINDS_WRITTEN:
        raise KindNotWritten(field="kind")
    _require_unknown_id(entity, source, external_id)
    entry = JournalEntry(
        entity=entity,
        period=open_place(entity.pk, posted_on),
        posted_on=posted_on,
        kind=kind,
        description=_require_description(description),
        source=require_text(JournalEntry, "source", source),
        external_id=require_text(JournalEntry, "external_id", external_id),
        prepared_by=actor,
    )
    built = build_lines(entry, lines, accounts_by_code(entity.pk, (x.account for x in lines)))
    write_entry(entry, built, actor)
    record(
        actor=actor,
        action="ledger.entry.draft",
        subject=entry,
        kind=kind,
        posted_on=posted_on,
        lines=len(built),
    )
    return entry


@transaction.atomic
def revise_entry(
    *,
    entry_id: int,
    posted_on: date,
    description: str,
    lines: Sequence[LineDraft],
    expected_version: int | None,
    actor: User,
) -> JournalEntry:
    """Replace date, words and lines of a draft.

    Args:
        expected_version: the version that the actor saw; None to ask nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not a draft.
        StaleVersion: somebody changed it since.
        PeriodMissing, PeriodClosed, and what `draft_entry` says of the content.
    """
    entry = entry_for_update(entry_id, actor=actor)
    authorize(actor, PREPARE_ENTRY, entity_id=entry.entity_id)
    _require_draft(entry)
    require_version(entry, expected_version)
    entry.period = open_place(entry.entity_id, posted_on)
    entry.posted_on = posted_on
    entry.description = _require_description(description)
    codes = (line.account for line in lines)
    built = build_lines(entry, lines, accounts_by_code(entry.entity_id, codes))
    entry.lines.all().delete()
    JournalLine.objects.bulk_create(built)
    save_entry(entry, ["period", "posted_on", "description"], actor)
    record(
        actor=actor,
        action="ledger.entry.revise",
        subject=entry,
        version=entry.version,
        posted_on=posted_on,
        lines=len(built),
    )
    return entry


@transaction.atomic
def cancel_entry(*, entry_id: int, reason: str, actor: User) -> JournalEntry:
    """Give up a draft; it stays on the record and is never posted.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is not a draft (withdraw a submitted one, reverse a posted one).
        ReasonMissing: no reason given.
    """
    entry = entry_for_update(entry_id, actor=actor)
    authorize(actor, PREPARE_ENTRY, entity_id=entry.entity_id)
    _require_draft(entry)
    if not reason.strip():
        raise ReasonMissing(field="reason")
    advance(entry, to=EntryStatus.CANCELLED, moves=ENTRY_MOVES)
    save_entry(entry, ["status"], actor)
    record(actor=actor, action="ledger.entry.cancel", subject=entry, reason=reason)
    return entry


def open_place(entity_id: int, on: date) -> Period:
    """The period of the day, as long as it is not closed.

    Raises:
        PeriodMissing: no period contains it.
        PeriodClosed: it is closed for good.
    """
    period = period_for(entity_id, on)
    if period.status in CLOSED:
        raise PeriodClosed(f"Period {period.name} is closed.", field="posted_on")
    return period


def write_entry(entry: JournalEntry, lines: Sequence[JournalLine], actor: User) -> None:
    """Insert an entry and its lines."""
    entry._history_user = actor
    entry.save()
    JournalLine.objects.bulk_create(lines)


def save_entry(entry: JournalEntry, fields: Sequence[str], actor: User) -> None:
    """Update these fields, count the version up, and note who did it in the history."""
    entry.version += 1
    entry._history_user = actor
    entry.save(update_fields=[*fields, "version"])


def _require_draft(entry: JournalEntry) -> None:
    if entry.status != EntryStatus.DRAFT:
        raise IllegalMove(
            f"This entry is {entry.get_status_display().lower()}; only a draft can be changed.",
            status_now=entry.status,
        )


def _require_description(description: str) -> str:
    if not description.strip():
        raise TextInvalid("An entry says what it is for.", field="description")
    return require_text(JournalEntry, "description", description)


def _require_unknown_id(entity: Entity, source: str, external_id: str) -> None:
    if not external_id:
        return
    hold_extract(entity_id=entity.pk, source=source)
    known = JournalEntry.objects.filter(
        entity=entity, source=source, external_id=external_id
    ).exclude(status=EntryStatus.CANCELLED)
    if (entry := known.first()) is not None:
        raise EntryExists(field="external_id", entry_id=entry.pk)
