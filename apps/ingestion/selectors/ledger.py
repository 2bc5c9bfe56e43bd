"""The built-in ledger, as a source sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from apps.common.money import plain
from apps.ingestion.connectors.exact_json import Number
from apps.ledger.models import Account, JournalLine
from apps.ledger.states import EntryStatus

_COLUMNS: Final = (
    "entry__period__name",
    "entry__number",
    "line_number",
    "account__code",
    "entry__posted_on",
    "debit",
    "credit",
    "currency",
    "reference",
    "counterparty",
    "narrative",
    "entry__description",
)


def account_codes(entity_id: int) -> frozenset[str]:
    """Every account of the entity's chart, retired ones too."""
    return frozenset(Account.objects.filter(entity_id=entity_id).values_list("code", flat=True))


def posted_lines(
    entity_id: int, accounts: Sequence[str], starts_on: date, ends_on: date
) -> Iterator[dict[str, Any]]:
    """Posted lines of these accounts and days (inclusive), in the order of the books.

    Amounts are debit positive, with the decimals of their currency. The external id is the
    entry's label and the number of the line, which never change.
    """
    lines = (
        JournalLine.objects.filter(
            entry__entity_id=entity_id,
            entry__status=EntryStatus.POSTED,
            entry__posted_on__range=(starts_on, ends_on),
            account__code__in=accounts,
        )
        .order_by("entry__posted_on", "entry_id", "line_number")
        .values(*_COLUMNS)
    )
    for line in lines.iterator(chunk_size=10_000):
        yield {
            "external_id": f"{line['entry__period__name']}/{line['entry__number']}"
            f"-{line['line_number']}",
            "account": line["account__code"],
            "booked_on": line["entry__posted_on"],
            "amount": Number(plain(line["debit"] - line["credit"], line["currency"])),
            "currency": line["currency"],
            "reference": line["reference"],
            "counterparty": line["counterparty"],
            "narrative": line["narrative"] or line["entry__description"],
        }
