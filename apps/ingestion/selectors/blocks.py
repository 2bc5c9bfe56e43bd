"""Sealed blocks opened: the texts of some records, or large batches as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import polars as pl
from django.db import connection
from django.db.models import Q

from apps.common.blobs import read_blobs
from apps.ingestion.models import Amendment, SealedBlock
from apps.ingestion.selectors.columns import TEXTS_SCHEMA
from apps.ingestion.selectors.wanted import Wanted
from apps.ingestion.states import TEXTS_LABEL, WHOLE_BLOCK_ROWS, WHOLE_LABEL
from apps.privacy.blocks import BLOCK_ROWS, opened_block
from apps.privacy.keyring import KeyRing, Unreadable
from apps.privacy.selectors import key_ring

Shaped = TypeVar("Shaped")

_AT_ONCE: Final = 256  # blocks of texts
_WHOLE_AT_ONCE: Final = 32
_BLOCK: Final = ["batch_id", "number"]
_OPENED: Final = pl.Schema(
    {"batch_id": pl.Int64(), "number": pl.Int64(), "start": pl.Int64(), "height": pl.Int64()}
)
_BLOCKS: Final = """
    SELECT block.batch_id, block.number, block.sealed, block.first_id IS NOT NULL
    FROM ingestion_sealedblock block
    JOIN unnest(%s::bigint[], %s::integer[]) AS wanted (batch_id, number)
      ON block.batch_id = wanted.batch_id AND block.number = wanted.number
"""
_SEALED: Final = """
    SELECT sealed FROM ingestion_sealedblock
    WHERE batch_id = %s AND number >= %s AND number < %s ORDER BY number
