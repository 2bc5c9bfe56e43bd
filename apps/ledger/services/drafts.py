"""What callers hand in as an entry, and its way into rows: all is checked, nothing rounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models

from apps.common.errors import Refusal
from apps.common.money import require_minor_units
from apps.ledger.errors import (
    AccountRetired,
    AccountUnknown,
    EntryEmpty,
    EntryUnbalanced,
    LineInvalid,
    TextInvalid,
)
from apps.ledger.models import Account, JournalEntry, JournalLine
from apps.ledger.selectors import CurrencyTotal

_TOO_LARGE = Decimal(10) ** 16  # NUMERIC(20,4)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A line as callers give it: either a debit or a credit, above zero.

    Args:
        account: code in the entity's chart.
        currency: ISO 4217; empty for the entity's functional currency.
        reference: the document it refers to.
        counterparty: the other party, as the document names it.
        narrative: what it is for.
    """

    account: str
    debit: Decimal = _ZERO
    credit: Decimal = _ZERO
    currency: str = ""
    reference: str = ""
    counterparty: str = ""
    narrative: str = ""


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An entry of an extract.

    Args:
        external_id: its name in the source, unique there.
        posted_on: accounting date.
        origin: sub-ledger or journal in the source ("payroll"); may be empty.
        preparer_name: who prepared it, as the source says; may be empty.
    """

    external_id: str
    posted_on: date
    description: str
    lines: Sequence[LineDraft]
    origin: str = ""
    preparer_name: str = ""


def accounts_by_code(entity_id: int, codes: Iterable[str]) -> dict[str, Account]:
    """The entity's accounts among these codes; unknown codes are left out."""
    found = Account.objects.filter(entity_id=entity_id, code__in=set(codes))
    return {account.code: account for account in found}


def build_lines(
    entry: JournalEntry, lines: Sequence[LineDraft], accounts: Mapping[str, Account]
) -> list[JournalLine]:
    """Unsaved rows for the entry's lines, numbered from 1.

    Raises:
        EntryEmpty: there are none.
        AccountUnknown, AccountRetired, LineInvalid, TextInvalid, Invalid: names the line.
    """
    if not lines:
        raise EntryEmpty(field="lines")
    built = []
    for number, line in enumerate(lines, start=1):
        try:
            built.append(_build_line(entry, number, line, accounts))
        except Refusal as refusal:
            raise type(refusal)(
                f"Line {number}: {refusal.message}",
                remedy=refusal.remedy,
                field=refusal.field,
                **{**refusal.details, "line": number},
            ) from None
    return built


def require_balanced(totals: Sequence[CurrencyTotal]) -> None:
    """Refuse an entry whose debits differ from its credits in some currency.

    Raises:
        EntryEmpty: it has no lines.
        EntryUnbalanced: names the currency and the difference.
    """
    if not totals:
        raise EntryEmpty(field="lines")
    for total in totals:
        if total.difference:
            raise EntryUnbalanced(
                f"Debits and credits differ by {abs(total.difference):f} {total.currency}.",
                field="lines",
                currency=total.currency,
                debit=f"{total.debit:f}",
                credit=f"{total.credit:f}",
            )


def require_text(model: type[models.Model], field: str, value: str) -> str:
    """The text, refused if the column cannot hold it.

    Raises:
        TextInvalid: longer than the column, or with a NUL character.
    """
    column: Any = model._meta.get_field(field)
    if len(value) > column.max_length:
        raise TextInvalid(
            f"The {field.replace('_', ' ')} is longer than {column.max_length}.", field=field
        )
    if "\x00" in value:
        raise TextInvalid("A text has a character that cannot be stored.", field=field)
    return value


def _build_line(
    entry: JournalEntry, number: int, line: LineDraft, accounts: Mapping[str, Account]
) -> JournalLine:
    currency = line.currency or entry.entity.functional_currency
    for side, amount in (("debit", line.debit), ("credit", line.credit)):
        _require_amount(amount, currency, side)
    if (line.debit == 0) == (line.credit == 0):
        raise LineInvalid("A line has either a debit or a credit.", field="debit")
    return JournalLine(
        entry=entry,
        line_number=number,
        account=_require_account(accounts, line.account),
        debit=line.debit,
        credit=line.credit,
        currency=currency,
        reference=require_text(JournalLine, "reference", line.reference),
        counterparty=require_text(JournalLine, "counterparty", line.counterparty),
        narrative=require_text(JournalLine, "narrative", line.narrative),
    )


def _require_amount(amount: Decimal, currency: str, side: str) -> None:
    if not amount.is_finite() or amount < 0:
        raise LineInvalid("Debits and credits are amounts of zero or more.", field=side)
    if amount >= _TOO_LARGE:
        raise LineInvalid("An amount has at most 16 digits before the point.", field=side)
    require_minor_units(amount, currency, field=side)


def _require_account(accounts: Mapping[str, Account], code: str) -> Account:
    account = accounts.get(code)
    if account is None:
        raise AccountUnknown("There is no such account here.", field="account")
    if not account.is_active:
        raise AccountRetired(f"Account {code} takes no new lines.", field="account")
    return account
