"""Which records are asked for, said to the database and to polars alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

_SUPERSEDED: Final = (
    "EXISTS (SELECT 1 FROM ingestion_amendment"
    " WHERE ingestion_amendment.supersedes_id = ingestion_record.id)"
)
_SUPERSEDED_IN: Final = (
    "EXISTS (SELECT 1 FROM ingestion_amendment"
    " JOIN ingestion_record AS later ON later.id = ingestion_amendment.record_id"
    " WHERE ingestion_amendment.supersedes_id = ingestion_record.id"
    " AND later.batch_id = ANY(%s))"
)


@dataclass(frozen=True)
class Wanted:
    """Records of some sources.

    Attributes:
        starts_on, ends_on: booking dates, both inclusive.
        accounts: only these accounts; None for all.
        snapshot: the batches that count: what others brought is not there, what others amended
            stands; None for all that stands now.
    """

    source_ids: Sequence[int]
    starts_on: date | None = None
    ends_on: date | None = None
    accounts: Sequence[str] | None = None
    snapshot: Sequence[int] | None = None

    def condition(self, *, without: Sequence[int] = ()) -> tuple[str, list[Any]]:
        """SQL over `ingestion_record` with the values for its places.

        Args:
            without: batches whose records are not asked for.
        """
        asked: list[tuple[str, Any]] = [
            ("source_id = ANY(%s)", list(self.source_ids)),
            ("booked_on >= %s", self.starts_on),
            ("booked_on <= %s", self.ends_on),
            ("account = ANY(%s)", _listed(self.accounts)),
            ("batch_id = ANY(%s)", _listed(self.snapshot)),
            (f"NOT {_SUPERSEDED_IN}", _listed(self.snapshot)),
            ("batch_id <> ALL(%s)", list(without) or None),
        ]
        conditions = [condition for condition, value in asked if value is not None]
        if self.snapshot is None:
            conditions.append(f"NOT {_SUPERSEDED}")
        return " AND ".join(conditions), [value for _, value in asked if value is not None]

    @property
    def expression(self) -> pl.Expr:
        """The same over `booked_on` and `account`; sources, batches and amendments left aside."""
        asked = [pl.lit(value=True)]
        if self.starts_on is not None:
            asked.append(pl.col("booked_on") >= self.starts_on)
        if self.ends_on is not None:
            asked.append(pl.col("booked_on") <= self.ends_on)
        if self.accounts is not None:
            asked.append(pl.col("account").is_in(list(self.accounts)))
        return pl.all_horizontal(asked)


def _listed(values: Sequence[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)