"""
_MISSING: Final = "a sealed block of records is missing or too short"


@dataclass(frozen=True)
class WholeBatch:
    """A batch whose blocks hold its records whole: so many, with ids that follow the first."""

    batch_id: int
    first_id: int
    row_count: int


def texts_at(places: pl.DataFrame) -> pl.DataFrame:
    """The sealed texts of records, in their order; only the blocks that they lie in are opened.

    Args:
        places: `batch_id` and `position` of each.

    Returns:
        TEXTS_SCHEMA.

    Raises:
        Unreadable: a block that is gone, too short, or does not open.
    """
    rows_each = pl.when(pl.col("batch_id").is_in(_whole_among(places["batch_id"]).implode()))
    each = rows_each.then(WHOLE_BLOCK_ROWS).otherwise(BLOCK_ROWS)
    within = places.select(
        "batch_id",
        number=pl.col("position") // each,
        offset=pl.col("position") % each,
    )
    found, texts = [], [TEXTS_SCHEMA.to_frame()]
    start = 0
    for batch_id, number, rows in _text_blocks(within.select(_BLOCK).unique().sort(_BLOCK)):
        found.append((batch_id, number, start, rows.height))
        texts.append(rows)
        start += rows.height
    blocks = pl.DataFrame(found, schema=_OPENED, orient="row")
    rows = within.join(blocks, on=_BLOCK, how="left", maintain_order="left")
    if not rows.select((pl.col("offset") < pl.col("height")).fill_null(value=False).all()).item():
        raise Unreadable(_MISSING)
    return pl.concat(texts)[rows.select(pl.col("start") + pl.col("offset")).to_series()]


def whole_batches(wanted: Wanted) -> list[WholeBatch]:
    """The batches with records whole in their blocks that may have some of the wanted ones."""
    asked = Q(number=0, first_id__isnull=False, batch__source__in=list(wanted.source_ids))
    if wanted.starts_on is not None:
        asked &= Q(batch__ends_on__gte=wanted.starts_on)
    if wanted.ends_on is not None:
        asked &= Q(batch__starts_on__lte=wanted.ends_on)
    if wanted.snapshot is not None:
        asked &= Q(batch__in=list(wanted.snapshot))
    blocks = SealedBlock.objects.filter(asked).order_by("first_id")
    return [
        WholeBatch(*facts)
        for facts in blocks.values_list("batch_id", "first_id", "batch__added_count")
    ]


def whole_records(
    batch: WholeBatch,
    wanted: Wanted,
    columns: Sequence[str],
    shape: Callable[[pl.DataFrame], Shaped],
) -> Iterator[Shaped]:
    """The wanted records of a batch, ids ascending, many blocks at a time.

    Args:
        columns: of WHOLE_COLUMNS, with those that `wanted.expression` looks at; `id` comes with
            them.
        shape: what is made of the records of some blocks, beside the opening of the next ones.

    Raises:
        Unreadable: a block that is gone, too short, or does not open.
    """
    gone = pl.Series(_superseded(batch, wanted), dtype=pl.Int64).implode()
    ring = key_ring()

    def opened(blocks: list[tuple[int, bytes]]) -> Shaped:
        rows = pl.concat(_whole_block(batch, *block, columns, ring) for block in blocks)
        first = batch.first_id + blocks[0][0] * WHOLE_BLOCK_ROWS
        ids = pl.int_range(first, first + rows.height, eager=True).alias("id")
        rows = rows.insert_column(0, ids)
        return shape(rows.filter(wanted.expression, ~pl.col("id").is_in(gone)))

    with ThreadPoolExecutor(1) as beside:
        for each in [beside.submit(opened, blocks) for blocks in _sealed(batch)]:
            yield each.result()


def _whole_among(batch_ids: pl.Series) -> pl.Series:
    """Those of the batches whose blocks hold records whole."""
    blocks = SealedBlock.objects.filter(
        batch__in=batch_ids.unique().to_list(), number=0, first_id__isnull=False
    )
    return pl.Series(list(blocks.values_list("batch_id", flat=True)), dtype=pl.Int64)


def _text_blocks(wanted: pl.DataFrame) -> Iterator[tuple[int, int, pl.DataFrame]]:
    """Batch, number and texts of each block that is there."""
    ring = key_ring()
    with connection.cursor() as cursor:
        for part in wanted.iter_slices(_AT_ONCE):
            cursor.execute(_BLOCKS, [part["batch_id"].to_list(), part["number"].to_list()])
            for batch_id, number, sealed, is_whole in cursor.fetchall():
                label = f"{WHOLE_LABEL if is_whole else TEXTS_LABEL}:{batch_id}"
                texts = opened_block(
                    bytes(sealed), label, number, ring, columns=TEXTS_SCHEMA.names()
                )
                yield batch_id, number, texts


def _sealed(batch: WholeBatch) -> Iterator[list[tuple[int, bytes]]]:
    """Number and bytes of the batch's blocks, ascending, some at a time."""
    end = -(-batch.row_count // WHOLE_BLOCK_ROWS)
    for first in range(0, end, _WHOLE_AT_ONCE):
        numbers = range(first, min(first + _WHOLE_AT_ONCE, end))
        found = read_blobs(_SEALED, [batch.batch_id, numbers.start, numbers.stop])
        if len(found) < len(numbers):
            raise Unreadable(_MISSING)
        yield list(zip(numbers, found, strict=True))


def _whole_block(
    batch: WholeBatch, number: int, sealed: bytes, columns: Sequence[str], ring: KeyRing
) -> pl.DataFrame:
    label = f"{WHOLE_LABEL}:{batch.batch_id}"
    rows = opened_block(sealed, label, number, ring, columns=columns)
    rest = batch.row_count - number * WHOLE_BLOCK_ROWS
    if rows.height != min(rest, WHOLE_BLOCK_ROWS):
        raise Unreadable(_MISSING)
    return rows


def _superseded(batch: WholeBatch, wanted: Wanted) -> list[int]:
    """Ids of the batch's records that something later amends."""
    amendments = Amendment.objects.filter(
        supersedes__gte=batch.first_id, supersedes__lt=batch.first_id + batch.row_count
    )
    if wanted.snapshot is not None:
        amendments = amendments.filter(record__batch__in=list(wanted.snapshot))
    return list(amendments.values_list("supersedes_id", flat=True))
