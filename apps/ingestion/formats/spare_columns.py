"""The columns that are no field of a line, kept per row as a JSON object."""

from __future__ import annotations

import json

import polars as pl

from apps.ingestion.formats.contract import TEXT_FIELDS
from apps.ingestion.formats.mapping import FieldMapping

_FIELDS_KEPT_ELSEWHERE = (
    *TEXT_FIELDS, "booked_on", "value_on", "amount", "debit", "credit", "indicator", "currency"
)  # fmt: skip
_NEEDS_ESCAPE = r'["\\\x00-\x1f]'


def attributes_of(cells: pl.DataFrame, mapping: FieldMapping) -> pl.DataFrame:
    """`attributes` of each row, as `canonical_json` would write it: sorted keys, no blank cells."""
    names = sorted(_spare_names(cells, mapping))
    if not names:
        return pl.DataFrame({"attributes": pl.repeat("{}", cells.height, eager=True)})
    members = [_member(cells[name], name) for name in names]
    joined = pl.concat_str(pl.all()).str.strip_prefix(",")
    text = pl.concat_str(pl.lit("{"), joined, pl.lit("}"))
    return pl.DataFrame(members).select(text.alias("attributes"))


def _spare_names(cells: pl.DataFrame, mapping: FieldMapping) -> list[str]:
    if mapping.attributes is not None:
        return list(mapping.attributes)
    taken = {name for field in _FIELDS_KEPT_ELSEWHERE for name in mapping.columns.get(field, ())}
    return [name for name in cells.columns if name not in taken]


def _member(cells: pl.Series, name: str) -> pl.Series:
    """`,"name":"text"` for each cell, '' for a blank one."""
    text = cells.str.strip_chars().alias("text")
    if bool(text.str.contains(_NEEDS_ESCAPE).any()):
        quoted = text.to_frame().select(pl.struct("text").struct.json_encode())["text"]
        text = quoted.str.slice(9, quoted.str.len_chars() - 11)  # of {"text":"..."}
    key = json.dumps(name, ensure_ascii=False)
    member = pl.concat_str(pl.lit(f',{key}:"'), "text", pl.lit('"'))
    frame = pl.DataFrame({"text": text})
    return frame.select(
        pl.when(pl.col("text") == "").then(pl.lit("")).otherwise(member).alias(name)
    )[name]
