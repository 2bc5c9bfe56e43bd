"""Imported ledger lines become posted journal entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from apps.common.money import from_ten_thousandths
from apps.identity.models import User
from apps.ingestion.models import Source
from apps.ingestion.selectors import records_frame
from apps.ledger.models import Period
from apps.ledger.services import EntryDraft, LineDraft, PostedExtract, post_extract


def post_source_lines(*, source: Source, period: Period, actor: User) -> PostedExtract:
    """Post the period's records of a ledger extract as entries; the same again adds nothing.

    Raises:
        NotVisible, NotPermitted, ExtractRefused, ExtractChanged, PeriodClosed: see `post_extract`.
    """
    frame = records_frame(
        source_ids=[source.pk], starts_on=period.starts_on, ends_on=period.ends_on
    )
    entries = list(extract_entries(frame.to_dicts()))
    return post_extract(
        entity_id=source.entity_id, source=source.code, entries=entries, actor=actor
    )


def extract_entries(rows: list[dict[str, Any]]) -> Iterator[EntryDraft]:
    """Ledger lines (debit positive) grouped into entries by their attribute `entry_id`.

    Lines of one entry need not stand together; entries keep the order of their first lines.
    """
    for row in rows:
        row["extra"] = json.loads(row["attributes"] or "{}")
    first_line: dict[str, int] = {}
    for row in rows:
        first_line.setdefault(row["extra"]["entry_id"], row["id"])
    ordered = sorted(rows, key=lambda row: (first_line[row["extra"]["entry_id"]], row["id"]))
    for entry_id, lines in groupby(ordered, key=lambda row: row["extra"]["entry_id"]):
        members = list(lines)
        head = members[0]
        yield EntryDraft(
            external_id=entry_id,
            posted_on=head["booked_on"],
            description=head["narrative"] or entry_id,
            lines=[_line(row) for row in members],
            origin=head["extra"].get("source", ""),
            preparer_name=head["extra"].get("prepared_by", ""),
        )


def _line(row: dict[str, Any]) -> LineDraft:
    size = from_ten_thousandths(abs(row["amount"]))
    zero = from_ten_thousandths(0)
    is_debit = row["amount"] >= 0
    return LineDraft(
        account=row["account"],
        debit=size if is_debit else zero,
        credit=zero if is_debit else size,
        currency=row["currency"],
        reference=row["reference"],
        counterparty=row["counterparty"],
        narrative=row["narrative"],
    )
