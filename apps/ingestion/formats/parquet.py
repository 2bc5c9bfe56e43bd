"""Parquet files: typed columns, of which every value becomes the text that it stands for.

Read with pyarrow, which is hardened against damaged files. Decimals and integers are exact. A
binary fraction (float) is read as the shortest decimal that stands for it, which is what was
stored if it came from one; the reading says which columns were floats. Shorter floats are refused
where their neighbours are more than a cent apart.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import parquet

from apps.ingestion.formats.amounts import written_number
from apps.ingestion.formats.contract import Reading, frame_of
from apps.ingestion.formats.errors import FileTooLarge, MalformedFile, WrongEncoding
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.table_header import MAX_COLUMNS, Header, column_missing, header_of
from apps.ingestion.formats.tabular import Table, reading_of, require_storable

MAX_ROWS = 20_000_000
MAX_CELLS = 100_000_000
MAX_UNPACKED_BYTES = 4_000_000_000
# Years 2 to 9998, in days from 1970: any zone leaves these within what a calendar knows.
_FIRST_DAY, _LAST_DAY = (date(year, 1, 1).toordinal() - 719_163 for year in (2, 9999))
_PER_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_BATCH_ROWS = 65_536
_FLOAT_BITS, _CENT = 64, 0.01
_MARKS = (b"PAR1", b"PARE")  # PARE: with an encrypted directory
_MAX_THRIFT = 100_000_000  # bytes of the directory and of one of its strings


class Parquet:
    """Apache Parquet."""

    name = "parquet"
    title = "Parquet"
    max_bytes = 1_000_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """The mark at its start."""
        return head.startswith(_MARKS)

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`. Lines are rows; members of structs become columns such as `a.b`."""
        table = _table_of(content)
        names = [name.strip() for name in table.column_names]
        header = header_of([(1, names)], replace(mapping, has_header=True))
        if header is None:
            raise column_missing([names], mapping)
        floats = [
            name
            for name, column in zip(names, table.columns, strict=True)
            if pa.types.is_floating(column.type)
        ]
        conventions = {"floats": ", ".join(floats)} if floats else {}
        if not table.num_rows:
            return Reading(self.name, frame_of([]), (), (), conventions=conventions)
        _require_cents(table, header)
        cells, chosen = _cells_of(table, header)
        require_storable(cells)
        lines = pl.Series(range(1, cells.height + 1), dtype=pl.Int64)
        return reading_of(self.name, Table.of(names, cells, lines), chosen, conventions)


def _table_of(content: bytes) -> pa.Table:
    """All columns, structs taken apart.

    Raises:
        MalformedFile: no Parquet, cut off or damaged.
        FileTooLarge: more rows, columns or bytes than are read at once.
    """
    try:
        with parquet.ParquetFile(
            io.BytesIO(content),
            page_checksum_verification=True,
            thrift_string_size_limit=_MAX_THRIFT,
            thrift_container_size_limit=_MAX_THRIFT,
        ) as file:
            _require_moderate(file.metadata)
            batches = list(_batches_of(file))
            table = pa.Table.from_batches(batches, schema=file.schema_arrow)
        table.validate(full=True)
        while any(pa.types.is_struct(column.type) for column in table.columns):
            table = table.flatten()
    except (pa.ArrowException, OSError, ValueError):  # ValueError: names that are no UTF-8
        raise MalformedFile("The file is no sound Parquet file, or is cut off.") from None
    if table.num_columns > MAX_COLUMNS:
        raise FileTooLarge(f"There are more than {MAX_COLUMNS} columns.")
    return table


def _require_moderate(metadata: parquet.FileMetaData) -> None:
    rows = metadata.num_rows
    if rows > MAX_ROWS or rows * metadata.num_columns > MAX_CELLS:
        raise _too_large()


