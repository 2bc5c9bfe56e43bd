"""Records as frames: COPY out of PostgreSQL into polars, amounts as int64 ten-thousandths."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import date
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from django.db import connection

from apps.common.scans import page_by_page
from apps.ingestion.models import Record
from apps.ingestion.selectors.parts import Part
from apps.ingestion.states import SEALED_TEXTS, TEXTS_LABEL
from apps.privacy.blocks import BLOCK_ROWS, opened_block
from apps.privacy.keyring import Unreadable
from apps.privacy.selectors import key_ring

Ints: TypeAlias = npt.NDArray[np.int64]

RECORD_SCHEMA: Final = pl.Schema(
    {
        "id": pl.Int64(),
        "amount": pl.Int64(),
        "currency": pl.String(),
        "booked_on": pl.Date(),
        "value_on": pl.Date(),
        "reference": pl.String(),
        "counterparty": pl.String(),
        "narrative": pl.String(),
        "account": pl.String(),
        "external_id": pl.String(),
        "attributes": pl.String(),
    }
)
"""Columns of `records_frame`, as the matching kernel takes them."""

_TEXTS: Final = pl.Schema({name: RECORD_SCHEMA[name] for name in SEALED_TEXTS})
_STORED: Final = pl.Schema(
    {
        **{name: kind for name, kind in RECORD_SCHEMA.items() if name not in SEALED_TEXTS},
        "batch_id": pl.Int64(),
        "position": pl.Int64(),
    }
)
_BLOCKS_AT_ONCE: Final = 256
_BLOCK: Final = ["batch_id", "number"]
_OPENED: Final = pl.Schema(
    {"batch_id": pl.Int64(), "number": pl.Int64(), "start": pl.Int64(), "height": pl.Int64()}
)
_COLUMNS: Final = (
    "id, (amount * 10000)::bigint AS amount, currency, booked_on, value_on, reference, account,"
    " external_id, batch_id, position"
)
_BLOCKS: Final = """
    SELECT block.batch_id, block.number, block.sealed
    FROM ingestion_sealedblock block
    JOIN unnest(%s::bigint[], %s::integer[]) AS wanted (batch_id, number)
      ON block.batch_id = wanted.batch_id AND block.number = wanted.number
"""
_KNOWN: Final = """
    SELECT id, encode(content_key, 'hex') AS content_key, occurrence, external_id, account,
           NOT EXISTS (SELECT 1 FROM ingestion_amendment
                       WHERE ingestion_amendment.supersedes_id = ingestion_record.id)
               AS is_standing
    FROM ingestion_record
    WHERE source_id = %s AND booked_on BETWEEN %s AND %s
