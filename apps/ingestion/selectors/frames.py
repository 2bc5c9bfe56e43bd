"""Records as frames: COPY out of PostgreSQL into polars, amounts as int64 ten-thousandths."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from django.db import connection

from apps.common.scans import page_by_page
from apps.ingestion.models import Batch, Record
from apps.ingestion.selectors.blocks import WholeBatch, texts_at, whole_batches, whole_records
from apps.ingestion.selectors.columns import RECORD_SCHEMA, STORED_SCHEMA, WHOLE_COLUMNS
from apps.ingestion.selectors.parts import Shards
from apps.ingestion.selectors.wanted import Wanted

Ints: TypeAlias = npt.NDArray[np.int64]

_COLUMNS: Final = (
    "id, (amount * 10000)::bigint AS amount, currency, booked_on, value_on, reference, account,"
    " external_id, batch_id, position"
)
_NAMED: Final = "source_id = ANY(%s) AND id = ANY(%s)"
_AS_TEXT: Final = (pl.Boolean(), pl.Binary())
_KNOWN: Final = """
    SELECT id, encode(content_key, 'hex') AS content_key, occurrence, external_id, account,
           NOT EXISTS (SELECT 1 FROM ingestion_amendment
                       WHERE ingestion_amendment.supersedes_id = ingestion_record.id)
               AS is_standing
    FROM ingestion_record
    WHERE source_id = %s AND booked_on BETWEEN %s AND %s
"""


def records_frame(
    *,
    source_ids: Sequence[int],
    starts_on: date | None = None,
    ends_on: date | None = None,
    accounts: Sequence[str] | None = None,
    snapshot: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Records of the sources that stand, oldest id first; those that were amended are left out.

    Args:
        starts_on, ends_on: booking dates, both inclusive.
        accounts: only these accounts; None for all.
        snapshot: only these batches, as things stood when they were all that there was.

    Returns:
        RECORD_SCHEMA; `attributes` is JSON text, or "" where the file said nothing more.

    Raises:
        Unreadable: a sealed block that is gone, too short, or does not open.
    """
    wanted, whole = _with_whole(Wanted(source_ids, starts_on, ends_on, accounts, snapshot))
    condition, values = wanted.condition(without=[batch.batch_id for batch in whole])
    with page_by_page():
        frames = [_rows(condition, values)]
    for batch in whole:
        frames += whole_records(
            batch, wanted, WHOLE_COLUMNS, lambda rows: rows.select(RECORD_SCHEMA.names())
        )
    return _by_id(pl.concat(frames))


