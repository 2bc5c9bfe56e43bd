"""Dates as written in files: text to dates, the order of day and month by evidence.

A date is taken as written; a time of day or zone beside it never shifts it.
"""

from __future__ import annotations

import calendar
import re
from datetime import date

import polars as pl

from apps.ingestion.formats.errors import AmbiguousDates

MIN_YEAR, MAX_YEAR = 1970, 2099

# Written forms and the ways to read them. Points are day first wherever they are used; slashes
# and hyphens are day first or month first, which only the dates of the file can tell.
_FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"^\d{4}-\d{2}-\d{2}$", ("%Y-%m-%d",)),
    (r"^\d{4}/\d{1,2}/\d{1,2}$", ("%Y/%m/%d",)),
    (r"^\d{4}\.\d{1,2}\.\d{1,2}$", ("%Y.%m.%d",)),
    (r"^\d{8}$", ("%Y%m%d",)),
    (r"^\d{1,2}\.\d{1,2}\.\d{4}$", ("%d.%m.%Y",)),
    (r"^\d{1,2}\.\d{1,2}\.\d{2}$", ("%d.%m.%y",)),
    (r"^\d{1,2}/\d{1,2}/\d{4}$", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"^\d{1,2}/\d{1,2}/\d{2}$", ("%d/%m/%y", "%m/%d/%y")),
    (r"^\d{1,2}-\d{1,2}-\d{4}$", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"^\d{1,2}-\d{1,2}-\d{2}$", ("%d-%m-%y", "%m-%d-%y", "%y-%m-%d")),
    (r"^\d{1,2}-[A-Za-z]{3}-\d{4}$", ("%d-%b-%Y",)),
    (r"^\d{1,2} [A-Za-z]{3} \d{4}$", ("%d %b %Y",)),
    (r"^[A-Za-z]{3} \d{1,2}, \d{4}$", ("%b %d, %Y",)),
)
_TIME_OF_DAY = (
    r"(?:T|,? +)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?"
    r"(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?$"
)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T[\d:.]+)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)


def parse_iso_date(text: str) -> date:
    """An xs:date or xs:dateTime, as written.

    Raises:
        ValueError: not one, or outside 1970-2099.
    """
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise ValueError("is not a date")
    return date_of(int(match[1]), int(match[2]), int(match[3]))


def date_of(year: int, month: int, day: int) -> date:
    """The date, or ValueError in plain words."""
    if not MIN_YEAR <= year <= MAX_YEAR:
        raise ValueError(f"is outside {MIN_YEAR}-{MAX_YEAR}")
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError("is not a date of the calendar") from None


def clamped_date(year: int, month: int, day: int) -> date:
    """Like `date_of`, but a day after the month's last is the month's last (30 February).

    Banks that count interest on months of 30 days write such value dates.
    """
    if 1 <= month <= 12 and 1 <= day <= 31:
        return date_of(year, month, min(day, calendar.monthrange(year, month)[1]))
    return date_of(year, month, day)


def known_dates(columns: list[pl.Series], date_format: str | None) -> tuple[pl.DataFrame, str]:
    """The dates of a file: `text` as its cells have it, `date`; and their formats, with blanks.

    Texts that are no dates are not in it. All columns are read together: they share one convention.

    Args:
        columns: text columns.
        date_format: strptime format that all dates have; None to find it by evidence.

    Raises:
        AmbiguousDates: day and month can be either way round, or both ways occur.
    """
    distinct = pl.concat([column.alias("text") for column in columns]).unique()
    table = pl.DataFrame({"text": distinct.filter(distinct != "")})
    if date_format is None:
        table, formats = _by_evidence(table)
    else:
        bare = table["text"].str.strip_chars()
        table, formats = table.with_columns(date=_dates(bare, date_format)), [date_format]
    year = pl.col("date").dt.year()
    return table.filter(year.is_between(MIN_YEAR, MAX_YEAR)), " ".join(formats)


def dates_of(column: pl.Series, known: pl.DataFrame) -> pl.Series:
    """The cells as dates, null where they are none; `known` as `known_dates` gives it."""
    cells = pl.DataFrame({"text": column})
    return cells.join(known, on="text", how="left", maintain_order="left")["date"]


def _by_evidence(table: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """`date` for each distinct text, and the formats that the texts are written in."""
    bare = pl.col("text").str.strip_chars().str.replace(_TIME_OF_DAY, "")
    table = table.with_columns(bare=bare, date=pl.lit(None, pl.Date))
    formats = []
    for form, readings in _FORMS:
        is_form = table["bare"].str.contains(form)
        if not bool(is_form.any()):
            continue
        texts = table["bare"].filter(is_form)
        best = _reading_of(texts, readings)
        formats.append(best)
        table = table.with_columns(
            date=pl.when(is_form).then(_dates(table["bare"], best)).otherwise("date")
        )
    _require_one_order(formats)
    return table.select("text", "date"), formats


def _dates(texts: pl.Series, date_format: str) -> pl.Series:
    return texts.str.to_date(date_format, strict=False)


def _reading_of(texts: pl.Series, readings: tuple[str, ...]) -> str:
    """The one reading under which all the texts are dates that are dates at all.

    Raises:
        AmbiguousDates: several such readings differ, or no reading covers all.
    """
    parsed = {reading: _dates(texts, reading) for reading in readings}
    is_date = pl.DataFrame({key: found.is_not_null() for key, found in parsed.items()})
    most = is_date.max_horizontal()
    covering = [reading for reading in readings if bool((is_date[reading] == most).all())]
    if not covering:
        raise AmbiguousDates("Some dates are day first and some are month first.")
    first = covering[0]
    if any(not bool(parsed[first].eq_missing(parsed[other]).all()) for other in covering[1:]):
        raise AmbiguousDates("The dates can be day first or month first.")
    return first


def _require_one_order(formats: list[str]) -> None:
    """Month first in one written form and day first in another is no convention."""
    orders = {written[1] for written in formats if written[1] in "dm" and "%m" in written}
    if len(orders) > 1:
        raise AmbiguousDates("Some dates are day first and some are month first.")
