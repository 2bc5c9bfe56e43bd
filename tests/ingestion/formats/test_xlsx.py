"""Excel workbooks: sheets, numbers to the cent, dates, and archives that attack the reader."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import date, datetime

import pytest
import xlsxwriter

from apps.ingestion.formats import FieldMapping, MappingInvalid, Reading, identify, read, workbook
from apps.ingestion.formats.errors import (
    AmbiguousNumbers,
    ColumnMissing,
    FileTooLarge,
    ForbiddenConstruct,
    MalformedFile,
    SeveralTables,
    UnknownFormat,
    WrongEncoding,
)
from tests.ingestion.formats import workbooks
from tests.ingestion.formats.documents import sample
from tests.ingestion.formats.workbooks import HEADER, inline, packed, parts_of, with_sheet

ROW = ("2026-04-07", -4.5, "EUR", "x")
SHEET = "xl/worksheets/sheet1.xml"


def read_xlsx(content: bytes, **spec: object) -> Reading:
    mapping = FieldMapping.from_dict(spec) if spec else None
    return read(content, filename="lines.xlsx", format="xlsx", mapping=mapping)


def read_rows(*rows: tuple[object, ...], **spec: object) -> Reading:
    return read_xlsx(workbooks.workbook([HEADER, *rows]), **spec)


def amounts_of(*numbers: object, **spec: object) -> list[int]:
    reading = read_rows(*[("2026-04-07", number, "EUR", "") for number in numbers], **spec)
    assert reading.rejected == ()
    return reading.lines["amount"].to_list()


def test_lines_are_rows_of_the_sheet_with_a_table():
    reading = read(sample("xlsx/own_german_books.xlsx"), filename="x")

    assert reading.lines["line"].to_list() == [5, 6, 7, 8, 10]
    assert reading.lines["booked_on"].to_list()[:2] == [date(2026, 4, 7)] * 2
    assert json.loads(reading.lines["attributes"][2]) == {
        "Kundennummer": "007",
        "Saldo": "8745.75",
    }
    assert reading.conventions == {
        "sheet": "Lines",
        "numbers": "15 significant digits",
        "decimal": ".",
        "date_format": "%Y-%m-%d",
    }


class TestSheets:
    def test_one_that_the_mapping_names(self):
        content = workbooks.workbook([HEADER, ROW], before={"May": [HEADER, ROW, ROW]})

        assert read_xlsx(content, sheet="May").lines.height == 2
        assert read_xlsx(content, sheet="Lines").lines.height == 1

    def test_of_several_with_a_table_none_is_chosen(self):
        content = workbooks.workbook([HEADER, ROW], before={"May": [HEADER, ROW, ROW]})

        with pytest.raises(SeveralTables, match="2 sheets: 'May', 'Lines'") as refused:
            read_xlsx(content)

        assert "`sheet`" in refused.value.remedy

    @pytest.mark.parametrize("other", [[], [HEADER], [["Total", "3"]], [HEADER, ["", None]]])
    def test_one_that_has_no_rows_of_a_table_is_no_obstacle(self, other):
        content = workbooks.workbook([HEADER, ROW], before={"May": other})

        reading = read_xlsx(content)

        assert (reading.conventions["sheet"], reading.lines.height) == ("Lines", 1)

    def test_a_table_without_rows_is_one_if_there_is_no_other(self):
        reading = read_xlsx(workbooks.workbook([HEADER], before={"May": [["Total", "3"]]}))

        assert (reading.conventions["sheet"], reading.lines.height) == ("Lines", 0)

    def test_a_hidden_one_is_read_only_by_name(self):
        content = workbooks.workbook(
            [HEADER, ROW], before={"Old": [HEADER, ROW, ROW]}, hidden=["Old"]
        )

        assert read_xlsx(content).lines.height == 1
        assert read_xlsx(content, sheet="Old").lines.height == 2

    def test_one_that_is_not_there_is_refused(self):
        with pytest.raises(ColumnMissing) as refused:
            read_rows(ROW, sheet="June")

        assert refused.value.field == "sheet"

    @pytest.mark.parametrize(
        ("rows", "spec", "field"),
        [
            ([("Nothing", "here")], {}, ""),
            ([HEADER, ROW], {"columns": {"booked_on": "Day", "amount": "Amount"}}, "Day"),
            ([], {"columns": {"booked_on": "Day", "amount": "Day"}}, "Day"),
        ],
    )
    def test_a_workbook_without_the_columns_is_refused(self, rows, spec, field):
        with pytest.raises(ColumnMissing) as refused:
            read_xlsx(workbooks.workbook(rows), **spec)

        assert refused.value.field == field

    def test_without_a_header_columns_are_positions(self):
        columns = {"booked_on": 1, "amount": 2, "currency": 3}

        reading = read_xlsx(workbooks.workbook([ROW], top=4), columns=columns, has_header=False)

        assert reading.lines.select("line", "amount").rows() == [(5, -45_000)]

    def test_a_header_alone_is_an_empty_reading(self):
        reading = read_rows()

        assert (reading.lines.height, reading.statements, reading.rejected) == (0, (), ())

    def test_too_many_columns_are_refused(self):
        with pytest.raises(FileTooLarge):
            read_xlsx(workbooks.workbook([(*HEADER, *range(600)), ROW]))

    def test_two_columns_of_one_name_are_refused(self):
        with pytest.raises(MalformedFile, match="same name"):
            read_xlsx(workbooks.workbook([(*HEADER, "Amount"), ROW]))


class TestNumbers:
    @pytest.mark.parametrize(
        ("number", "units"),
        [
            (0.1, 1_000),
            (-0.0, 0),
            (0.1 + 0.2, 3_000),
            (1.1 * 3, 33_000),
            (4.35 * 100, 4_350_000),
            (1e13, 10**17),
            (99_999_999_999_999, 99_999_999_999_999 * 10_000),
            (1_234_567_890_123.45, 12_345_678_901_234_500),
            (1_234.5, 12_345_000),
            ("1234.50", 12_345_000),
            ("0.30000000000000004", 3_000),
        ],
    )
    def test_are_read_to_the_last_digit(self, number, units):
        sheet = inline(*HEADER) + inline("2026-04-07", "1", "EUR", "x")

        reading = read_xlsx(with_sheet(sheet.replace(">1<", f">{number}<")))

        assert reading.lines["amount"].to_list() == [units]

    @pytest.mark.parametrize(
        ("number", "words"),
        [
            ("99999999999999.99", "more than four decimals"),
            ("12345678901.23456", "more than four decimals"),
            ("1234567890123.456", "more than four decimals"),
            ("0.00001", "more than four decimals"),
            ("1e-7", "more than four decimals"),
            ("0.001", "more decimals than EUR"),
            ("100000000000000", "more than 14 digits"),
            ("1e300", "more than 14 digits"),
        ],
    )
    def test_that_a_spreadsheet_cannot_hold_are_rejected(self, number, words):
        row = inline("2026-04-07", "1", "EUR", "x")

        reading = read_xlsx(with_sheet(inline(*HEADER) + row + row.replace(">1<", f">{number}<")))

        ((line, reason),) = [(one.line, one.reason) for one in reading.rejected]
        assert line == 3
        assert words in reason

    def test_cells_with_errors_are_rejected(self):
        rows = inline(*HEADER) + inline("2026-04-07", "1", "EUR", "x")
        content = with_sheet(rows.replace("<c><v>1</v>", '<c t="e"><v>#DIV/0!</v>'))

        assert [(one.line, one.field) for one in read_xlsx(content).rejected] == [(2, "amount")]

    def test_beside_texts_follow_their_convention(self):
        assert amounts_of(1.234e3, "1.234,50", decimal=",") == [12_340_000, 12_345_000]
        assert amounts_of(2.5, "1,234.50") == [25_000, 12_345_000]
        assert amounts_of(7, "1.234,50") == [70_000, 12_345_000]

    def test_beside_texts_of_another_convention_are_refused(self):
        with pytest.raises(AmbiguousNumbers):
            amounts_of(1.5, "1.234,50")
        with pytest.raises(AmbiguousNumbers):
            amounts_of(1.125, "1.234,50")

    def test_alone_have_a_decimal_point_whatever_the_mapping_says(self):
        assert amounts_of(1.5, decimal=",") == [15_000]


class TestDates:
    def test_cells_that_are_dates(self):
        rows = [(datetime(2026, 4, 7), 1, "EUR"), (datetime(2026, 4, 7, 23, 59, 59), 1, "EUR")]

        assert read_rows(*rows).lines["booked_on"].to_list() == [date(2026, 4, 7)] * 2

    def test_a_number_is_no_date(self):
        reading = read_rows(ROW, (46119, 1, "EUR", ""))

        assert [(one.line, one.field) for one in reading.rejected] == [(3, "booked_on")]

    @pytest.mark.parametrize("number", [b"1e300", b"-1e300", b"1e12", b"1e10"])
    def test_a_time_beyond_all_calendars_is_refused(self, number):
        parts = parts_of(workbooks.workbook([HEADER, (datetime(2026, 4, 7), 1, "EUR", "")]))
        parts["xl/styles.xml"] = parts["xl/styles.xml"].replace(b"dd.mm.yyyy hh:mm", b"[h]:mm")
        parts[SHEET] = parts[SHEET].replace(b"<v>46119</v>", b"<v>%s</v>" % number)

        with pytest.raises(MalformedFile, match="damaged"):
            read_xlsx(packed(parts))

    def test_texts_follow_the_rules_of_texts(self):
        assert read_rows(("30.04.2026", 1, "EUR", "")).lines["booked_on"].to_list() == [
            date(2026, 4, 30)
        ]


def zip_with(changes: dict[str, bytes], **how: int) -> bytes:
    return packed({**parts_of(workbooks.workbook([HEADER, ROW])), **changes}, **how)


class TestHostileArchives:
    @pytest.mark.parametrize(
        "content",
        [
            b"PK\x03\x04 xl/",
            packed({"word/document.xml": b"<w/>"}),
            packed({"xl/workbook.xml": b"<workbook>"}),
            zip_with({SHEET: b"<worksheet><sheetData><row>"}),
            zip_with({SHEET: b""}),
            zip_with({"xl/sharedStrings.xml": b"<sst><si>"}),
            zip_with({}).replace(b"sheet1", b"sheet9", 1),
        ],
    )
    def test_what_is_no_sound_workbook_is_refused(self, content):
        with pytest.raises((MalformedFile, WrongEncoding)):
            read(content, filename="x.xlsx", format="xlsx")

    def test_a_damaged_part_is_refused(self):
        content = bytearray(zip_with({}, packing=zipfile.ZIP_STORED))
        content[content.index(b"<sheetData")] ^= 1

        with pytest.raises(MalformedFile):
            read_xlsx(bytes(content))

    @pytest.mark.parametrize(
        "part", [b'<!DOCTYPE x [<!ENTITY a "b">]>', "<!DOCTYPE x>".encode("utf-16-le")]
    )
    def test_document_types_are_refused(self, part):
        with pytest.raises(ForbiddenConstruct):
            read_xlsx(zip_with({"xl/sharedStrings.xml": b"<sst/>" + part}))

    def test_packings_that_no_spreadsheet_uses_are_refused(self):
        with pytest.raises(ForbiddenConstruct, match="packed"):
            read_xlsx(zip_with({}, packing=zipfile.ZIP_LZMA))

    def test_an_encrypted_part_is_refused(self):
        content = bytearray(zip_with({}))
        for start, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            content[content.index(start) + place] |= 1

        with pytest.raises(ForbiddenConstruct, match="encrypted"):
            read_xlsx(bytes(content))

    def test_a_part_that_is_there_twice_is_refused(self):
        target = io.BytesIO(zip_with({}))
        with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(target, "a") as archive:
            archive.writestr(SHEET, b"<worksheet/>")

        with pytest.raises(ForbiddenConstruct, match="twice"):
            read_xlsx(target.getvalue())

    def test_a_bomb_is_refused_while_it_unfolds(self, monkeypatch):
        monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 1_000_000)
        content = zip_with({"xl/styles.xml": b" " * 50_000_000})
        assert len(content) < 100_000

        with pytest.raises(FileTooLarge, match="unfolds"):
            read_xlsx(content)

    def test_a_bomb_of_parts_is_refused(self):
        parts = {f"xl/part{number}.xml": b"<x/>" for number in range(2_001)}

        with pytest.raises(FileTooLarge, match="parts"):
            read_xlsx(zip_with(parts))

    @pytest.mark.parametrize(
        "rows",
        [
            '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"/></row>',
            "<row><c r='A1'/><c r = 'xfd9'/></row><row r='1000000'><c r='a1000000'/></row>",
            f"<row>{'<c/>' * 100}</row><row r='1000000'><c/></row>",
        ],
    )
    def test_two_cells_far_apart_are_refused(self, rows):
        with pytest.raises(FileTooLarge, match="spans"):
            read_xlsx(with_sheet(rows))

    @pytest.mark.parametrize("where", [SHEET, "xl/elsewhere.xml"])
    @pytest.mark.parametrize(
        "place",
        [
            "B0",
            "B1048577",
            "B99999999",
            "XFD01048576",
            "XFE2",
            "ZZZZZZZ2",
            "B" + 30 * "9",
            "$B$2",
            "2B",
            "",
            "B2:XFD1048576",
            "XFD&#49;048576",
        ],
    )
    def test_a_cell_at_no_place_of_a_sheet_is_refused(self, place, where):
        """The reader would ask for memory up to there, and end the process."""
        rows = f'<row><c r="A1"/></row><row r="2"><c r="{place}"/></row>'
        sound, relations = parts_of(zip_with({})), "xl/_rels/workbook.xml.rels"
        moved = sound[relations].replace(b"worksheets/sheet1.xml", where.encode()[3:])
        assert moved.count(where.encode()[3:]) == 1
        changed = {where: parts_of(with_sheet(rows))[SHEET], relations: moved}

        with pytest.raises(MalformedFile, match="no place on a sheet"):
            read_xlsx(packed({**sound, **changed}))

    @pytest.mark.parametrize("count", [b"1000", b"99999999999", 5_000 * b"9"])
    def test_more_texts_than_there_is_room_for_are_refused(self, count):
        part = "xl/sharedStrings.xml"
        texts = parts_of(zip_with({}))[part]
        lying = re.sub(rb'uniqueCount="[0-9]+"', b'uniqueCount="%s"' % count, texts)
        assert lying != texts

        with pytest.raises(MalformedFile, match="damaged"):
            read_xlsx(zip_with({part: lying}))

    def test_what_only_looks_like_a_place_is_none(self):
        sheet = parts_of(zip_with({}))[SHEET]
        assert b"<worksheet" in sheet
        renamed = sheet.replace(b"<worksheet", b'<worksheet xmlns:r="there" x:r="here"', 1)

        assert read_xlsx(zip_with({SHEET: renamed})).lines.height == 1

    def test_a_sheet_that_the_reader_cannot_decode_is_refused(self):
        sheet = parts_of(zip_with({}))[SHEET].decode().replace("UTF-8", "UTF-16")

        with pytest.raises(MalformedFile, match="UTF-8"):
            read_xlsx(zip_with({SHEET: sheet.encode("utf-16")}))

    def test_pictures_and_macros_are_left_alone(self):
        content = zip_with({"xl/media/image1.png": b"\x89PNG", "xl/vbaProject.bin": b"\0"})

        assert read_xlsx(content).lines.height == 1

    @pytest.mark.parametrize("start", [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
    def test_a_file_of_older_excel_says_what_helps(self, start):
        with pytest.raises(UnknownFormat) as refused:
            read(start + b"\0" * 500, filename="x.xls")

        assert "password" in refused.value.remedy

    def test_a_nul_is_refused(self):
        rows = inline(*HEADER) + inline("2026-04-07", "1", "EUR", "a_x0000_b")

        with pytest.raises(ForbiddenConstruct, match="NUL"):
            read_xlsx(with_sheet(rows))


FORMULA = "<f>SUM(A1:A2)</f>"
UNCALCULATED = [
    (f'<c r="B2">{FORMULA}</c>', False),
    (f'<c r="B2">{FORMULA}<v></v></c>', False),
    (f'<c r="B2" t="n" s="0">{FORMULA}<v/></c>', False),
    ('<c r="B2"><f t="shared" si="0"/><v> </v></c>', False),
    (f'<c r="B2">{FORMULA}<v>0</v></c>', True),
]


def with_formula(cell: str, *, is_unfinished: bool) -> bytes:
    """A workbook with a line whose amount, or another cell, is this XML."""
    texts = {"A2": "2026-04-07", "C2": "EUR", "D2": "x"}
    names = dict(zip(("A1", "B1", "C1", "D1"), HEADER, strict=True))

    def row(number: int, cells: dict[str, str]) -> str:
        inside = "".join(
            text
            if text.startswith("<c")
            else f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'
            for place, text in sorted(cells.items())
        )
        return f'<row r="{number}">{inside}</row>'

    place = re.search('r="(.*?)"', cell)[1]
    filled = {**texts, "B2": '<c r="B2"><v>1.5</v></c>', place: cell}
    parts = parts_of(with_sheet(row(1, names) + row(2, filled)))
    book = re.sub(b' fullCalcOnLoad="1"', b"", parts["xl/workbook.xml"])
    if is_unfinished:
        book = book.replace(b"<calcPr", b'<calcPr fullCalcOnLoad="1"')
    return packed({**parts, "xl/workbook.xml": book})


@pytest.mark.parametrize(("cell", "is_unfinished"), UNCALCULATED)
def test_a_formula_that_nobody_calculated_is_no_zero(cell, is_unfinished):
    with pytest.raises(MalformedFile) as refused:
        read_xlsx(with_formula(cell, is_unfinished=is_unfinished))

    assert (refused.value.line, refused.value.field) == (2, "Amount")
    assert "save it" in refused.value.remedy


@pytest.mark.parametrize(
    ("cell", "units"),
    [
        (f'<c r="B2">{FORMULA}<v>0</v></c>', 0),
        (f'<c r="B2">{FORMULA}<v>2.5</v></c>', 25_000),
        (f'<c r="B2" t="str">{FORMULA}<v>2.50</v></c>', 25_000),
        (f'<c r="D2" t="str">{FORMULA}<v></v></c>', 15_000),
        (f'<c r="E2">{FORMULA}<v></v></c>', 15_000),
    ],
)
def test_formulas_with_a_value_and_those_that_nobody_asks_for_are_read(cell, units):
    assert read_xlsx(with_formula(cell, is_unfinished=False)).lines["amount"].to_list() == [units]


def test_workbooks_of_programs_that_do_not_calculate(tmp_path):
    path = tmp_path / "made.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, ("2026-04-07", "", "EUR", "x"))
        sheet.write_formula("B2", "=1+2")

    with pytest.raises(MalformedFile, match="no value"):
        read_xlsx(path.read_bytes())


def test_an_archive_is_known_by_what_it_holds():
    content = workbooks.workbook([HEADER, ROW])

    assert identify(content, "x.pdf").name == "xlsx"
    assert identify(b"PK\x03\x04 other", "x.XLSX").name == "xlsx"
    with pytest.raises(UnknownFormat):
        identify(packed({"a.txt": b"hello"}), "x.zip")


@pytest.mark.parametrize("sheet", ["", " ", 1, []])
def test_a_sheet_is_a_name(sheet):
    with pytest.raises(MappingInvalid) as refused:
        FieldMapping.from_dict({"sheet": sheet})

    assert refused.value.key == "sheet"
