"""Tables of text cells to lines: one set of rules for CSV, JSON records, XLSX, Parquet.

Everything is done column by column in polars. A row with a fault is rejected with the first
fault it has; the rest of the file is read on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from apps.ingestion.formats.amounts import decimals_of
from apps.ingestion.formats.contract import (
    LINE_SCHEMA,
    TEXT_FIELDS,
    Reading,
    Rejected,
    frame_of,
)
from apps.ingestion.formats.dates import dates_of, known_dates
from apps.ingestion.formats.errors import ColumnMissing, ForbiddenConstruct, MalformedFile
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.pending_rows import are_pending, pending_column, with_pending
from apps.ingestion.formats.running_balance import statements_of
from apps.ingestion.formats.sign_rules import FAULT, decimal_of, fault_column, signed_amounts
from apps.ingestion.formats.spare_columns import attributes_of
from apps.ingestion.formats.unmapped_accounts import require_own_account
from apps.ingestion.formats.unmapped_signs import require_mapped_signs

_SLICE_ROWS = 100_000
MAX_CELL_BYTES = 32_767  # as in a spreadsheet cell


@dataclass(frozen=True)
class Table:
    """Named text columns, the line of each row, and the lines that were no rows.

    Attributes:
        ragged: by line, the first cells of rows that have too many or too few of them.
        repeats: by name, the labels of the columns after the first that have this name too.
    """

    cells: pl.DataFrame
    lines: pl.Series
    rejected: tuple[Rejected, ...] = ()
    ragged: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    repeats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        cells: pl.DataFrame,
        lines: pl.Series,
        rejected: Iterable[Rejected] = (),
        ragged: Mapping[int, tuple[str, ...]] | None = None,
    ) -> Table:
        """A table whose columns get these names; blank and repeated names are told apart."""
        labels = _distinct(names)
        repeats: dict[str, tuple[str, ...]] = {}
        for name, label in zip(names, labels, strict=True):
            if name and name != label:
                repeats[name] = (*repeats.get(name, ()), label)
        named = cells.rename(dict(zip(cells.columns, labels, strict=True)))
        return cls(named, lines.alias("line"), tuple(rejected), ragged or {}, repeats)


def _distinct(names: Sequence[str]) -> list[str]:
    """The first column of a name keeps it; others are called by their position as well."""
    labels: list[str] = []
    for position, name in enumerate(names, start=1):
        label = name or f"column {position}"
        is_first = name and name not in labels
        while not is_first and (label in labels or label in names):
            label = f"{label} ({position})"
        labels.append(label)
    return labels


def require_storable(cells: pl.DataFrame) -> None:
    """Refuses text that no database keeps.

    Raises:
        ForbiddenConstruct: a NUL character.
    """
    if bool(
        cells.select(pl.any_horizontal(pl.all().str.contains("\0", literal=True)).any()).item()
    ):
        raise ForbiddenConstruct("There is a NUL character.")


def corrected(
    table: Table, corrections: Mapping[int, Mapping[str, str]]
) -> tuple[Table, dict[int, dict[str, str]]]:
    """The table with cells that people corrected, and what the file says in these lines.

    A line on which several rows stand is left as it is.
    """
    found: dict[int, dict[str, str]] = {}
    for line, texts in corrections.items():
        rows = table.lines.eq(line).arg_true()
        if len(rows) == 1:
            found[line] = table.cells.row(rows[0], named=True)
        elif line in table.ragged and not len(rows):
            found[line] = dict(zip(table.cells.columns, table.ragged[line], strict=True))
        else:
            continue
        table = _with_row(table, line, {**found[line], **texts})
    return table, found


def _require_one_word(table: Table, mapping: FieldMapping) -> None:
    """Columns of one name may stand side by side as long as they say the same.

    So does the currency beside the balance and beside the amount.

    Raises:
        MalformedFile: names the column and the first line on which they differ.
    """
    for name in sorted(mapping.named_columns & set(table.repeats)):
        for label in table.repeats[name]:
            differ = table.cells[name].str.strip_chars() != table.cells[label].str.strip_chars()
            if differ.any():
                line = table.lines.filter(differ)[0]
                raise MalformedFile(
                    "Two columns have the same name and say different things.",
                    line=line,
                    field=name,
                    remedy="Name them differently where the file comes from.",
                )


def _with_row(table: Table, line: int, texts: Mapping[str, str]) -> Table:
    """The table with another row on this line; one that its shape had kept out is let in."""
    before, after = table.lines < line, table.lines > line
    row = pl.DataFrame({name: [texts[name]] for name in table.cells.columns})
    number = pl.Series("line", [line], pl.Int64)
    return replace(
        table,
        cells=pl.concat([table.cells.filter(before), row, table.cells.filter(after)]),
        lines=pl.concat([table.lines.filter(before), number, table.lines.filter(after)]),
        rejected=tuple(one for one in table.rejected if one.line != line),
    )


def reading_of(
    format_name: str,
    table: Table,
    mapping: FieldMapping,
    conventions: Mapping[str, str],
) -> Reading:
    """The reading of a table.

    Raises:
        MalformedFile: two columns of one name that is asked for differ.
        ColumnMissing: no currency, neither as a column nor as a constant.
        AmbiguousNumbers, AmbiguousDates: two conventions fit and the mapping names none.
        AmbiguousSigns: a column that is not mapped seems to tell debits from credits.
        AmbiguousAccount: a column that is not mapped may hold one's own account or another's.
    """
    table, found = corrected(table, mapping.corrections)
    _require_one_word(table, mapping)
    table = _without_blank_rows(_transformed(table, mapping), mapping)
    require_mapped_signs(table.cells, mapping)
    require_own_account(table.cells, mapping)
    status = pending_column(table.cells, mapping)
    written = _Written.of(table.cells, mapping)
    rejected = list(table.rejected)
    slices = _slices(table)
    del table  # so that the cells of a slice go when its rows are made
    accepted, pending = [], [frame_of([])]
    while slices:
        cells, numbers = slices.popleft()
        rows, refused = _verdicts(_rows_of(cells, numbers, mapping, written))
        if status:
            is_pending = rows["line"].is_in(numbers.filter(are_pending(cells[status])).implode())
            pending.append(_as_lines(rows.filter(is_pending).with_columns(statement=0)))
            rows = rows.filter(~is_pending)
        # Columns in pieces of the same rows: others would all be copied later to make them so.
        accepted.append(rows.rechunk())
        rejected += refused
    lines, statements = statements_of(accepted, [one.line for one in rejected])
    left_out = pl.concat(pending)
    return Reading(
        format=format_name,
        lines=_as_lines(lines),
        statements=with_pending(statements, left_out),
        pending=left_out,
        rejected=tuple(sorted(rejected, key=lambda one: one.line)),
        conventions={
            **conventions,
            "decimal": written.decimal,
            "date_format": written.date_formats,
        },
        found=found,
    )


def _as_lines(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(kind) for name, kind in LINE_SCHEMA.items())


@dataclass(frozen=True)
class _Written:
    """How a table writes numbers and dates, told by all of it.

    Attributes:
        dates: `text` and `date`, as `known_dates` gives them.
    """

    decimal: str
    dates: pl.DataFrame
    date_formats: str

    @classmethod
    def of(cls, cells: pl.DataFrame, mapping: FieldMapping) -> _Written:
        texts = [cells[name].str.strip_chars() for name in _date_names(mapping).values()]
        dates, formats = known_dates(texts, mapping.date_format)
        return cls(decimal_of(cells, mapping), dates, formats)


def _slices(table: Table) -> deque[tuple[pl.DataFrame, pl.Series]]:
    """Cells and lines in slices of some ten thousand rows, as the cells lie in memory."""
    slices: deque[tuple[pl.DataFrame, pl.Series]] = deque()
    start = end = 0
    for length in table.cells.to_series(0).chunk_lengths():
        end += length
        if end - start >= _SLICE_ROWS:
            slices.append((table.cells[start:end], table.lines[start:end]))
            start = end
    if start < end or not slices:
        slices.append((table.cells[start:], table.lines[start:]))
    return slices


def _rows_of(
    cells: pl.DataFrame, lines: pl.Series, mapping: FieldMapping, written: _Written
) -> pl.DataFrame:
    """The fields of each row, and what is wrong in them."""
    fields = [
        lines.to_frame(),
        _size_faults(cells),
        _date_fields(cells, mapping, written.dates),
        signed_amounts(cells, mapping, written.decimal),
        _currency_field(cells, mapping),
        pl.DataFrame([_text(cells, mapping, name) for name in TEXT_FIELDS]),
        attributes_of(cells, mapping),
    ]
    rows = pl.concat(fields, how="horizontal")
    return rows.with_columns(_currency_fault().alias(fault_column("currency")))


def _transformed(table: Table, mapping: FieldMapping) -> Table:
    """The table with the columns that transformations make; a row that one fails on is rejected."""
    if not mapping.transformations:
        return table
    is_filled = pl.any_horizontal(pl.all().str.strip_chars() != "")
    kept = table.cells.select(is_filled.alias("kept"))["kept"]
    cells, lines = table.cells.filter(kept), table.lines.filter(kept)
    outcomes = {name: one.apply(cells) for name, one in mapping.transformations.items()}
    made = pl.DataFrame(
        [
            outcomes[name].texts.alias(name) if name in outcomes else cells[name]
            for name in mapping.names_after(cells.columns)
        ]
    )
    is_good = pl.repeat(True, cells.height, eager=True)
    rejected = list(table.rejected)
    for name, outcome in outcomes.items():
        if outcome.faults is not None:
            failed = is_good & outcome.faults.is_not_null()
            places = zip(lines.filter(failed), outcome.faults.filter(failed), strict=True)
            rejected += [Rejected(line, name, reason) for line, reason in places]
            is_good &= ~failed
    return Table(made.filter(is_good), lines.filter(is_good), tuple(rejected))


def _without_blank_rows(table: Table, mapping: FieldMapping) -> Table:
    """Rows of blanks are layout, not lines; to be blank a row must lack its date."""
    date_column = (mapping.columns.get("booked_on") or mapping.columns["value_on"])[0]
    if not bool((table.cells[date_column].str.strip_chars() == "").any()):
        return table
    is_filled = pl.any_horizontal(pl.all().str.strip_chars() != "")
    kept = table.cells.select(is_filled.alias("kept"))["kept"]
    return Table(table.cells.filter(kept), table.lines.filter(kept), table.rejected)


def _size_faults(cells: pl.DataFrame) -> pl.DataFrame:
    is_long = pl.any_horizontal(pl.all().str.len_bytes() > MAX_CELL_BYTES)
    reason = pl.lit(f"A cell is longer than {MAX_CELL_BYTES} bytes; shorten it.")
    return cells.select(pl.when(is_long).then(reason).alias(fault_column("")))


def _date_names(mapping: FieldMapping) -> dict[str, str]:
    """The date fields that the table has, with the columns that they are in."""
    names = ("booked_on", "value_on")
    return {name: mapping.columns[name][0] for name in names if name in mapping.columns}


def _date_fields(cells: pl.DataFrame, mapping: FieldMapping, known: pl.DataFrame) -> pl.DataFrame:
    """booked_on and value_on with their faults; a file with one kind of date books by it."""
    names = _date_names(mapping)
    texts = {name: cells[column].str.strip_chars() for name, column in names.items()}
    dates = {name: dates_of(text, known) for name, text in texts.items()}
    value_on = dates.get("value_on", pl.repeat(None, cells.height, dtype=pl.Date, eager=True))
    frame = pl.DataFrame({"booked_on": next(iter(dates.values())), "value_on": value_on})
    for position, name in enumerate(names):
        columns = pl.DataFrame({"text": texts[name], "date": dates[name]})
        fault = columns.select(_date_fault(is_needed=position == 0).alias(fault_column(name)))
        frame = frame.hstack(fault)
    return frame


def _date_fault(*, is_needed: bool) -> pl.Expr:
    is_blank = pl.col("text") == ""
    missing = pl.lit("The date is missing; every line needs one." if is_needed else None)
    unreadable = pl.lit("This is not a date written like the others; write it as 2026-12-31.")
    return pl.when(is_blank).then(missing).when(pl.col("date").is_null()).then(unreadable)


def _currency_field(cells: pl.DataFrame, mapping: FieldMapping) -> pl.DataFrame:
    """`currency` of each row, its own or else the mapping's constant, and its `decimals`."""
    constant = mapping.constants.get("currency", "")
    if "currency" in mapping.columns:
        text = cells[mapping.columns["currency"][0]].str.strip_chars().str.to_uppercase()
        codes = _filled(text, constant).to_frame("currency")
    elif constant:
        codes = pl.DataFrame({"currency": pl.repeat(constant, cells.height, eager=True)})
    else:
        raise ColumnMissing(
            "There is no column for the currency.",
            field="currency",
            remedy="State the currency as a constant in the field mapping of the source.",
        )
    known = codes.unique().with_columns(
        decimals=pl.col("currency").map_elements(decimals_of, return_dtype=pl.Int64)
    )
    return codes.join(known, on="currency", how="left", maintain_order="left")