def _batches_of(file: parquet.ParquetFile) -> Iterator[pa.RecordBatch]:
    """The rows in batches, measured as they unfold: the directory is not believed."""
    rows = size = 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows > MAX_ROWS or size > MAX_UNPACKED_BYTES:
            raise _too_large()
        yield batch


def _too_large() -> FileTooLarge:
    return FileTooLarge("The file unfolds to more rows than are read at once.")


def _cells_of(table: pa.Table, header: Header) -> tuple[pl.DataFrame, FieldMapping]:
    """All cells as text, and the mapping with the decimal separator that numbers have."""
    mapping, names = header.mapping, header.names
    texts = [_texts(column) for column in table.columns]
    money = [number for number, name in enumerate(names) if name in mapping.money_columns]
    numeric = [number for number in money if _is_numeric(table.column(number).type)]
    if money == numeric and not mapping.money_columns & mapping.made_columns:
        mapping = replace(mapping, decimal=".")
    else:
        for number in numeric:
            texts[number] = _written(texts[number], mapping.decimal or ".")
    columns = {f"c{number}": column for number, column in enumerate(texts)}
    return pl.DataFrame(columns).with_columns(pl.all().fill_null("")), mapping


def _require_cents(table: pa.Table, header: Header) -> None:
    """Refuses short floats whose neighbours are more than a cent apart.

    Raises:
        MalformedFile: names the row and the column.
    """
    for name, column in zip(header.names, table.columns, strict=True):
        is_short = pa.types.is_floating(column.type) and column.type.bit_width < _FLOAT_BITS
        if not is_short or name not in header.mapping.named_columns:
            continue
        sizes = np.abs(column.to_numpy())
        coarse = np.flatnonzero(np.spacing(sizes) > _CENT)
        if coarse.size:
            raise MalformedFile(
                f"Amounts of this size have lost their cents in {column.type}.",
                line=int(coarse[0]) + 1,
                field=name,
                remedy="Have the column written as decimal(20, 4), or as double.",
            )


def _is_numeric(kind: pa.DataType) -> bool:
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return bool(is_number or pa.types.is_decimal(kind))


def _written(texts: pl.Series, decimal: str) -> pl.Series:
    written = [None if text is None else written_number(text, decimal) for text in texts]
    return pl.Series(written, dtype=pl.String)


def _texts(column: pa.ChunkedArray) -> pl.Series:
    """A column as text, null where it is."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.cast(kind.value_type))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _clock_texts(pl.Series(column))
    if pa.types.is_floating(kind):
        found = _plain_digits(pl.Series(column.cast(pa.large_string())))
    elif _is_numeric(kind) or _is_text(kind):
        found = pl.Series(_as_text(column))
    else:
        values = column.to_pylist()
        found = pl.Series([None if one is None else _other(one) for one in values])
    return found.cast(pl.String)


def _clock_texts(times: pl.Series) -> pl.Series:
    """Dates and times as text, one with a zone as its own clock shows it.

    What no calendar knows becomes a text that is no date, so that its row is rejected.
    """
    kind = times.dtype
    a_day = _PER_DAY[kind.time_unit] if isinstance(kind, pl.Datetime) else 1
    days = times.to_physical().cast(pl.Int64) // a_day
    is_known = days.is_between(_FIRST_DAY, _LAST_DAY).fill_null(value=True)
    known = times.set(~is_known, None).cast(pl.String)
    return known.set(~is_known, "not a date of the calendar")


def _plain_digits(texts: pl.Series) -> pl.Series:
    """Floats without an exponent (`1e+13`)."""
    if not bool(texts.str.contains("e", literal=True).any()):
        return texts
    written = [
        format(Decimal(text), "f") if text is not None and "e" in text else text for text in texts
    ]
    return pl.Series(written, dtype=pl.String)


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_boolean(kind)
    )


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cast to text; older writers store it as bytes."""
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:
        raise WrongEncoding("A column holds bytes that are not UTF-8 text.") from None


def _other(value: Any) -> str:
    """Lists and maps as JSON, anything else in its own words."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return str(value)
