"""FEC, the file of accounting entries that French law asks for (article A47 A-1 LPF).

Text with tabs or bars between 18 columns or more, dates as 20261231, decimal comma, debit and
credit or an amount with its side. Lines are ledger lines: the account is the ledger account and
**debits are positive**, as in a table of the company's own books that is read with `is_inverted`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

import polars as pl

from apps.ingestion.formats.contract import Proof, Reading
from apps.ingestion.formats.delimited import table_of
from apps.ingestion.formats.dialect import Layout
from apps.ingestion.formats.errors import ColumnMissing, MalformedFile
from apps.ingestion.formats.headers import normalised
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.sign_rules import DEBIT_POSITIVE
from apps.ingestion.formats.table_header import Header
from apps.ingestion.formats.tabular import Table, corrected, reading_of
from apps.ingestion.formats.text import utf8_text

Texts = Mapping[str, str]

CURRENCY = "EUR"  # of French books by law; the mapping may state the franc of a territory
_SEPARATORS = ("\t", "|")
_NEEDED = ("journalcode", "ecriturenum", "ecrituredate", "comptenum")
# Field -> columns, by normalised name; those that are not needed may be missing.
_COLUMNS = {
    "external_id": ("journalcode", "ecriturenum"),
    "account": ("comptenum",),
    "booked_on": ("ecrituredate",),
    "reference": ("pieceref",),
    "counterparty": ("compauxlib",),
    "narrative": ("ecriturelib",),
}
_NEGATIVE = r"^\s*[-\u2212]"
_NOTHING = r"^[0.,\s]*$"
_KNOWN = re.compile(rb"(?:^|[\t|])\"?journalcode\"?[\t|]", re.IGNORECASE)


class Fec:
    """French accounting entries files."""

    name = "fec"
    title = "FEC (fichier des écritures comptables)"
    max_bytes = 1_500_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """A first line with the column JournalCode between separators of the law."""
        text = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").replace(b"\0", b"")
        return _KNOWN.search(text.split(b"\n", 1)[0]) is not None

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`; of the mapping, encoding, currency and corrections count."""
        text, encoding = utf8_text(content, mapping.encoding)
        currency = mapping.constants.get("currency", CURRENCY)
        layout = _layout_of(text, currency, mapping.corrections)
        chosen = replace(layout.header.mapping, corrections={})
        table, found = corrected(table_of(text, layout), mapping.corrections)
        entries = _entries(table, chosen, found)
        table = _with_positive_sides(table, chosen)
        conventions = {
            "encoding": encoding,
            "separator": layout.separator,
            "sign": DEBIT_POSITIVE,
        }
        reading = reading_of(self.name, table, chosen, conventions)
        proofs = {line: _proof(reading, entry, line) for line, entry in entries.items()}
        return _with_balance_note(replace(reading, found=found, proofs=proofs))


def _entries(table: Table, mapping: FieldMapping, lines: Collection[int]) -> dict[int, list[int]]:
    """For each corrected line, the lines of its entry."""
    if not lines:
        return {}
    names = mapping.columns["external_id"]
    keys = list(zip(*(table.cells[name].str.strip_chars() for name in names), strict=True))
    numbers = table.lines.to_list()
    found = {}
    for line in lines:
        entry = keys[numbers.index(line)]
        found[line] = [number for number, key in zip(numbers, keys, strict=True) if key == entry]
    return found


def _proof(reading: Reading, entry: list[int], line: int) -> Proof:
    """What is missing for the entry to balance, and which of its other lines cannot be read."""
    total = reading.lines.filter(pl.col("line").is_in(entry))["amount"].sum()
    members = set(entry) - {line}
    rejected = sorted(one.line for one in reading.rejected if one.line in members)
    return Proof(-int(total), tuple(rejected))


def _layout_of(text: bytes, currency: str, corrections: Mapping[int, Texts]) -> Layout:
    """Separator, columns and mapping, from the first line.

    Raises:
        ColumnMissing: a column that the law asks for.
        MalformedFile: a column is there twice.
    """
    first_line = text.split(b"\n", 1)[0].decode("utf-8").strip("\r")
    separator = max(_SEPARATORS, key=first_line.count)
    names = [name.strip().strip('"') for name in first_line.split(separator)]
    known = {normalised(name): name for name in names}
    if len(known) < len(names):
        raise MalformedFile("Two columns have the same name.", line=1)
    sides = ("debit", "credit") if "debit" in known else ("montant", "sens")
    for name in (*_NEEDED, *sides):
        if name not in known:
            raise ColumnMissing("A column of the FEC is missing.", line=1, field=name)
    columns = {
        field: tuple(known[name] for name in wanted)
        for field, wanted in _COLUMNS.items()
        if set(wanted) <= set(known)
    }
    fields = ("debit", "credit") if "debit" in known else ("amount", "indicator")
    columns |= {field: (known[name],) for field, name in zip(fields, sides, strict=True)}
    chosen = replace(_mapping(columns, currency), corrections=corrections)
    return Layout(separator, Header(tuple(names), 2, chosen))


def _mapping(columns: Mapping[str, tuple[str, ...]], currency: str) -> FieldMapping:
    return FieldMapping(
        columns=MappingProxyType(dict(columns)),
        constants=MappingProxyType({"currency": currency}),
        date_format="%Y%m%d",
        is_inverted=True,
        debit_words=("d",),
        credit_words=("c",),
    )


def _with_positive_sides(table: Table, mapping: FieldMapping) -> Table:
    """A negative debit is a credit and the other way round, where the other side is nothing."""
    if "debit" not in mapping.columns:
        return table
    debit, credit = (table.cells[mapping.columns[name][0]] for name in ("debit", "credit"))
    sides = pl.DataFrame({"debit": debit, "credit": credit})
    moved = sides.select(_side("debit", "credit"), _side("credit", "debit"))
    cells = table.cells.with_columns(
        moved["debit"].alias(debit.name), moved["credit"].alias(credit.name)
    )
    return replace(table, cells=cells)


def _side(own: str, other: str) -> pl.Expr:
    """The text of one side after what is negative has changed sides."""

    def changes(name: str, beside: str) -> pl.Expr:
        return pl.col(name).str.contains(_NEGATIVE) & pl.col(beside).str.contains(_NOTHING)

    return (
        pl.when(changes(own, other))
        .then(pl.lit(""))
        .when(changes(other, own))
        .then(pl.col(other).str.replace(_NEGATIVE, ""))
        .otherwise(pl.col(own))
        .alias(own)
    )


def _with_balance_note(reading: Reading) -> Reading:
    """Counts the entries whose debits and credits differ, beside the last account."""
    if not reading.statements:
        return reading
    sums = reading.lines.group_by("external_id").agg(pl.col("amount").cast(pl.Int128).sum())
    unbalanced = int((sums["amount"] != 0).sum())
    if not unbalanced:
        return reading
    note = f"Entries whose debits and credits differ: {unbalanced}."
    *others, last = reading.statements
    return replace(reading, statements=(*others, replace(last, notes=(*last.notes, note))))
