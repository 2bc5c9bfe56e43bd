"""Lines that say something else than before under an external id that is known.

A line amends an earlier record if its source gives it the same external id on the same account,
and it is beyond doubt that both are the same line: the id is in the file once, and stands once
among the records of the days that the file is about. Where sources number their lines anew every
day or month, or one id covers several lines, nothing is amended and the lines stand side by side.
So they do where a bank may count anew with every statement, unless the statement is issued again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from apps.ingestion.models import Amendment, Batch
from apps.ingestion.selectors.frames import record_keys
from apps.ingestion.states import RETURNED

_IDENTITY = ["external_id", "account"]
_CONTENT = ["content_key", "occurrence"]


@dataclass(frozen=True)
class Additions:
    """What a file adds.

    Attributes:
        lines: LINE_SCHEMA with content key and occurrence.
        amendments: content key and occurrence of a line, and the id that it supersedes.
    """

    lines: pl.DataFrame
    amendments: pl.DataFrame


def additions(
    lines: pl.DataFrame,
    wanted: pl.DataFrame,
    known: pl.DataFrame,
    beyond_doubt: Callable[[pl.DataFrame], pl.DataFrame],
) -> Additions:
    """The wanted lines that are not known yet, and which of them amend something.

    A line that says again what was said before an amendment is added again: the latest file's
    word stands.

    Args:
        lines: all lines of the file, with content key and occurrence.
        wanted: those of them that may be added.
        known: KNOWN_SCHEMA, over the days of the file.
        beyond_doubt: of lines with the `supersedes_id` that their external id leads to, those that
            amend it.
    """
    if known.is_empty():
        return Additions(wanted, _none())
    fresh = wanted.join(known, on=_CONTENT, how="anti")
    standing = known.filter(pl.col("is_standing") & (pl.col("external_id") != ""))
    if standing.is_empty():
        return Additions(fresh, _none())
    changed = (
        _once(lines)
        .join(wanted.select(_CONTENT), on=_CONTENT, how="semi")
        .join(_once(standing), on=_IDENTITY, suffix="_before")
        .filter(pl.col("content_key") != pl.col("content_key_before"))
        .with_columns(pl.col("id").alias("supersedes_id"))
    )
    changed = beyond_doubt(changed).select(*_CONTENT, "supersedes_id")
    counts = known.group_by("content_key").agg(pl.len().cast(pl.Int64).alias("times"))
    returned = (
        wanted.join(known, on=_CONTENT, how="semi")
        .join(changed.select(_CONTENT), on=_CONTENT, how="semi")
        .join(counts, on="content_key")
        .with_columns(pl.col("times") + RETURNED)
    )
    renumbered = changed.join(returned.select(*_CONTENT, "times"), on=_CONTENT, how="left").select(
        "content_key", pl.coalesce("times", "occurrence").alias("occurrence"), "supersedes_id"
    )
    added = returned.with_columns(pl.col("times").alias("occurrence")).select(fresh.columns)
    return Additions(pl.concat([fresh, added]), renumbered)


def amend(batch: Batch, amendments: pl.DataFrame) -> None:
    """Write down which records of the batch take the place of which."""
    if amendments.is_empty():
        return
    pairs = amendments.join(record_keys(batch.pk), on=_CONTENT)
    Amendment.objects.bulk_create(
        Amendment(record_id=record_id, supersedes_id=supersedes_id)
        for record_id, supersedes_id in pairs.select("id", "supersedes_id").iter_rows()
    )


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose external id, on their account, no other row has."""
    named = rows.filter(pl.col("external_id") != "")
    return named.filter(pl.struct(_IDENTITY).is_unique())


def _none() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "content_key": pl.Binary(),
            "occurrence": pl.Int64(),
            "supersedes_id": pl.Int64(),
        }
    )
