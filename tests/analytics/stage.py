"""Small books with something unusual in them: a run of ordinary sales, and one that stands out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from apps.ledger.fiscal import MonthCalendar
from apps.ledger.models import JournalEntry, Period
from apps.ledger.services import (
    EntryDraft,
    LineDraft,
    define_account,
    define_calendar,
    draft_entry,
    open_period,
    post_entry,
    post_extract,
)

CHART = (
    ("1000", "Bank", "asset", "debit"),
    ("4000", "Revenue", "revenue", "credit"),
    ("5000", "Wages", "expense", "debit"),
)
ODD = "odd"  # external id of the sale that stands out


def keep_books(entity: Any, actor: Any) -> Any:
    """A chart, the calendar of 2023, and March to May open."""
    for code, name, account_type, side in CHART:
        define_account(
            entity_id=entity.pk,
            code=code,
            name=name,
            account_type=account_type,
            normal_balance=side,
            actor=actor,
        )
    define_calendar(
        entity_id=entity.pk, name="Months", rule=MonthCalendar(), year=2023, actor=actor
    )
    for month in (3, 4, 5):
        open_period(entity_id=entity.pk, name=f"2023-{month:02d}", actor=actor)
    return entity


def period_of(entity: Any, name: str = "2023-04") -> Period:
    return Period.objects.get(entity=entity, name=name)


def sale(name: str, on: date, amount: str, preparer: str = "bot") -> EntryDraft:
    return EntryDraft(
        external_id=name,
        posted_on=on,
        description=f"Sale {name}",
        lines=[
            LineDraft(account="1000", debit=Decimal(amount)),
            LineDraft(account="4000", credit=Decimal(amount)),
        ],
        origin="sales",
        preparer_name=preparer,
    )


def ordinary_sales(first: date, count: int, prefix: str) -> list[EntryDraft]:
    """Sales of about 100 on the weekdays from a Monday on, none of them round."""
    days = [first + timedelta(days=step) for step in range(28)]
    weekdays = [day for day in days if day.weekday() < 5]
    return [
        sale(
            f"{prefix}{number}", weekdays[number % len(weekdays)], f"{97 + number % 7}.{number:02}"
        )
        for number in range(count)
    ]


def post(entity: Any, entries: Sequence[EntryDraft], actor: Any) -> None:
    post_extract(entity_id=entity.pk, source="shop", entries=entries, actor=actor)


def post_month(entity: Any, actor: Any) -> None:
    """March and April with 40 ordinary sales each, and in April one of 670.00 on a Sunday."""
    post(entity, ordinary_sales(date(2023, 3, 6), 40, "M"), actor)
    odd = sale(ODD, date(2023, 4, 16), "670.00", preparer="rita")
    post(entity, [*ordinary_sales(date(2023, 4, 3), 40, "A"), odd], actor)


def post_by_hand(
    entity: Any, actor: Any, amount: str, on: date = date(2023, 4, 12)
) -> JournalEntry:
    """An entry that a person writes and posts."""
    entry = draft_entry(
        entity_id=entity.pk,
        posted_on=on,
        description="By hand",
        kind="manual",
        lines=[
            LineDraft(account="5000", debit=Decimal(amount)),
            LineDraft(account="1000", credit=Decimal(amount)),
        ],
        actor=actor,
    )
    return post_entry(entry_id=entry.pk, actor=actor)
