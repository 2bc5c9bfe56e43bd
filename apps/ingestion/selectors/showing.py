"""Records as people may see them: names, narratives and bank accounts masked without the right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django.db.models import Q

from apps.common.access import Actor
from apps.common.money import from_ten_thousandths
from apps.ingestion.formats import Reading
from apps.ingestion.models import Amendment, Batch, Record, Source
from apps.ingestion.selectors.frames import records_named
from apps.privacy.classification import Classification
from apps.privacy.masking import shown_to

# Formats in which the account of a line is an account at a bank, and not one of the books.
_STATEMENT_FORMATS: Final = ("camt", "mt940", "ofx", "bai2")


def holds_bank_accounts(source: Source) -> bool:
    """Whether the accounts of the source's lines are bank accounts."""
    if source.account_number or source.format in _STATEMENT_FORMATS:
        return True
    return not source.format and source.batches.filter(format__in=_STATEMENT_FORMATS).exists()


def reading_shown(
    reading: Reading, *, actor: Actor, source: Source, most: int
) -> list[dict[str, Any]]:
    """The first lines of a reading that is no batch (yet), as the actor may see them."""
    are_bank_accounts = reading.format in _STATEMENT_FORMATS or holds_bank_accounts(source)
    return [
        record_shown(row, actor=actor, source=source, are_bank_accounts=are_bank_accounts)
        for row in reading.lines.head(most).iter_rows(named=True)
    ]


def account_shown(actor: Actor, account: str, source: Source) -> str:
    """The account of a line; its end alone where it is a bank account that he may not see."""
    if not holds_bank_accounts(source):
        return account
    return shown_to(actor, account, Classification.CONFIDENTIAL, entity_id=source.entity_id)


def record_shown(
    row: Mapping[str, Any], *, actor: Actor, source: Source, are_bank_accounts: bool
) -> dict[str, Any]:
    """A row of `records_frame` as the actor may see it; the amount becomes a Decimal.

    Args:
        are_bank_accounts: what `holds_bank_accounts` says of the source, asked once for all rows.
    """

    def masked(value: str) -> str:
        return shown_to(actor, value, Classification.CONFIDENTIAL, entity_id=source.entity_id)

    amount: Decimal = from_ten_thousandths(row["amount"])
    attributes = json.loads(row["attributes"] or "{}")
    return {
        **row,
        "amount": amount,
        "account": masked(row["account"]) if are_bank_accounts else row["account"],
        "counterparty": masked(row["counterparty"]),
        "narrative": masked(row["narrative"]),
        "attributes": {name: masked(str(value)) for name, value in sorted(attributes.items())},
    }


_STANDS: Final = {"amends": None, "amended_by": None}


def _amended(record_ids: list[int]) -> dict[int, dict[str, Record | None]]:
    """The records before and after those that were amended."""
    pairs = Amendment.objects.filter(
        Q(record_id__in=record_ids) | Q(supersedes_id__in=record_ids)
    ).select_related("record__batch", "supersedes__batch")
    found: dict[int, dict[str, Record | None]] = {}
    for pair in pairs:
        found.setdefault(pair.record_id, dict(_STANDS))["amends"] = pair.supersedes
        found.setdefault(pair.supersedes_id, dict(_STANDS))["amended_by"] = pair.record
    return found


def lines_shown(
    batch: Batch, *, actor: Actor, after_id: int = 0, from_line: int = 0, most: int = 50
) -> list[dict[str, Any]]:
    """Records of the batch in the order of the file, with their `line`.

    `amends` is the earlier record that one supersedes, `amended_by` the later that supersedes it;
    None where there is none.

    Args:
        after_id: only records past this one (the way to the next page).
        from_line: only lines of the file from this one on.
    """
    lines = dict(
        batch.records.filter(id__gt=after_id, line__gte=from_line)
        .order_by("id")
        .values_list("id", "line")[:most]
    )
    if not lines:
        return []
    frame = records_named(source_ids=[batch.source_id], record_ids=list(lines))
    amended = _amended(list(lines))
    are_bank_accounts = holds_bank_accounts(batch.source)
    return [
        {
            **record_shown(
                row, actor=actor, source=batch.source, are_bank_accounts=are_bank_accounts
            ),
            "line": lines[row["id"]],
            **amended.get(row["id"], _STANDS),
        }
        for row in frame.iter_rows(named=True)
    ]
