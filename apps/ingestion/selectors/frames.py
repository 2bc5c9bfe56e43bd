"""Records as frames: COPY out of PostgreSQL into polars, amounts as int64 ten-thousandths."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from django.db import connection

from apps.ingestion.models import Record
from apps.ingestion.states import ATTRIBUTES_LABEL, COUNTERPARTY_LABEL, NARRATIVE_LABEL
from apps.privacy.keyring import KeyRing
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

_SEALED: Final = {
    "counterparty": COUNTERPARTY_LABEL,
    "narrative": NARRATIVE_LABEL,
    "attributes": ATTRIBUTES_LABEL,
}
_SELECT: Final = """
    SELECT id, (amount * 10000)::bigint AS amount, currency, booked_on, value_on, reference,
           encode(counterparty_sealed, 'hex') AS counterparty,
           encode(narrative_sealed, 'hex') AS narrative,
           account, external_id, encode(attributes_sealed, 'hex') AS attributes
    FROM ingestion_record
"""


def records_frame(
    *,
    source_ids: Sequence[int],
    starts_on: date | None = None,
    ends_on: date | None = None,
    accounts: Sequence[str] | None = None,
    record_ids: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Records of the sources, oldest id first.

    Args:
        starts_on, ends_on: booking dates, both inclusive.
        accounts: only these accounts; None for all.
        record_ids: only these records; None for all.

    Returns:
        RECORD_SCHEMA; `attributes` is JSON text, or "" where the file said nothing more.
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
    frame = _copy_out(
        f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY id", values, dict(RECORD_SCHEMA)
    )
    ring = key_ring()
    return frame.with_columns(_opened(frame[name], label, ring) for name, label in _SEALED.items())


def record_ids(
    *, source_id: int, starts_on: date, ends_on: date, accounts: Sequence[str] | None = None
) -> Ints:
    """Ids of a source's records over booking dates (inclusive), ascending; nothing is unsealed."""
    records = Record.objects.filter(
        source_id=source_id, booked_on__gte=starts_on, booked_on__lte=ends_on
    )
    if accounts is not None:
        records = records.filter(account__in=accounts)
    ids = records.order_by("id").values_list("id", flat=True)
    return np.fromiter(ids.iterator(chunk_size=50_000), dtype=np.int64)


def known_keys(source_id: int, lines: pl.DataFrame) -> pl.DataFrame:
    """Content keys and occurrences that the source has, over the booking dates of the lines."""
    schema = {"content_key": pl.String(), "occurrence": lines.schema["occurrence"]}
    if lines.is_empty():
        return pl.DataFrame(schema=schema)
    return _copy_out(
        "SELECT encode(content_key, 'hex') AS content_key, occurrence FROM ingestion_record"
        " WHERE source_id = %s AND booked_on BETWEEN %s AND %s",
        [source_id, lines["booked_on"].min(), lines["booked_on"].max()],
        schema,
    )


def _copy_out(query: str, values: Sequence[Any], schema: dict[str, Any]) -> pl.DataFrame:
    buffer = io.BytesIO()
    with connection.cursor() as cursor:
        statement = cursor.mogrify(query, values).decode()
        cursor.copy_expert(f"COPY ({statement}) TO STDOUT WITH (FORMAT csv, HEADER true)", buffer)
    buffer.seek(0)
    return pl.read_csv(buffer, schema=schema, empty_string_is_null=False)


def _opened(column: pl.Series, label: str, ring: KeyRing) -> pl.Series:
    values = (bytes.fromhex(value) for value in column)
    return pl.Series(column.name, ring.unseal_many(values, label), dtype=pl.String)
