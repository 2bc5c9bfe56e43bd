"""Which column of a table is which field of a line, and how its text is written.

A mapping is data: it comes from a source's settings as a plain dict, is checked key by key and
frozen. Formats that are tables (CSV, JSON records, XLSX and Parquet) share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from apps.ingestion.formats.amounts import decimals_of
from apps.ingestion.formats.errors import MappingInvalid
from apps.ingestion.formats.transformations import Transformation, parsed_transformations

FIELDS = (
    "external_id",
    "account",
    "booked_on",
    "value_on",
    "amount",
    "debit",
    "credit",
    "indicator",
    "balance",
    "currency",
    "reference",
    "counterparty",
    "narrative",
)
VERSION = 1  # of the vocabulary of mappings
VALUE_FIELDS = ("amount", "debit", "credit", "balance")
COLUMN_PARTS = {
    "columns": FIELDS,
    "key_mappings": tuple(name for name in FIELDS if name not in VALUE_FIELDS),
    "value_mappings": VALUE_FIELDS,
}
CONSTANT_FIELDS = ("account", "currency")
ENCODINGS = ("utf-8", "utf-16", "cp1252", "iso-8859-1", "iso-8859-15", "cp850", "cp437")
DEBIT_WORDS = ("d", "dr", "dbit", "debit", "debet", "s", "soll", "-", "af", "out", "lastschrift")
CREDIT_WORDS = ("c", "cr", "crdt", "credit", "h", "haben", "+", "bij", "in", "gutschrift")
KEYS = (
    "version",
    "columns",
    "key_mappings",
    "value_mappings",
    "transformations",
    "constants",
    "date_format",
    "decimal",
    "separator",
    "encoding",
    "sheet",
    "has_header",
    "is_inverted",
    "debit_words",
    "credit_words",
    "attributes",
)


@dataclass(frozen=True)
class FieldMapping:
    """A checked field mapping; build it with `from_dict`.

    Without any columns they are recognised by well-known names, and the other attributes say what
    the names do not.

    Attributes:
        columns: field -> column names. Text fields join several columns with a blank; `amount`
            takes the one that is filled; all others have one column. Without a header the
            columns are called "1", "2", ...
        transformations: what is done to columns before they are read, by the column made.
        constants: `currency` or `account` for every line of the file.
        date_format: strptime format of all dates, None to find it by evidence.
        decimal: '.' or ',', None to find it by evidence.
        separator: one character between cells, None to detect it.
        encoding: one of ENCODINGS, None to detect it.
        sheet: name of the sheet of a workbook, None for the first that holds a table.
        has_header: whether the table has a row of column names.
        is_inverted: True where signs are the other way round: debit columns and words mean
            inflow (a company's own books), a plain amount is positive for outflow (cards).
        debit_words, credit_words: values of the indicator column, compared without case.
        attributes: columns kept as attributes, None for all that are not mapped.
        corrections: line -> column -> text that a person put in the place of the file's. Never
            part of a source's mapping.
        is_recognised: whether the columns were found by well-known names. Never part of a
            source's mapping.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    transformations: Mapping[str, Transformation] = field(
        default_factory=lambda: MappingProxyType({})
    )
    constants: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    date_format: str | None = None
    decimal: str | None = None
    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    has_header: bool = True
    is_inverted: bool = False
    debit_words: tuple[str, ...] = DEBIT_WORDS
    credit_words: tuple[str, ...] = CREDIT_WORDS
    attributes: tuple[str, ...] | None = None
    corrections: Mapping[int, Mapping[str, str]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    is_recognised: bool = False

    @classmethod
    def from_dict(cls, spec: Mapping[str, Any]) -> FieldMapping:
        """The mapping that a plain dict (JSON) describes; every key is optional.

        Raises:
            MappingInvalid: names the key at fault.
        """
        for key in spec:
            if key not in KEYS:
                raise MappingInvalid(str(key), f"is not one of {', '.join(KEYS)}.")
        version = spec.get("version", VERSION)
        if type(version) is not int or version != VERSION:
            raise MappingInvalid("version", f"is {VERSION}, the only one there is.")
        columns = _all_columns(spec)
        if columns:
            _require_sign_rule(columns)
        mapping = cls(
            columns=MappingProxyType(columns),
            transformations=parsed_transformations(spec.get("transformations", {})),
            constants=MappingProxyType(_constants(spec.get("constants", {}))),
            date_format=_date_format(spec.get("date_format")),
            decimal=_choice("decimal", spec.get("decimal"), (".", ",")),
            separator=_separator(spec.get("separator")),
            encoding=_choice("encoding", spec.get("encoding"), ENCODINGS),
            sheet=_sheet(spec.get("sheet")),
            has_header=_flag("has_header", spec.get("has_header", True)),
            is_inverted=_flag("is_inverted", spec.get("is_inverted", False)),
            debit_words=_words("debit_words", spec.get("debit_words", DEBIT_WORDS)),
            credit_words=_words("credit_words", spec.get("credit_words", CREDIT_WORDS)),
            attributes=_attributes(spec.get("attributes")),
        )
        if not columns and not mapping.has_header:
            raise MappingInvalid("columns", "are needed where there is no header.")
        if both := set(mapping.debit_words) & set(mapping.credit_words):
            raise MappingInvalid("debit_words", f"{sorted(both)[0]} is in credit_words too.")
        return mapping

    @property
    def named_columns(self) -> frozenset[str]:
        """Every column name that the file must have."""
        mapped = {name for names in self.columns.values() for name in names}
        wanted = (mapped | set(self.attributes or ())) - self.made_columns
        return frozenset(wanted.union(*(one.reads for one in self.transformations.values())))

    @property
    def made_columns(self) -> frozenset[str]:
        """The columns that transformations make or change."""
        return frozenset(self.transformations)

    @property
    def number_columns(self) -> frozenset[str]:
        """The columns that transformations leave as plain digits with a decimal point."""
        made = self.transformations.items()
        return frozenset(column for column, one in made if one.makes_numbers)

    def names_after(self, names: Sequence[str]) -> list[str]:
        """The columns of a file once the transformations are done: its own, then new ones."""
        gone = {
            column
            for one in self.transformations.values()
            if one.is_rename
            for column in one.reads - self.made_columns
        }
        kept = [name for name in names if name not in gone]
        return kept + [name for name in self.transformations if name not in kept]

    @property
    def money_columns(self) -> frozenset[str]:
        """The columns that hold amounts."""
        return frozenset(name for one in VALUE_FIELDS for name in self.columns.get(one, ()))


def _all_columns(spec: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """`columns`, or the same parted into what identifies a line and what it is worth."""
    columns: dict[str, tuple[str, ...]] = {}
    for part, allowed in COLUMN_PARTS.items():
        for name, names in _columns(part, spec.get(part, {}), allowed).items():
            if name in columns:
                raise MappingInvalid(f"{part}.{name}", "is mapped twice.")
            columns[name] = names
    return columns


def _columns(part: str, value: object, allowed: Sequence[str]) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise MappingInvalid(part, "is an object of field: column name.")
    columns: dict[str, tuple[str, ...]] = {}
    for name, given in value.items():
        key = f"{part}.{name}"
        if name not in allowed:
            raise MappingInvalid(key, f"is not one of {', '.join(allowed)}.")
        columns[name] = _names(key, given)
        is_single = name not in ("amount", "narrative", "reference", "counterparty", "external_id")
        if is_single and len(columns[name]) > 1:
            raise MappingInvalid(key, "takes one column.")
    return columns


def _require_sign_rule(columns: Mapping[str, tuple[str, ...]]) -> None:
    """Signed: amount. Two columns: debit and credit. Indicator: amount and indicator."""
    if "booked_on" not in columns and "value_on" not in columns:
        raise MappingInvalid("columns.booked_on", "is missing, and so is value_on.")
    has_sides = "debit" in columns or "credit" in columns
    if has_sides and "amount" in columns:
        raise MappingInvalid("columns.amount", "cannot stand beside debit and credit.")
    if has_sides and not {"debit", "credit"} <= set(columns):
        raise MappingInvalid("columns.debit", "and credit are needed together.")
    if not has_sides and "amount" not in columns:
        raise MappingInvalid("columns.amount", "is missing, and so are debit and credit.")
    if has_sides and "indicator" in columns:
        raise MappingInvalid("columns.indicator", "cannot stand beside debit and credit.")


def _constants(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise MappingInvalid("constants", "is an object of field: value.")
    for name, given in value.items():
        if name not in CONSTANT_FIELDS:
            raise MappingInvalid(
                f"constants.{name}", f"is not one of {', '.join(CONSTANT_FIELDS)}."
            )
        if not isinstance(given, str) or not given:
            raise MappingInvalid(f"constants.{name}", "is a text that is not empty.")
    if "currency" in value and decimals_of(value["currency"]) is None:
        raise MappingInvalid("constants.currency", "is not an ISO 4217 currency code.")
    return dict(value)


def _names(key: str, value: object) -> tuple[str, ...]:
    """One column name or a list of them; without a header also a position."""
    given = value if isinstance(value, (list, tuple)) else [value]
    names: list[str] = []
    for name in given:
        text = str(name) if type(name) is int else name
        if not isinstance(text, str) or not text.strip():
            raise MappingInvalid(key, "is a column name, or a list of column names.")
        names.append(text)
    if not names:
        raise MappingInvalid(key, "is a column name, or a list of column names.")
    if len(set(names)) < len(names):
        raise MappingInvalid(key, "names a column twice.")
    return tuple(names)


def _choice(key: str, value: object, choices: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in choices:
        raise MappingInvalid(key, f"is one of {' '.join(choices)}")
    return value


def _separator(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != 1 or not value.isascii():
        raise MappingInvalid("separator", "is one character.")
    if value.isalnum() or value in "\"'\r\n.-+\0":
        raise MappingInvalid("separator", "is a character that cells may hold.")
    return value


def _sheet(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise MappingInvalid("sheet", "is the name of a sheet.")
    return value


def _date_format(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise MappingInvalid("date_format", "is a text such as %d.%m.%Y.")
    has_year = "%Y" in value or "%y" in value
    has_month = any(part in value for part in ("%m", "%b", "%B"))
    if not (has_year and has_month and "%d" in value):
        raise MappingInvalid("date_format", "needs a day (%d), a month (%m) and a year (%Y).")
    return value


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise MappingInvalid(key, "is true or false.")
    return value


def _words(key: str, value: object) -> tuple[str, ...]:
    return tuple(word.strip().casefold() for word in _names(key, value))


def _attributes(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    return _names("attributes", value) if value else ()
