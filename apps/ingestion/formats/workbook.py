"""An Excel workbook that is safe to open: measured before the reader sees it.

A workbook is a zip archive of XML. It is unpacked here within bounds and packed again, so that
the reader gets exactly the bytes that were measured: archives that unfold to gigabytes, XML with
entities, and sheets whose two cells stand a million rows and columns apart are refused.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from apps.ingestion.formats.errors import (
    ColumnMissing,
    FileTooLarge,
    ForbiddenConstruct,
    MalformedFile,
)
from apps.ingestion.formats.xml_stream import require_harmless

Cell = str | float | bool | date | datetime | time | timedelta
MAX_UNPACKED_BYTES = 400_000_000
MAX_CELLS = 12_000_000  # of a sheet's rectangle, blank ones included
_MAX_PARTS = 2_000
_PARTS = (".xml", ".rels")
_SHEET = b"sheetData"
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PLACE = re.compile(rb"(?<![\w:.-])r\s*=\s*[\"']([^\"']*)[\"']")
_TEXT_COUNT = re.compile(rb"uniqueCount\s*=\s*[\"']\s*([0-9]+)")
_REFERENCE = re.compile(rb"([A-Za-z]{0,3})([0-9]{1,7})")
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_ROW = re.compile(rb"<(?:\w+:)?row\b")
_CELL = re.compile(rb"<(?:\w+:)?c\b")
# Cells that hold an error such as #REF! are read as that text, not as blanks.
_ERROR_CELL = re.compile(rb"\bt\s*=\s*([\"'])e\1")
# A cell with a formula, and what its value was when the workbook was saved.
_FORMULA_CELL = re.compile(
    rb"(<(?:\w+:)?c\b)([^>]*)>\s*<(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f\s*>)\s*"
    rb"(?:<(?:\w+:)?v\b[^>]*(?:/>|>([^<]*)</(?:\w+:)?v\s*>))?\s*(</(?:\w+:)?c\s*>)"
)
_OTHER_THAN_A_NUMBER = re.compile(rb"\bt\s*=\s*[\"'](?!n[\"'])")
_TO_BE_CALCULATED = re.compile(rb"\bfullCalcOnLoad\s*=\s*[\"'](?:1|true)[\"']")
UNCALCULATED = "formula without a value"  # instead of a cell's value that nobody calculated


def workbook_of(content: bytes) -> CalamineWorkbook:
    """The workbook.

    Raises:
        MalformedFile: no workbook, cut off or damaged.
        ForbiddenConstruct: encrypted, or XML with a document type.
        FileTooLarge: more cells or bytes than are read at once.
    """
    parts = _parts_of(content)
    if not any(name.lower().endswith("workbook.xml") for name in parts):
        raise MalformedFile(
            "The archive is no Excel workbook.", remedy="Save it as .xlsx and send it again."
        )
    nothing = _values_that_are_none(parts)
    for name, xml in parts.items():
        require_harmless(xml)
        if b"\0" in xml:  # the reader would find nothing in it, and say nothing
            raise MalformedFile(
                "A part of the workbook is not in UTF-8.",
                remedy="Open it in a spreadsheet, save it as .xlsx and send it again.",
            )
        _require_true_counts(xml)
        if _SHEET in xml:  # wherever it lies: the workbook says which parts are its sheets
            _require_dense(xml)
            told = _ERROR_CELL.sub(b't="str"', xml)
            parts[name] = _FORMULA_CELL.sub(partial(_calculated, nothing=nothing), told)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, xml in parts.items():
            archive.writestr(name, xml)
    try:
        packed.seek(0)
        return CalamineWorkbook.from_filelike(packed)
    except CalamineError:
        raise _damaged() from None


def _values_that_are_none(parts: Mapping[str, bytes]) -> tuple[bytes, ...]:
    """What stands as the value of a formula before a spreadsheet has calculated it.

    Programs that write workbooks write nothing, or a zero and that all is to be calculated.
    """
    is_unfinished = any(
        _TO_BE_CALCULATED.search(xml)
        for name, xml in parts.items()
        if name.lower().endswith("workbook.xml")
    )
    return (b"", b"0") if is_unfinished else (b"",)


def _calculated(cell: re.Match[bytes], nothing: Sequence[bytes]) -> bytes:
    """The cell as it is, or with the text UNCALCULATED; the reader would take it for a zero."""
    start, attributes, value, end = cell.groups()
    if _OTHER_THAN_A_NUMBER.search(attributes) or (value or b"").strip() not in nothing:
        return cell.group()
    kept = re.sub(rb"\bt\s*=\s*([\"'])n\1", b"", attributes)
    prefix = start[1:-1]
    text = b"<" + prefix + b"v>" + UNCALCULATED.encode() + b"</" + prefix + b"v>"
    return start + kept + b' t="str">' + text + end


def sheets_of(workbook: CalamineWorkbook, name: str | None) -> list[CalamineSheet]:
    """The sheet with this name, or all that are not hidden, in their order.

    Raises:
        ColumnMissing: there is no such sheet; the name comes from the mapping.
        MalformedFile: a sheet is damaged.
    """
    if name is not None and name not in workbook.sheet_names:
        raise ColumnMissing(
            "The workbook has no sheet that the field mapping names.",
            field="sheet",
            remedy="Correct the sheet in the field mapping of the source.",
        )
    wanted = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if name == sheet.name or (name is None and sheet.visible == SheetVisibleEnum.Visible)
    ]
    try:
        return [workbook.get_sheet_by_name(one) for one in wanted]
    except CalamineError:
        raise _damaged() from None


def rows_of(sheet: CalamineSheet) -> Iterator[tuple[int, Sequence[Cell]]]:
    """Each row with its number, from the first row of the sheet on.

    Raises:
        MalformedFile: a cell holds what its own format cannot stand for, such as a time of day
            beyond all calendars. The reader panics there, with a class that has no public name.
    """
    try:
        yield from enumerate(sheet.iter_rows(), start=1)
    except OverflowError:
        raise _damaged() from None
    except BaseException as fault:
        if type(fault).__name__ == "PanicException":
            raise _damaged() from None
        raise


def _damaged() -> MalformedFile:
    return MalformedFile("The workbook is damaged.")


def _parts_of(content: bytes) -> dict[str, bytes]:
    """The XML parts by name; pictures, macros and the like are left where they are."""
    parts: dict[str, bytes] = {}
    left = MAX_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > _MAX_PARTS:
                raise FileTooLarge(f"The workbook has more than {_MAX_PARTS} parts.")
            for entry in entries:
                if not entry.filename.lower().endswith(_PARTS):
                    continue
                _require_plain(entry, parts)
                with archive.open(entry) as part:
                    parts[entry.filename] = part.read(left + 1)
                left -= len(parts[entry.filename])
                if left < 0:
                    raise FileTooLarge(
                        f"The workbook unfolds to more than {MAX_UNPACKED_BYTES} bytes."
                    )
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
        raise MalformedFile("The workbook is cut off or damaged.") from None
    return parts


def _require_plain(entry: zipfile.ZipInfo, parts: dict[str, bytes]) -> None:
    if entry.flag_bits & 1:
        raise ForbiddenConstruct("The workbook is encrypted.")
    if entry.compress_type not in _PACKINGS:
        raise ForbiddenConstruct("The workbook is packed in a way that no spreadsheet uses.")
    if entry.filename in parts:
        raise ForbiddenConstruct("The workbook has a part twice.")


def _require_true_counts(xml: bytes) -> None:
    """Refuses a part that says it has more texts than it has room for.

    The reader asks for memory for as many as it says.
    """
    for match in _TEXT_COUNT.finditer(xml):
        if int(match.group(1)[:20]) > len(xml) // len(b"<si/>"):
            raise _damaged()


def _require_dense(xml: bytes) -> None:
    """Refuses a sheet whose rectangle of cells is out of proportion, or that has cells outside.

    Cells without a place follow one another; the most that stand in one row widen the rectangle.
    The reader takes any place for a number and asks for as much memory, with which it ends the
    process; so whatever is no place on a sheet is refused here.
    """
    columns: set[bytes] = set()
    rows = placed = 0
    for match in _PLACE.finditer(xml):
        place = _REFERENCE.fullmatch(match.group(1))
        if place is None or not 1 <= int(place.group(2)) <= _LAST_ROW:
            raise _nowhere(match.group(1))
        if place.group(1):
            columns.add(place.group(1))
            placed += 1
        rows = max(rows, int(place.group(2)))
    last = max(columns, key=_column_number, default=b"")
    width = _column_number(last)
    if width > _LAST_COLUMN:
        raise _nowhere(last)
    if len(_CELL.findall(xml)) > placed:
        pieces = _ROW.split(xml)
        width += max(len(_CELL.findall(piece)) for piece in pieces)
        rows += len(pieces)
    if rows * width > MAX_CELLS:
        raise FileTooLarge(f"A sheet spans more than {MAX_CELLS} cells, most of them blank.")


def _nowhere(place: bytes) -> MalformedFile:
    shown = place[:20].decode(errors="replace")
    return MalformedFile(
        f"A cell stands at “{shown}”, which is no place on a sheet.",
        remedy="Open the workbook in a spreadsheet, save it as .xlsx and send it again.",
    )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
