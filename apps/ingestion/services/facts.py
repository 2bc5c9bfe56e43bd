"""What a batch says about its lines and statements: figures as text, no account in full."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from apps.common.money import from_ten_thousandths, plain
from apps.ingestion.formats import ControlTotal, Reading, Statement
from apps.ingestion.states import ACCOUNT_LABEL
from apps.ledger.selectors import closed_periods
from apps.privacy.selectors import key_ring


def control_totals(lines: pl.DataFrame) -> dict[str, str]:
    """Sum of the lines by currency; added up in 128 bits, so that no sum can wrap."""
    totals = lines.group_by("currency").agg(pl.col("amount").cast(pl.Int128).sum()).sort("currency")
    return {
        currency: plain(from_ten_thousandths(int(units)), currency)
        for currency, units in totals.iter_rows()
    }


def late_lines(entity_id: int, lines: pl.DataFrame) -> dict[str, int]:
    """How many of the lines are dated in closed periods, by the period's name."""
    first, last = lines["booked_on"].min(), lines["booked_on"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return {}
    days = lines["booked_on"]
    counts = {
        period.name: int(days.is_between(period.starts_on, period.ends_on).sum())
        for period in closed_periods(entity_id, first, last)
    }
    return {name: count for name, count in counts.items() if count}


def days_covered(reading: Reading) -> tuple[date | None, date | None]:
    """First and last day that the file is about: of its lines, or, without any, its statements."""
    first, last = reading.lines["booked_on"].min(), reading.lines["booked_on"].max()
    if isinstance(first, date) and isinstance(last, date):
        return first, last
    days = [day for statement in reading.statements for day in _days_of(statement)]
    return (min(days), max(days)) if days else (None, None)


def _days_of(statement: Statement) -> list[date]:
    """Many banks date the opening balance on the evening before; that day is not covered."""
    opened_on, closed_on = statement.opened_on, statement.closed_on
    if opened_on is not None and closed_on is not None and opened_on < closed_on:
        opened_on += timedelta(days=1)
    return [day for day in (opened_on, closed_on) if day is not None]


def statement_facts(statement: Statement) -> dict[str, Any]:
    """A statement as it is kept with its batch.

    `account_keys` are keyed hashes that tell whether two statements are of the same account
    without saying which; the last four characters are for people.
    """

    def money(units: int | None) -> str | None:
        if units is None:
            return None
        return plain(from_ten_thousandths(units), statement.currency)

    totals = statement.control_totals

    def day(value: date | None) -> str | None:
        return value.isoformat() if value else None

    return {
        "account_ending": statement.account[-4:],
        "account_keys": key_ring().blind_indexes(statement.account, ACCOUNT_LABEL),
        "currency": statement.currency,
        "opening": money(statement.opening),
        "closing": money(statement.closing),
        "total": money(statement.total),
        "difference": money(statement.difference),
        "ties": statement.ties,
        "lines": statement.line_count,
        "pending": statement.pending_count,
        "opened_on": day(statement.opened_on),
        "closed_on": day(statement.closed_on),
        "notes": list(statement.notes),
        "control_totals": [_control_total(each, statement.currency) for each in totals],
    }


def _control_total(total: ControlTotal, currency: str) -> dict[str, Any]:
    """What the file announced of itself, beside what it holds."""

    def figure(number: int) -> str:
        return str(number) if total.is_count else plain(from_ten_thousandths(number), currency)

    return {"name": total.name, "stated": figure(total.stated), "found": figure(total.found)}
