"""Some of a source's records: those that were there, those of a shard, those that agree."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from django.db import connection

from apps.common.frames import copy_in, exact_decimal
from apps.common.scans import page_by_page
from apps.ingestion.models import Batch

_SHARD_KEYS: Final = frozenset({"reference", "external_id", "account"})


@dataclass(frozen=True)
class Shards:
    """How records are split: by a hash of a key, into so many shards, from 0.

    A text that says nothing is matched with nothing, so its record can be in any shard: there the
    id decides. The hash is one of polars and of its version: what was split elsewhere has to be
    compared with what was planned.

    Attributes:
        key: "reference", "external_id" or "account".
        numbers: only the records of these shards; None for all.
    """

    key: str
    count: int
    numbers: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.key not in _SHARD_KEYS:
            raise ValueError(f"records are not split by {self.key!r}")

    @property
    def asked(self) -> Sequence[int]:
        """The numbers of the shards that are asked for."""
        return range(self.count) if self.numbers is None else self.numbers

    def told(self, records: pl.DataFrame) -> pl.DataFrame:
        """Those of the records that are in the shards, each with its `shard` (int64)."""
        records = records.with_columns(shard=self._shard)
        if self.numbers is None:
            return records
        return records.filter(pl.col("shard").is_in(list(self.numbers)))

    def parted(self, records: pl.DataFrame) -> dict[int, pl.DataFrame]:
        """The records of each of the shards, in their order.

        They are gathered by row: what is filtered would hold on to the texts of all the others.
        """
        shard = records.select(self._shard).to_series()
        return {number: records[(shard == number).arg_true()] for number in self.asked}

    @property
    def _shard(self) -> pl.Expr:
        spread = pl.when(pl.col(self.key) == "").then(pl.col("id").cast(pl.UInt64))
        hashed = spread.otherwise(pl.col(self.key).hash(0))
        return (hashed % self.count).cast(pl.Int64).alias("shard")


def batch_ids(source_id: int) -> list[int]:
    """The batches of the source that are there now, ascending."""
    batches = Batch.objects.filter(source_id=source_id).order_by("id")
    return list(batches.values_list("id", flat=True))


def agreeing_ids(
    *,
    source_id: int,
    starts_on: date,
    ends_on: date,
    facts: pl.DataFrame,
    more_ids: Sequence[int] = (),
) -> npt.NDArray[np.int64]:
    """Ids of a source's records that agree with a row of `facts`, standing or not.

    Belongs into a transaction: the facts are a temporary table until it ends.

    Args:
        starts_on, ends_on: booking dates, both inclusive.
        facts: reference, currency and amount (int64 ten-thousandths).
        more_ids: records that are looked at too, whatever their day.
    """
    wanted = facts.select("reference", "currency", exact_decimal("amount")).unique()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS wanted_records")
        cursor.execute(
            "CREATE TEMPORARY TABLE wanted_records"
            " (reference text, currency text, amount numeric(20, 4)) ON COMMIT DROP"
        )
        copy_in("wanted_records", wanted)
        cursor.execute("ANALYZE wanted_records")
        statement = cursor.mogrify(
            "SELECT id FROM ingestion_record"
            " WHERE source_id = %s AND (booked_on BETWEEN %s AND %s OR id = ANY(%s))"
            " AND (reference, currency, amount)"
            " IN (SELECT reference, currency, amount FROM wanted_records)",
            [source_id, starts_on, ends_on, list(more_ids)],
        ).decode()
        buffer = io.BytesIO()
        with page_by_page():
            cursor.copy_expert(f"COPY ({statement}) TO STDOUT", buffer)
    return np.array([int(line) for line in buffer.getvalue().split()], dtype=np.int64)
