"""External ids that a bank may count anew with every statement, page or notification.

Such an id tells the lines of one statement apart. In another statement it may be another line's:
many banks write `//0001` into MT940, or `<NtryRef>1` where camt has no `AcctSvcrRef`.
"""

from __future__ import annotations

import polars as pl

_FORMATS = ("mt940", "bai2")


def are_counted(format_name: str, lines: pl.DataFrame) -> pl.Series:
    """Whether the external id of each line holds within its own statement only.

    Args:
        lines: `external_id` and `attributes`, as in LINE_SCHEMA.
    """
    if format_name != "camt":
        return pl.repeat(format_name in _FORMATS, lines.height, dtype=pl.Boolean(), eager=True)
    # Of a line that has the servicer's own reference the entry's is no part of its id.
    entry = pl.col("attributes").str.json_path_match("$.entry_reference")
    counted = (pl.col("external_id") == entry) | pl.col("external_id").str.starts_with(entry + "/")
    return lines.select(counted.fill_null(value=False).alias("is_counted"))["is_counted"]
