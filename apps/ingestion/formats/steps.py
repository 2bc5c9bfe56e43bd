"""The steps of a transformation: each takes a column of texts and gives another, or faults.

A step reads columns of the file as they are, never what another transformation made of them, so
that the order of transformations does not matter. Regular expressions are those of polars (Rust):
they take time in proportion to the text, whatever the pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Protocol

import polars as pl

from apps.ingestion.formats.amounts import plain_numbers

_MOST_DIGITS = 60
_NUMBER = r"^-?[0-9]{1,30}(?:\.[0-9]{1,30})?$"


@dataclass(frozen=True)
class Outcome:
    """Texts, and for each the reason why it could not be made, null where it could."""

    texts: pl.Series
    faults: pl.Series | None = None


class Step(Protocol):
    """One step."""

    @property
    def reads(self) -> frozenset[str]:
        """Columns of the file that it needs besides what it is given."""
        ...

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        """The step done on a column, row by row."""
        ...


def _outcome(texts: pl.Series, is_made: pl.Series, reason: str) -> Outcome:
    """The texts where they were made, else the reason."""
    if bool(is_made.all()):
        return Outcome(texts)
    frame = pl.DataFrame({"text": texts, "is_made": is_made})
    judged = frame.select(
        text=pl.when("is_made").then("text").otherwise(pl.lit("")),
        fault=pl.when(~pl.col("is_made")).then(pl.lit(reason)),
    )
    return Outcome(judged["text"], judged["fault"])


def _with_default(given: pl.Series, found: pl.Series, default: str | None, reason: str) -> Outcome:
    """What was found; where nothing was, '' for a blank, else the default or a fault."""
    is_blank = given == ""
    if default is not None:
        frame = pl.DataFrame({"found": found, "is_blank": is_blank})
        choice = pl.when("is_blank").then(pl.lit("")).otherwise(pl.lit(default))
        return Outcome(frame.select(pl.coalesce("found", choice).alias("text"))["text"])
    return _outcome(found.fill_null(""), found.is_not_null() | is_blank, reason)


def _each(given: pl.Series, change: Callable[[str], str]) -> pl.Series:
    """A change of text done once for each distinct value."""
    distinct = given.unique()
    changed = pl.Series([change(text) for text in distinct], dtype=pl.String)
    return given.replace_strict(distinct, changed, return_dtype=pl.String)


def _stripped(cells: pl.DataFrame, name: str) -> pl.Series:
    return cells[name].str.strip_chars()


class _Inward:
    """A step that needs nothing but what it is given."""

    @property
    def reads(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class Take:
    """The column of the file with this name: how every transformation starts."""

    column: str

    @property
    def reads(self) -> frozenset[str]:
        return frozenset((self.column,))

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        return Outcome(_stripped(cells, self.column))


@dataclass(frozen=True)
class ParseNumber(_Inward):
    """A number as people write it to plain digits with a decimal point."""

    decimal: str

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        found = plain_numbers(given, self.decimal)["text"]
        reason = f"This is no number with the decimal separator {self.decimal!r}."
        return _outcome(found.fill_null(""), found.is_not_null(), reason)


@dataclass(frozen=True)
class ParseDate(_Inward):
    """A date in the written form to one as 2026-12-31."""

    date_format: str

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        found = given.str.to_date(self.date_format, strict=False).dt.to_string("%Y-%m-%d")
        is_made = found.is_not_null() | (given == "")
        reason = f"This is no date written as {self.date_format}."
        return _outcome(found.fill_null(""), is_made, reason)


@dataclass(frozen=True)
class Whole(_Inward):
    """A number without decimals; zeros after the point go."""

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        found = given.str.replace(r"\.0*$", "")
        is_made = found.str.contains(r"^-?[0-9]*$") & (found != "-")
        return _outcome(found, is_made, "This is no whole number.")


@dataclass(frozen=True)
class Round(_Inward):
    """A number in plain digits, rounded to a number of decimals."""

    decimals: int
    rounding: str  # of the decimal module

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        is_number = given.str.contains(_NUMBER)
        frame = pl.DataFrame({"given": given, "is_number": is_number})
        numbers = frame.select(pl.when("is_number").then("given").otherwise(pl.lit("")))
        found = _each(numbers.to_series(), self._rounded)
        reason = "This is no number in plain digits; put a number step before this one."
        return _outcome(found, is_number | (given == ""), reason)

    def _rounded(self, text: str) -> str:
        if not text:
            return ""
        with localcontext(prec=_MOST_DIGITS):
            number = Decimal(text).quantize(Decimal(1).scaleb(-self.decimals), self.rounding)
        return format(abs(number) if number == 0 else number, "f")


@dataclass(frozen=True)
class Condition:
    """A question about a cell of the row: exactly one of the last four is asked."""

    column: str
    values: tuple[str, ...] | None = None
    pattern: str | None = None
    is_blank: bool | None = None

    def holds(self, cells: pl.DataFrame) -> pl.Series:
        text = _stripped(cells, self.column)
        if self.values is not None:
            return text.is_in(list(self.values))
        if self.pattern is not None:
            return text.str.contains(self.pattern)
        return (text == "") == self.is_blank


@dataclass(frozen=True)
class Sign:
    """A number in plain digits with its sign turned, everywhere or where a condition holds."""

    when: Condition | None

    @property
    def reads(self) -> frozenset[str]:
        return frozenset((self.when.column,)) if self.when else frozenset()

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        is_turned = self.when.holds(cells) if self.when else pl.repeat(True, len(given), eager=True)
        frame = pl.DataFrame({"given": given, "is_turned": is_turned})
        text = pl.col("given")
        is_nothing = text.str.contains(r"^[-0.]*$")
        turned = (
            pl.when(is_nothing)
            .then(text)
            .when(text.str.starts_with("-"))
            .then(text.str.strip_prefix("-"))
            .otherwise(pl.concat_str(pl.lit("-"), text))
        )
        found = frame.select(pl.when("is_turned").then(turned).otherwise(text).alias("text"))
        reason = "This is no number in plain digits; put a number step before this one."
        is_made = given.str.contains(_NUMBER) | (given == "")
        return _outcome(found["text"], is_made, reason)


@dataclass(frozen=True)
class Split(_Inward):
    """One part of a text, counted from 1, from the end where negative; '' where it is not."""

    separator: str
    part: int

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        parts = given.str.split(self.separator)
        index = self.part - 1 if self.part > 0 else self.part
        return Outcome(parts.list.get(index, null_on_oob=True).fill_null("").str.strip_chars())


@dataclass(frozen=True)
class Concat:
    """Columns of the file joined; blank ones are left out."""

    columns: tuple[str, ...]
    separator: str

    @property
    def reads(self) -> frozenset[str]:
        return frozenset(self.columns)

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        parts = pl.DataFrame(
            {f"c{number}": _stripped(cells, name) for number, name in enumerate(self.columns)}
        )
        filled = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in parts.columns]
        joined = pl.concat_str(filled, separator=self.separator, ignore_nulls=True)
        return Outcome(parts.select(joined.alias("text"))["text"])


@dataclass(frozen=True)
class Lookup(_Inward):
    """Another text for each text of a table, compared exactly; blanks stay blank."""

    table: Mapping[str, str]
    default: str | None

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        keys, values = list(self.table), list(self.table.values())
        found = given.replace_strict(keys, values, default=None, return_dtype=pl.String)
        return _with_default(given, found, self.default, "The lookup table has no such text.")


@dataclass(frozen=True)
class Extract(_Inward):
    """What a group of a regular expression finds first; blanks stay blank."""

    pattern: str
    group: int
    default: str | None

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        found = given.str.extract(self.pattern, self.group)
        return _with_default(given, found, self.default, "The pattern finds nothing here.")


@dataclass(frozen=True)
class Constant(_Inward):
    """The same text in every row."""

    value: str

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        return Outcome(pl.repeat(self.value, cells.height, dtype=pl.String, eager=True))


@dataclass(frozen=True)
class Conditional:
    """One of two texts or columns; without an otherwise, what was given stays."""

    when: Condition
    then: Take | Constant
    otherwise: Take | Constant | None

    @property
    def reads(self) -> frozenset[str]:
        other = self.otherwise.reads if self.otherwise else frozenset()
        return frozenset((self.when.column,)) | self.then.reads | other

    def apply(self, given: pl.Series, cells: pl.DataFrame) -> Outcome:
        chosen = self.then.apply(given, cells).texts
        other = self.otherwise.apply(given, cells).texts if self.otherwise else given
        return Outcome(chosen.zip_with(self.when.holds(cells), other))


# What these give is plain digits with a decimal point.
NUMBERS = (ParseNumber, Whole, Round, Sign)
