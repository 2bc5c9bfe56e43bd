"""Some of a source's records: those of a snapshot, and of these the ones of one shard."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from django.db import connection

from apps.common.frames import copy_in, decimal_text
from apps.common.scans import page_by_page
from apps.ingestion.models import Batch

# A text that says nothing is matched with nothing, so its record can be in any shard. Equal texts
# are equal bytes to PostgreSQL and to polars, so they have one hash.
_SHARD: Final = (
    "abs(mod(CASE WHEN {key} = '' THEN id ELSE hashtextextended({key}, 0) END, %s))::int"
)
_AMENDED_IN: Final = (
    "EXISTS (SELECT 1 FROM ingestion_amendment"
    " JOIN ingestion_record AS later ON later.id = ingestion_amendment.record_id"
    " WHERE ingestion_amendment.supersedes_id = ingestion_record.id"
    " AND later.batch_id = ANY(%s))"
)
_SHARD_KEYS: Final = frozenset({"reference", "external_id", "account"})


@dataclass(frozen=True)
class Part:
    """Which of the records that are asked for.

    Attributes:
        batch_ids: those that these batches brought and none of them amended; None: of any batch,
            amended or not.
        key: "reference", "external_id" or "account"; its value decides on the shard.
        numbers, count: those of these shards of so many, from 0; count 1 for all of them.
        with_shard: each is to come with the number of its shard.
    """

    batch_ids: Sequence[int] | None
    key: str = "reference"
    numbers: tuple[int, ...] = (0,)
    count: int = 1
    with_shard: bool = False

    @property
    def condition(self) -> str:
        """SQL over `ingestion_record`, with places for `values`."""
        conditions = []
        if self.batch_ids is not None:
            conditions += ["batch_id = ANY(%s)", f"NOT {_AMENDED_IN}"]
        if self.count > 1:
            conditions.append(f"{_shard_of(self.key)} = ANY(%s)")
        return " AND ".join(conditions) or "TRUE"

    @property
    def values(self) -> list[Any]:
        """What belongs into the places of `condition`."""
        values: list[Any] = []
        if self.batch_ids is not None:
            values += [list(self.batch_ids)] * 2
        if self.count > 1:
            values += [self.count, list(self.numbers)]
        return values

    @property
    def shard(self) -> str:
        """SQL that tells a record's shard."""
        return _shard_of(self.key).replace("%s", f"{self.count:d}")


def _shard_of(key: str) -> str:
    if key not in _SHARD_KEYS:
        raise ValueError(f"records are not split by {key!r}")
    return _SHARD.format(key=f'"{key}"')


def batch_ids(source_id: int) -> list[int]:
    """The batches of the source that are there now, ascending."""
    batches = Batch.objects.filter(source_id=source_id).order_by("id")
    return list(batches.values_list("id", flat=True))


def shard_sizes(
    *,
    source_id: int,
    starts_on: date,
    ends_on: date,
    accounts: Sequence[str] | None,
    part: Part,
    more_ids: Sequence[int] = (),
    without_ids: Sequence[int] = (),
) -> list[int]:
    """How many records each shard of the part's count has; the part's own numbers say nothing.

    Args:
        starts_on, ends_on: booking dates, both inclusive.
        more_ids: records that count too, whatever their day, batch and account.
        without_ids: records that do not count.
    """
    snapshot = Part(part.batch_ids)
    conditions = ["source_id = %s", "booked_on BETWEEN %s AND %s", snapshot.condition]
    values: list[Any] = [source_id, starts_on, ends_on, *snapshot.values]
    if accounts is not None:
        conditions.append("account = ANY(%s)")
        values.append(list(accounts))
    shard = _shard_of(part.key)
    sizes = [0] * part.count
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {shard} AS shard, count(*) FROM ingestion_record"  # noqa: S608
            f" WHERE (({' AND '.join(conditions)}) OR id = ANY(%s)) AND NOT id = ANY(%s)"
            " GROUP BY shard",
            [part.count, *values, list(more_ids), list(without_ids)],
        )
        for number, size in cursor.fetchall():
            sizes[number] = size
    return sizes


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
    wanted = facts.select("reference", "currency", decimal_text("amount")).unique()
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