"""
_IS_SUPERSEDED: Final = (
    "EXISTS (SELECT 1 FROM ingestion_amendment"
    " WHERE ingestion_amendment.supersedes_id = ingestion_record.id)"
)


def records_frame(
    *,
    source_ids: Sequence[int],
    starts_on: date | None = None,
    ends_on: date | None = None,
    accounts: Sequence[str] | None = None,
    record_ids: Sequence[int] | None = None,
    part: Part | None = None,
) -> pl.DataFrame:
    """Records of the sources that stand, oldest id first; those that were amended are left out.

    Args:
        starts_on, ends_on: booking dates, both inclusive.
        accounts: only these accounts; None for all.
        record_ids: only these records, amended or not; None for all that stand.
        part: only these of them, as things stood when its batches were all that there was.

    Returns:
        RECORD_SCHEMA; `attributes` is JSON text, or "" where the file said nothing more. Before it
        the `shard`, if the part asks for it.
    """
    where = ["source_id = ANY(%s)"]
    values: list[Any] = [list(source_ids)]
    for condition, value in (
        ("booked_on >= %s", starts_on),
        ("booked_on <= %s", ends_on),
        ("account = ANY(%s)", None if accounts is None else list(accounts)),
        ("id = ANY(%s)", None if record_ids is None else list(record_ids)),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    if part is not None:
        where.append(part.condition)
        values += part.values
    elif record_ids is None:
        where.append(f"NOT {_IS_SUPERSEDED}")
    columns, schema, told = _COLUMNS, dict(_STORED), RECORD_SCHEMA.names()
    if part is not None and part.with_shard:
        columns, told = f"{part.shard} AS shard, {columns}", ["shard", *told]
        schema = {"shard": pl.Int64(), **schema}
    query = f"SELECT {columns} FROM ingestion_record WHERE {' AND '.join(where)}"  # noqa: S608
    with page_by_page() if record_ids is None else nullcontext():
        stored = _copy_out(query, values, schema)
    # Put in order here: the database would spill a million rows to its disk for it.
    stored = stored.sort("id")
    places = stored.select("batch_id", "position")
    return stored.hstack(_texts_at(places)).select(told)


def record_ids(
    *, source_id: int, starts_on: date, ends_on: date, accounts: Sequence[str] | None = None
) -> Ints:
    """Ids of a source's standing records over booking dates (inclusive), ascending.

    Nothing is unsealed.
    """
    records = Record.objects.filter(
        source_id=source_id,
        booked_on__gte=starts_on,
        booked_on__lte=ends_on,
        amended_by__isnull=True,
    )
    if accounts is not None:
        records = records.filter(account__in=accounts)
    ids = records.order_by("id").values_list("id", flat=True)
    return np.fromiter(ids.iterator(chunk_size=50_000), dtype=np.int64)


KNOWN_SCHEMA: Final = pl.Schema(
    {
        "id": pl.Int64(),
        "content_key": pl.String(),
        "occurrence": pl.Int64(),
        "external_id": pl.String(),
        "account": pl.String(),
        "is_standing": pl.Boolean(),
    }
)


def known_records(source_id: int, starts_on: date | None, ends_on: date | None) -> pl.DataFrame:
    """What the source has over these booking dates (inclusive): KNOWN_SCHEMA, keys as hex."""
    if starts_on is None or ends_on is None:
        return pl.DataFrame(schema=KNOWN_SCHEMA)
    with page_by_page():
        return _copy_out(_KNOWN, [source_id, starts_on, ends_on], dict(KNOWN_SCHEMA))


def record_keys(batch_id: int) -> pl.DataFrame:
    """Id, content key (hex) and occurrence of the batch's records."""
    return _copy_out(
        "SELECT id, encode(content_key, 'hex') AS content_key, occurrence FROM ingestion_record"
        " WHERE batch_id = %s",
        [batch_id],
        {name: KNOWN_SCHEMA[name] for name in ("id", "content_key", "occurrence")},
    )


def _copy_out(query: str, values: Sequence[Any], schema: dict[str, Any]) -> pl.DataFrame:
    buffer = io.BytesIO()
    with connection.cursor() as cursor:
        statement = cursor.mogrify(query, values).decode()
        cursor.copy_expert(f"COPY ({statement}) TO STDOUT WITH (FORMAT csv, HEADER true)", buffer)
    buffer.seek(0)
    texts = {name: pl.String() if kind == pl.Boolean() else kind for name, kind in schema.items()}
    frame = pl.read_csv(buffer, schema=texts, empty_string_is_null=False)
    flags = [name for name, kind in schema.items() if kind == pl.Boolean()]
    return frame.with_columns(pl.col(name) == "t" for name in flags)


def _texts_at(places: pl.DataFrame) -> pl.DataFrame:
    """The sealed texts of records, in their order; only the blocks that they lie in are opened.

    Args:
        places: `batch_id` and `position` of each.

    Raises:
        Unreadable: a block that is gone, too short, or does not open.
    """
    within = places.select(
        "batch_id",
        number=pl.col("position") // BLOCK_ROWS,
        offset=pl.col("position") % BLOCK_ROWS,
    )
    found, texts = [], [_TEXTS.to_frame()]
    start = 0
    for batch_id, number, rows in _blocks(within.select(_BLOCK).unique().sort(_BLOCK)):
        found.append((batch_id, number, start, rows.height))
        texts.append(rows)
        start += rows.height
    blocks = pl.DataFrame(found, schema=_OPENED, orient="row")
    rows = within.join(blocks, on=_BLOCK, how="left", maintain_order="left")
    if not rows.select((pl.col("offset") < pl.col("height")).fill_null(value=False).all()).item():
        raise Unreadable("a sealed block of records is missing or too short")
    return pl.concat(texts)[rows.select(pl.col("start") + pl.col("offset")).to_series()]


def _blocks(wanted: pl.DataFrame) -> Iterator[tuple[int, int, pl.DataFrame]]:
    """Batch, number and rows of each block that is there."""
    ring = key_ring()
    with connection.cursor() as cursor:
        for part in wanted.iter_slices(_BLOCKS_AT_ONCE):
            cursor.execute(_BLOCKS, [part["batch_id"].to_list(), part["number"].to_list()])
            for batch_id, number, sealed in cursor.fetchall():
                label = f"{TEXTS_LABEL}:{batch_id}"
                yield batch_id, number, opened_block(bytes(sealed), label, number, ring)
