"""A table on its way to becoming a partition, and what is known of its rows without asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import polars as pl
from django.db import models

from apps.common.bulk_checks.columns import field_of

IDS_EACH: Final = 10**11
"""How far the ids of one partition begin from those of the next (`apps.common.partitions`)."""

_SOME: Final = 1_000  # rows that tell which columns may say the same in all


@dataclass(frozen=True)
class Partition:
    """A table that is filled once, from a frame, and never changes.

    Attributes:
        number: of the partition, from 1.
        rows: all that it will ever have.
        columns: what is made of each row, under the table's column names, without the id.
        same: columns with what they are in all rows.
        within: columns whose least and greatest it has as a constraint.
        is_alone: whether no other one is filled at once, and all cores are for its questions.
    """

    model: type[models.Model]
    number: int
    rows: pl.DataFrame
    columns: Sequence[str | pl.Expr]
    same: Mapping[str, int]
    within: Sequence[str]
    is_alone: bool

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def name(self) -> str:
        return f"{self.table}_p{self.number}"

    @property
    def first_id(self) -> int:
        return self.number * IDS_EACH

    @cached_property
    def alike(self) -> dict[str, Any]:
        """Columns of the frame that say the same in all rows, as it happens, with what they say."""
        rows, some = self.rows, self.rows.head(_SOME)
        names = [each for each in self.columns if isinstance(each, str) and _is_plain(rows[each])]
        likely = [name for name in names if some[name].eq_missing(some[name][0]).all()]
        return {
            name: rows[name][0] for name in likely if rows[name].eq_missing(rows[name][0]).all()
        }

    def is_same(self, column: str) -> bool:
        """Whether all rows have the same in it: told so, found so, or left to its default."""
        return column in self.alike or column not in self._made

    def values(self, *columns: str) -> pl.DataFrame | None:
        """The columns as the table has them; None where the frame does not tell.

        Equal values are equal in the table, different ones different: of a text that the
        database reads as something else nobody knows.
        """
        if not all(column in self._made for column in columns):
            return None
        found = self.rows.select(self._made[column] for column in columns)
        return found if all(self._is_as_stored(found[column]) for column in columns) else None

    def column(self, column: str) -> pl.Series:
        """The column as the frame has it; of what is told to be the same, one value."""
        if column in self.same:
            return pl.Series(column, [self.same[column]])
        return self.rows.select(self._made[column]).to_series()

    def bounds(self, column: str) -> tuple[Any, Any]:
        """The least and the greatest of the column; None and None if all are null."""
        values = self.column(column)
        return values.min(), values.max()

    @cached_property
    def _made(self) -> dict[str, pl.Expr]:
        made = [pl.col(each) if isinstance(each, str) else each for each in self.columns]
        return {each.meta.output_name(): each for each in made}

    def _is_as_stored(self, column: pl.Series) -> bool:
        dtype = column.dtype
        if dtype == pl.String():
            return isinstance(
                field_of(self.model, column.name), (models.CharField, models.TextField)
            )
        inner = dtype.inner if isinstance(dtype, pl.List) else dtype
        return inner.is_integer() or inner in (pl.Date(), pl.Binary())


def _is_plain(column: pl.Series) -> bool:
    """Whether one of its values can be told as it is."""
    return column.dtype != pl.Binary() and not column.dtype.is_nested()
