"""Entities and their books, as frames.

Whoever calls from Python works on the database itself and sees every entity; permissions bind
the people who sign in.
"""
# What needs the models is imported once Django is configured.
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from finflow.environment import connect
from finflow.frames import in_units

if TYPE_CHECKING:
    from apps.identity.models import Entity as EntityRow

_BALANCE_COLUMNS = [
    "account",
    "name",
    "type",
    "currency",
    "opening",
    "debit",
    "credit",
    "closing",
]


@dataclass(frozen=True)
class Entity:
    """A company or branch that closes its books.

    Attributes:
        country: ISO 3166, two letters.
        functional_currency: ISO 4217.
        time_zone: IANA name.
    """

    code: str
    name: str
    country: str
    functional_currency: str
    time_zone: str


def entities() -> list[Entity]:
    """Every entity, by code.

    Raises:
        Unavailable: there is no database to work with.
    """
    connect()
    from apps.identity.models import Entity as Row

    return [
        Entity(row.code, row.name, row.country, row.functional_currency, row.time_zone)
        for row in Row.objects.order_by("code")
    ]


def trial_balance(entity_code: str, as_of: date) -> pd.DataFrame:
    """Every account that was ever posted to, in the period of `as_of` and up to that day.

    Args:
        entity_code: for example "HFS".
        as_of: the last day whose entries count.

    Returns:
        One row for each account and currency, by account code: `account` (code), `name`, `type`,
        `currency`, `opening`, `debit`, `credit`, `closing`. Amounts are Decimals in currency
        units; opening and closing are debit positive, closing = opening + debit - credit.

    Raises:
        Refusal: NOT_FOUND (no such entity) or PERIOD_MISSING (no period contains the day).
        Unavailable: there is no database to work with.
    """
    connect()
    from apps.ledger import selectors

    rows = selectors.trial_balance(entity_id=entity_row(entity_code).pk, as_of=as_of)
    return _frame(
        [
            {
                "account": row.account.code,
                "name": row.account.name,
                "type": row.account.type,
                "currency": row.currency,
                "opening": row.opening,
                "debit": row.debit,
                "credit": row.credit,
                "closing": row.closing,
            }
            for row in rows
        ],
        _BALANCE_COLUMNS,
    )


def journal_lines(entity_code: str, starts_on: date, ends_on: date) -> pd.DataFrame:
    """The posted journal lines of these days, both included.

    Args:
        entity_code: for example "HFS".
        starts_on, ends_on: accounting dates.

    Returns:
        One row for each line, by day and entry: `line_id`, `entry_id`, `account` (code), `amount`
        (Decimal in currency units, debit positive), `posted_on`, `source`, `prepared_by`,
        `description`, `reference`, `currency`.

    Raises:
        Refusal: NOT_FOUND, no such entity.
        Unavailable: there is no database to work with.
    """
    connect()
    from apps.ledger.selectors import lines_frame

    lines = lines_frame(entity_id=entity_row(entity_code).pk, starts_on=starts_on, ends_on=ends_on)
    return in_units(lines, ["amount"]).to_pandas()


def entity_row(code: str) -> EntityRow:
    """The entity's row.

    Raises:
        Refusal: NOT_FOUND, no such entity.
    """
    from apps.common.errors import NotVisible
    from apps.identity.models import Entity as Row

    row = Row.objects.filter(code=code).first()
    if row is None:
        raise NotVisible(f"There is no entity with the code {code!r}.")
    return row


def _frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A frame that has its columns also without rows."""
    return pd.DataFrame(rows, columns=list(columns))
