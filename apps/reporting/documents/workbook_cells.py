"""Cells of a workbook: text that stays text, numbers that stay numbers.

Text from data is written as a text cell, never as a formula or a link. Where it begins like a
formula it also gets the quote prefix, so that a program that evaluates what somebody edits, or
saves the sheet as CSV, leaves it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from .figures import currency_decimals
from .reconciliation import SCALE, money_of

Tone: TypeAlias = Literal["", "warn", "bad", "head", "title", "good"]
Kind: TypeAlias = Literal["text", "wrapped", "count", "date", "amount", "percent"]

FORMULA_STARTS = frozenset("=+-@\t\r\n\0|%")
LONGEST_TEXT = 32_767  # characters that a cell holds
_MOST_EXACT_UNITS = 10**15  # a number cell is a double: 15 digits are kept for certain
_EPOCH = date(1899, 12, 30)
_FIRST_DAY = date(1900, 3, 1)  # before it, spreadsheets disagree on what day a number is
_FILLS = {"warn": "#FFF2CC", "bad": "#F8D7DA", "head": "#1F3864", "good": "#E2F0D9"}


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column of a list: its name in the frame, its title, its width in characters.

    Attributes:
        currency: name of the column that says the currency of an amount.
    """

    name: str
    title: str
    width: float
    kind: Kind = "text"
    currency: str = "currency"


class Looks:
    """The cell formats of one workbook, each made once."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._made: dict[tuple[Any, ...], Format] = {}

    def look(self, kind: Kind, tone: Tone, places: int = 0, *, is_quoted: bool = False) -> Format:
        """The format of a kind of cell; ``places`` are an amount's decimals."""
        key = (kind, tone, places, is_quoted)
        made = self._made.get(key)
        if made is None:
            properties = _properties(kind, tone, places, is_quoted)
            made = self._made[key] = self._workbook.add_format(properties)
        return made


class Sheet:
    """A sheet that is written from the top down; rows and columns count from 0."""

    def __init__(self, worksheet: Worksheet, looks: Looks) -> None:
        self.worksheet = worksheet
        self._look = looks.look

    def text(
        self, row: int, column: int, value: str, tone: Tone = "", *, wraps: bool = False
    ) -> None:
        """A text, as it is; only one that is too long for a cell ends in an ellipsis."""
        if not value and not tone:
            return
        if len(value) > LONGEST_TEXT:
            value = f"{value[: LONGEST_TEXT - 1]}…"
        is_quoted = value[:1] in FORMULA_STARTS
        look = self._look("wrapped" if wraps else "text", tone, is_quoted=is_quoted)
        if value:
            self.worksheet.write_string(row, column, value, look)
        else:
            self.worksheet.write_blank(row, column, None, look)

    def count(self, row: int, column: int, value: int, tone: Tone = "") -> None:
        """A whole number."""
        self.worksheet.write_number(row, column, value, self._look("count", tone))

    def percent(self, row: int, column: int, value: float, tone: Tone = "") -> None:
        """A share, 0 to 1."""
        self.worksheet.write_number(row, column, value, self._look("percent", tone))

    def day(self, row: int, column: int, value: date, tone: Tone = "") -> None:
        """A date; before March 1900, which spreadsheets count in two ways, its text."""
        if value < _FIRST_DAY:
            self.text(row, column, value.isoformat(), tone)
        else:
            days = (value - _EPOCH).days
            self.worksheet.write_number(row, column, days, self._look("date", tone))

    def amount(self, row: int, column: int, units: int, currency: str, tone: Tone = "") -> None:
        """An amount as a number with the currency's decimals, or more where it has more.

        Beyond 15 digits, which a number cell cannot hold, it is exact text instead.
        """
        if abs(units) >= _MOST_EXACT_UNITS:
            self.text(row, column, f"{money_of(units, currency).amount:f}", tone)
            return
        places = currency_decimals(currency)
        if units % 10 ** (4 - places):
            places = 4
        self.worksheet.write_number(row, column, units / SCALE, self._look("amount", tone, places))

    def table(
        self,
        top: int,
        columns: Sequence[SheetColumn],
        rows: Iterable[Sequence[Any]],
        tones: Iterable[Tone],
    ) -> int:
        """A header and rows below it; returns the number of the row after the last.

        Args:
            tones: how each row is highlighted.
        """
        for index, column in enumerate(columns):
            self.text(top, index, column.title, "head")
        place_of = {column.name: index for index, column in enumerate(columns)}
        currencies = [place_of.get(column.currency, 0) for column in columns]
        at = top
        for at, (row, tone) in enumerate(zip(rows, tones, strict=True), start=top + 1):
            for index, (column, value) in enumerate(zip(columns, row, strict=True)):
                match column.kind:
                    case "amount":
                        self.amount(at, index, value, row[currencies[index]], tone)
                    case "count":
                        self.count(at, index, value, tone)
                    case "date":
                        self.day(at, index, value, tone)
                    case _:
                        self.text(at, index, value, tone, wraps=column.kind == "wrapped")
        return at + 1


def _properties(kind: Kind, tone: Tone, places: int, is_quoted: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {"valign": "top"}
    if is_quoted:
        properties["quote_prefix"] = True
    if tone in _FILLS:
        properties |= {"bg_color": _FILLS[tone], "pattern": 1}
    if tone == "head":
        properties |= {"bold": True, "font_color": "#FFFFFF", "text_wrap": True}
    if tone == "title":
        properties |= {"bold": True, "font_size": 16}
    if kind == "wrapped":
        properties["text_wrap"] = True
    numbers = {"count": "#,##0", "date": "yyyy-mm-dd", "percent": "0.00%"}
    if kind == "amount":
        properties["num_format"] = f"#,##0.{'0' * places}" if places else "#,##0"
    elif kind in numbers:
        properties["num_format"] = numbers[kind]
    return properties