def records_in_shards(
    *,
    source_id: int,
    starts_on: date,
    ends_on: date,
    accounts: Sequence[str] | None,
    snapshot: Sequence[int],
    shards: Shards,
    more_ids: Sequence[int] = (),
) -> dict[int, pl.DataFrame]:
    """Records of a source by shard, each shard's oldest id first.

    They are parted as they are read: to part them when all are there needs room for all twice.

    Args:
        starts_on, ends_on, accounts, snapshot: as `records_frame`.
        shards: those that are asked for.
        more_ids: records that count too, whatever their day, batch and account.

    Returns:
        RECORD_SCHEMA by the number of the shard.

    Raises:
        Unreadable: as `records_frame`.
    """

    def shape(rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
        return shards.parted(rows.select(RECORD_SCHEMA.names()))

    wanted, whole = _with_whole(Wanted([source_id], starts_on, ends_on, accounts, snapshot))
    condition, values = wanted.condition(without=[batch.batch_id for batch in whole])
    with page_by_page():
        parts = [shape(_rows(condition, values, shards))]
    for batch in whole:
        parts += whole_records(batch, wanted, WHOLE_COLUMNS, shape)
    more = shape(_rows(_NAMED, [[source_id], list(more_ids)], shards))
    return {
        number: _with_more(pl.concat(part[number] for part in parts), more[number])
        for number in shards.asked
    }


def records_named(*, source_ids: Sequence[int], record_ids: Sequence[int]) -> pl.DataFrame:
    """These records, as far as they are the sources', oldest id first, amended or not.

    Returns:
        As `records_frame`.
    """
    return _rows(_NAMED, [list(source_ids), list(record_ids)])


def record_shards(
    *,
    source_id: int,
    starts_on: date,
    ends_on: date,
    accounts: Sequence[str] | None,
    snapshot: Sequence[int],
    shards: Shards,
    more_ids: Sequence[int] = (),
) -> pl.DataFrame:
    """Ids of a source's records, ascending, with the shard of each; nothing else is looked at.

    Args:
        starts_on, ends_on, accounts, snapshot, shards, more_ids: as `records_in_shards`.

    Returns:
        `id` and `shard`, both int64.
    """
    wanted = Wanted([source_id], starts_on, ends_on, accounts, snapshot)

    def shape(rows: pl.DataFrame) -> pl.DataFrame:
        return shards.told(rows).select("id", "shard")

    wanted, whole = _with_whole(wanted)
    condition, values = wanted.condition(without=[batch.batch_id for batch in whole])
    schema = {"id": pl.Int64(), shards.key: pl.String()}
    with page_by_page():
        frames = [shape(_stored(f"id, {shards.key}", condition, values, schema))]
    for batch in whole:
        frames += whole_records(batch, wanted, [shards.key, "booked_on", "account"], shape)
    more = shape(_stored(f"id, {shards.key}", "id = ANY(%s)", [list(more_ids)], schema))
    return _with_more(pl.concat(frames), more)


def _with_whole(wanted: Wanted) -> tuple[Wanted, list[WholeBatch]]:
    """What is wanted, and the batches of it that are read from their blocks.

    These take more than one statement. So that all of them see the same, whatever comes in
    meanwhile, what is wanted is then what is there now.
    """
    now = wanted
    if wanted.snapshot is None:
        batches = Batch.objects.filter(source__in=list(wanted.source_ids))
        now = replace(wanted, snapshot=list(batches.values_list("id", flat=True)))
    whole = whole_batches(now)
    return (now, whole) if whole else (wanted, [])


def _rows(condition: str, values: Sequence[Any], shards: Shards | None = None) -> pl.DataFrame:
    """Records by their rows, as `records_frame` gives them; if need be, those of the shards."""
    # Put in order here: the database would spill a million rows to its disk for it.
    stored = _stored(_COLUMNS, condition, values, dict(STORED_SCHEMA)).sort("id")
    if shards is not None:
        stored = shards.told(stored)  # the texts of the others need not be opened
    texts = texts_at(stored.select("batch_id", "position"))
    return stored.hstack(texts).select(RECORD_SCHEMA.names())


def _with_more(records: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Both, oldest id first; what is in both counts once."""
    if more.height:
        records = pl.concat([records, more.join(records, on="id", how="anti")])
    return _by_id(records)


def _by_id(records: pl.DataFrame) -> pl.DataFrame:
    """Oldest id first; batches mostly lie so already."""
    return records if records["id"].is_sorted() else records.sort("id")


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
        "content_key": pl.Binary(),
        "occurrence": pl.Int64(),
        "external_id": pl.String(),
        "account": pl.String(),
        "is_standing": pl.Boolean(),
    }
)


def known_records(source_id: int, starts_on: date | None, ends_on: date | None) -> pl.DataFrame:
    """What the source has over these booking dates (inclusive): KNOWN_SCHEMA."""
    if starts_on is None or ends_on is None:
        return pl.DataFrame(schema=KNOWN_SCHEMA)
    with page_by_page():
        return _copy_out(_KNOWN, [source_id, starts_on, ends_on], dict(KNOWN_SCHEMA))


def record_keys(batch_id: int) -> pl.DataFrame:
    """Id, content key and occurrence of the batch's records."""
    return _copy_out(
        "SELECT id, encode(content_key, 'hex') AS content_key, occurrence FROM ingestion_record"
        " WHERE batch_id = %s",
        [batch_id],
        {name: KNOWN_SCHEMA[name] for name in ("id", "content_key", "occurrence")},
    )


def _stored(
    columns: str, condition: str, values: Sequence[Any], schema: dict[str, Any]
) -> pl.DataFrame:
    return _copy_out(f"SELECT {columns} FROM ingestion_record WHERE {condition}", values, schema)  # noqa: S608


def _copy_out(query: str, values: Sequence[Any], schema: dict[str, Any]) -> pl.DataFrame:
    buffer = io.BytesIO()
    with connection.cursor() as cursor:
        statement = cursor.mogrify(query, values).decode()
        cursor.copy_expert(f"COPY ({statement}) TO STDOUT WITH (FORMAT csv, HEADER true)", buffer)
    buffer.seek(0)
    read = {name: pl.String() if kind in _AS_TEXT else kind for name, kind in schema.items()}
    frame = pl.read_csv(buffer, schema=read, empty_string_is_null=False)
    return frame.with_columns(
        _from_text(name, kind) for name, kind in schema.items() if kind in _AS_TEXT
    )


def _from_text(name: str, kind: pl.DataType) -> pl.Expr:
    return pl.col(name) == "t" if kind == pl.Boolean() else pl.col(name).str.decode("hex")
