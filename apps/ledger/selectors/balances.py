"""Balances, derived from the posted lines: what can be derived is not stored."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl
from django.db import connection
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from apps.common.models import ScopedQuerySet
from apps.ledger.models import Account, JournalLine, Period
from apps.ledger.selectors.periods import period_for
from apps.ledger.states import EntryStatus, NormalBalance

_NOTHING = Decimal("0.0000")
_AMOUNT = F("debit") - F("credit")

# `source` names the sub-ledger where the feed tells it, else the feed: that is what tests of
# journal entries compare by.
_LINES_SQL = """
COPY (
  SELECT line.id, entry.id, account.code,
         ((line.debit - line.credit) * 10000)::bigint, entry.posted_on,
         COALESCE(NULLIF(entry.origin, ''), entry.source),
         COALESCE(NULLIF(entry.preparer_name, ''), person.username),
         entry.description, line.reference, line.currency
  FROM ledger_journalline line
  JOIN ledger_journalentry entry ON entry.id = line.entry_id
  JOIN ledger_account account ON account.id = line.account_id
  JOIN identity_user person ON person.id = entry.prepared_by_id
  WHERE entry.entity_id = %s AND entry.status = 'posted' AND entry.posted_on BETWEEN %s AND %s
  ORDER BY entry.posted_on, entry.id, line.line_number
) TO STDOUT (FORMAT csv)
"""
LINES_SCHEMA = {
    "line_id": pl.Int64,
    "entry_id": pl.Int64,
    "account": pl.String,
    "amount": pl.Int64,
    "posted_on": pl.Date,
    "source": pl.String,
    "prepared_by": pl.String,
    "description": pl.String,
    "reference": pl.String,
    "currency": pl.String,
}


@dataclass(frozen=True, slots=True)
class TrialBalanceRow:
    """An account in one currency. Opening and closing are debit positive.

    Opening is everything before the period, debit and credit are the period's activity up to
    the day, and closing = opening + debit - credit.
    """

    account: Account
    currency: str
    opening: Decimal
    debit: Decimal
    credit: Decimal

    @property
    def closing(self) -> Decimal:
        """The balance at the end of the day, debit positive."""
        return self.opening + self.debit - self.credit


@dataclass(frozen=True, slots=True)
class TrialBalanceTotal:
    """The sums of a trial balance in one currency; opening and closing are zero in sound books."""

    currency: str
    opening: Decimal
    debit: Decimal
    credit: Decimal
    closing: Decimal


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account's balance in one currency, debit positive."""

    account: Account
    currency: str
    balance: Decimal

    @property
    def normal(self) -> Decimal:
        """The balance on the account's own side: positive where it is expected to be."""
        is_debit = self.account.normal_balance == NormalBalance.DEBIT
        return self.balance if is_debit else -self.balance


def trial_balance(*, entity_id: int, as_of: date) -> list[TrialBalanceRow]:
    """Every account that was ever posted to, in the period of `as_of` and up to that day.

    Results of earlier years stay on their accounts until an entry moves them to equity.

    Raises:
        PeriodMissing: no period contains the day.
    """
    starts_on = period_for(entity_id, as_of).starts_on
    return _trial_balance_rows(_posted_lines(entity_id, as_of), starts_on)


def balance_of(*, account: Account, currency: str, period: Period) -> TrialBalanceRow | None:
    """The account's row of the trial balance at the end of the period; None if it has none."""
    lines = _posted_lines(period.entity_id, period.ends_on).filter(
        account=account, currency=currency
    )
    return next(iter(_trial_balance_rows(lines, period.starts_on)), None)


def trial_balance_totals(rows: Iterable[TrialBalanceRow]) -> list[TrialBalanceTotal]:
    """The sums per currency, by currency code."""
    by_currency: dict[str, list[TrialBalanceRow]] = {}
    for row in rows:
        by_currency.setdefault(row.currency, []).append(row)
    return [_total(currency, by_currency[currency]) for currency in sorted(by_currency)]


def account_balances(*, entity_id: int, as_of: date) -> list[AccountBalance]:
    """The balance of every account that was ever posted to, at the end of the day."""
    rows = list(
        _posted_lines(entity_id, as_of)
        .values("account_id", "currency")
        .annotate(balance=Sum(_AMOUNT))
        .order_by("account__code", "currency")
    )
    accounts = Account.objects.in_bulk({row["account_id"] for row in rows})
    return [
        AccountBalance(accounts[row["account_id"]], row["currency"], row["balance"]) for row in rows
    ]


def lines_frame(*, entity_id: int, starts_on: date, ends_on: date) -> pl.DataFrame:
    """The posted lines of these days, both included, as columns (`LINES_SCHEMA`).

    `amount` is in ten-thousandths, debit positive. `prepared_by` is the name that the source
    gives, or the user who wrote the entry here.
    """
    buffer = io.BytesIO()
    with connection.cursor() as cursor:
        sql = cursor.mogrify(_LINES_SQL, [entity_id, starts_on, ends_on])
        cursor.copy_expert(sql, buffer)
    if not buffer.tell():
        return pl.DataFrame(schema=LINES_SCHEMA)
    buffer.seek(0)
    return pl.read_csv(
        buffer,
        has_header=False,
        schema=LINES_SCHEMA,
        empty_string_is_null=False,
    )


def _posted_lines(entity_id: int, as_of: date) -> ScopedQuerySet:
    return JournalLine.objects.filter(
        entry__entity_id=entity_id,
        entry__status=EntryStatus.POSTED,
        entry__posted_on__lte=as_of,
    )


def _trial_balance_rows(lines: ScopedQuerySet, starts_on: date) -> list[TrialBalanceRow]:
    """These posted lines per account and currency, by account code; opening is before the day."""
    before = Q(entry__posted_on__lt=starts_on)
    rows = list(
        lines.values("account_id", "currency")
        .annotate(
            opening=Coalesce(Sum(_AMOUNT, filter=before), _NOTHING),
            debits=Coalesce(Sum("debit", filter=~before), _NOTHING),
            credits=Coalesce(Sum("credit", filter=~before), _NOTHING),
        )
        .order_by("account__code", "currency")
    )
    accounts = Account.objects.in_bulk({row["account_id"] for row in rows})
    return [
        TrialBalanceRow(
            account=accounts[row["account_id"]],
            currency=row["currency"],
            opening=row["opening"],
            debit=row["debits"],
            credit=row["credits"],
        )
        for row in rows
    ]


def _total(currency: str, rows: Sequence[TrialBalanceRow]) -> TrialBalanceTotal:
    return TrialBalanceTotal(
        currency=currency,
        opening=sum((row.opening for row in rows), _NOTHING),
        debit=sum((row.debit for row in rows), _NOTHING),
        credit=sum((row.credit for row in rows), _NOTHING),
        closing=sum((row.closing for row in rows), _NOTHING),
    )