def _currency_fault() -> pl.Expr:
    """Unknown currencies, and amounts with more decimals than their currency has."""
    step = pl.lit(10, pl.Int64).pow(4 - pl.col("decimals"))
    unknown = pl.lit("The currency is missing or not an ISO 4217 code such as EUR.")
    too_fine = pl.concat_str(
        pl.lit("The amount has more decimals than "),
        "currency",
        pl.lit(" has; round it where it comes from."),
    )
    return (
        pl.when(pl.col("decimals").is_null())
        .then(unknown)
        .when(pl.col("amount") % step != 0)
        .then(too_fine)
    )


def _text(cells: pl.DataFrame, mapping: FieldMapping, field: str) -> pl.Series:
    """A text field: its columns joined with a blank, or the constant, or ''.

    Columns are taken by name from the frame, never by `pl.col`, to which "*" or "^x$" are
    patterns.
    """
    names = mapping.columns.get(field, ())
    joined = pl.repeat("", cells.height, eager=True)
    if names:
        joined = cells[names[0]].str.strip_chars()
    for name in names[1:]:
        joined = (joined + " " + cells[name].str.strip_chars()).str.strip_chars()
    return _filled(joined, mapping.constants.get(field, "")).alias(field)


def _filled(texts: pl.Series, constant: str) -> pl.Series:
    if not constant:
        return texts
    return texts.zip_with(texts != "", pl.repeat(constant, len(texts), eager=True))


def _verdicts(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Rejected]]:
    """The rows without a fault, and for each of the others its first fault."""
    columns = [name for name in rows.columns if name.startswith(FAULT)]
    faults = [name for name in columns if not rows[name].is_null().all()]
    if not faults:  # as nearly always
        return rows.drop(columns), []
    fields = [
        pl.when(pl.col(name).is_not_null()).then(pl.lit(name.removeprefix(FAULT)))
        for name in faults
    ]
    judged = rows.with_columns(reason=pl.coalesce(faults), field=pl.coalesce(fields))
    bad = judged.filter(pl.col("reason").is_not_null()).select("line", "field", "reason")
    good = judged.filter(pl.col("reason").is_null()).drop(*columns, "reason", "field")
    return good, [Rejected(*row) for row in bad.iter_rows()]
