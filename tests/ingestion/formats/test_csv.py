"""CSV as it comes: separators, encodings, headers, and what is wrong with lines."""

from __future__ import annotations

import json
from datetime import date

import pytest

from apps.ingestion.formats import Rejected
from apps.ingestion.formats.errors import (
    AmbiguousDates,
    AmbiguousNumbers,
    ColumnMissing,
    FileRefused,
    FileTooLarge,
    ForbiddenConstruct,
    MalformedFile,
    WrongEncoding,
)
from tests.ingestion.formats.documents import read_csv

HEADER = "Date;Amount;Currency;Reference;Description\n"
LINE = "2026-04-07;-4,50;EUR;R1;Kaffee\n"


def test_all_fields_of_a_line():
    reading = read_csv(
        "Transaction ID,IBAN,Booking date,Value date,Amount,Currency,Reference,Payee,Details,Shop\n"
        'T1,NL01,2026-04-07,2026-04-08,-4.50,eur,R1,City Coffee, two cups ,A"b\\c\n'
    )

    assert reading.rejected == ()
    assert reading.lines.to_dicts() == [
        {
            "line": 2,
            "statement": 0,
            "external_id": "T1",
            "account": "NL01",
            "booked_on": date(2026, 4, 7),
            "value_on": date(2026, 4, 8),
            "amount": -45_000,
            "currency": "EUR",
            "reference": "R1",
            "counterparty": "City Coffee",
            "narrative": "two cups",
            "attributes": '{"Shop":"A\\"b\\\\c"}',
        }
    ]
    assert reading.conventions == {
        "encoding": "utf-8",
        "separator": ",",
        "decimal": ".",
        "date_format": "%Y-%m-%d",
    }


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_detected(separator):
    text = (HEADER + LINE.replace(",", ".")).replace(";", separator)

    reading = read_csv(text)

    assert reading.conventions["separator"] == separator
    assert reading.lines["amount"].to_list() == [-45_000]


@pytest.mark.parametrize(
    ("encoding", "bom", "name"),
    [
        ("utf-8", "", "utf-8"),
        ("utf-8", "\ufeff", "utf-8"),
        ("utf-16-le", "\ufeff", "utf-16-le"),
        ("utf-16-be", "\ufeff", "utf-16-be"),
        ("utf-16-le", "", "utf-16-le"),
        ("utf-16-be", "", "utf-16-be"),
        ("cp1252", "", "cp1252"),
        ("latin-1", "", "cp1252"),
    ],
)
def test_encodings_are_detected(encoding, bom, name):
    text = bom + HEADER + LINE.replace("Kaffee", "Café Größe")

    reading = read_csv(text.encode(encoding))

    assert reading.conventions["encoding"] == name
    assert reading.lines["narrative"].to_list() == ["Café Größe"]


@pytest.mark.parametrize("encoding", ["cp850", "utf-16", "iso-8859-15"])
def test_a_stated_encoding_is_used(encoding):
    text = HEADER + LINE.replace("Kaffee", "Größe")
    content = text.encode("utf-16-le" if encoding == "utf-16" else encoding)

    reading = read_csv(content, encoding=encoding)

    assert reading.lines["narrative"].to_list() == ["Größe"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ((HEADER + LINE).encode() + b"2026-04-08;1,00;EUR;R2;\x81\n", 3),
        ((HEADER + LINE).encode() + "é".encode() + b"\n\xff", 4),
        (b"\xef\xbb\xbf" + HEADER.encode() + b"\xff", 2),
        (b"\xff\xfe" + HEADER.encode("utf-16-le") + b"\x00", None),
    ],
)
def test_damaged_text_is_refused_and_not_read_in_another_encoding(content, line):
    with pytest.raises(WrongEncoding) as refused:
        read_csv(content)

    assert line is None or refused.value.line == line


def test_a_stated_encoding_that_does_not_fit_is_refused():
    with pytest.raises(WrongEncoding):
        read_csv((HEADER + "é").encode("cp1252"), encoding="utf-8")


def test_a_nul_is_refused_with_its_line():
    with pytest.raises(ForbiddenConstruct) as refused:
        read_csv(HEADER + LINE + "2026-04-08;1,00;EUR;R\x00;x\n")

    assert refused.value.line == 3


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends(line_end):
    reading = read_csv((HEADER + LINE + LINE).replace("\n", line_end))

    assert reading.lines["line"].to_list() == [2, 3]
    assert reading.lines["narrative"].to_list() == ["Kaffee", "Kaffee"]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", ""])
def test_returns_end_lines_though_cells_and_the_file_have_other_ends(end):
    quoted = '2026-04-07;-4,50;EUR;"R\n1";"left\r\nright"\r'
    reading = read_csv(HEADER.replace("\n", "\r") + quoted + LINE.rstrip("\n") + end)

    assert reading.lines["amount"].to_list() == [-45_000, -45_000]
    assert reading.lines["narrative"].to_list() == ["left\nright", "Kaffee"]
    assert reading.lines["reference"].to_list() == ["R\n1", "R1"]


def test_returns_within_lines_that_end_otherwise_are_text():
    reading = read_csv(HEADER + "2026-04-07;-4,50;EUR;R1;left\rright\n" + LINE)

    assert reading.lines["line"].to_list() == [2, 3]
    assert reading.lines["narrative"].to_list() == ["left\rright", "Kaffee"]


def test_two_identical_lines_on_one_day_both_survive():
    assert read_csv(HEADER + LINE + LINE).lines["amount"].to_list() == [-45_000, -45_000]


def test_lines_before_the_header_are_skipped_and_counted():
    reading = read_csv('Account:;"NL01"\n\nPrinted "today"\n' + HEADER + LINE)

    assert reading.lines["line"].to_list() == [5]


def test_blank_lines_are_no_lines_and_are_counted():
    reading = read_csv(HEADER + "\n" + LINE + " ; ;;;\n" + '"";;;;\n' + LINE + "\n\n")

    assert reading.lines["line"].to_list() == [3, 6]
    assert reading.rejected == ()


def test_quoted_cells_hold_separators_quotes_and_line_ends():
    reading = read_csv(HEADER + '2026-04-07;"-1,00";EUR;"a;b";"said ""no""\nand left"\n' + LINE)

    assert reading.lines["line"].to_list() == [2, 4]
    assert reading.lines["reference"].to_list() == ["a;b", "R1"]
    assert reading.lines["narrative"].to_list() == ['said "no"\nand left', "Kaffee"]


def test_where_no_cell_is_quoted_a_quotation_mark_is_a_character():
    reading = read_csv(HEADER + '2026-04-07;-1,00;EUR;R1;5" pipe\n' + LINE)

    assert reading.lines["narrative"].to_list() == ['5" pipe', "Kaffee"]


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ('2026-04-07;-1,00;EUR;"R1;x\n', 3),
        ('2026-04-07;-1,00;EUR;"R1;x\n' + LINE.replace("R1", '"R1"'), 3),
        ('2026-04-07;-1,00;EUR;"R1" ;x\n', 3),
        ('2026-04-07;-1,00;EUR;"R1";5" pipe\n', 3),
        ('"2026-04-07', 3),
    ],
)
def test_quotation_marks_that_do_not_pair_are_refused_where_they_open(broken, line):
    with pytest.raises(MalformedFile) as refused:
        read_csv(HEADER + LINE + broken)

    assert refused.value.line == line
    assert "quotation" in refused.value.message


def test_lines_with_too_few_or_too_many_cells_are_rejected_by_line():
    reading = read_csv(HEADER + "2026-04-07;1,00;EUR;R1\n" + LINE + "2026-04-07;1,00;EUR;;;x\n")

    assert reading.lines["line"].to_list() == [3]
    assert reading.rejected == (
        Rejected(2, "", "The line has 4 cells where the header has 5."),
        Rejected(4, "", "The line has 6 cells where the header has 5."),
    )


def test_a_separator_at_the_end_of_lines_is_no_cell():
    reading = read_csv(HEADER + LINE.strip() + ";\n" + LINE)

    assert reading.lines["line"].to_list() == [2, 3]


def test_columns_without_a_name_or_with_one_twice_are_told_apart():
    reading = read_csv("Date,Amount,Currency,,Shop,Shop\n2026-04-07,1.00,EUR,x,y,z\n")

    assert json.loads(reading.lines["attributes"][0]) == {
        "column 4": "x",
        "Shop": "y",
        "Shop (6)": "z",
    }


def test_names_that_imitate_those_of_repeated_columns_stay_theirs():
    reading = read_csv(
        "Date,Amount,Currency,a,a (5),a,a (5) (5),column 8,\n2026-04-07,1.00,EUR,1,2,3,4,5,6\n",
        columns={
            "booked_on": "Date",
            "amount": "Amount",
            "currency": "Currency",
            "reference": "a (5)",
        },
    )

    assert reading.lines["reference"].to_list() == ["2"]
    assert sorted(json.loads(reading.lines["attributes"][0]).values()) == ["1", "3", "4", "5", "6"]


@pytest.mark.parametrize("name", ["*", "^.*$", "fault amount", "line", "units", "text", "Text 2"])
def test_columns_may_have_any_name(name):
    columns = {"booked_on": "Date", "amount": "Amount", "currency": "Currency"}
    text = f"Date,Amount,Currency,{name}\n2026-04-07,1.00,EUR,x\n"

    mapped = read_csv(text, columns={**columns, "narrative": name})
    spare = read_csv(text, columns=columns)

    assert mapped.lines["narrative"].to_list() == ["x"]
    assert json.loads(spare.lines["attributes"][0]) == {name: "x"}


@pytest.mark.parametrize("name", ["*", "^.*$"])
def test_amounts_and_currencies_may_be_in_columns_of_any_name(name):
    text = f"Date,{name},b\n2026-04-07,1.00,EUR\n"
    reading = read_csv(text, columns={"booked_on": "Date", "amount": name, "currency": "b"})
    assert reading.lines["amount"].to_list() == [10_000]

    text = f"Date,b,{name}\n2026-04-07,1.00,EUR\n"
    reading = read_csv(text, columns={"booked_on": "Date", "amount": "b", "currency": name})
    assert reading.lines["currency"].to_list() == ["EUR"]


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        (";1,50;EUR;;x", "booked_on", "missing"),
        ("2026-02-30;1,50;EUR;;x", "booked_on", "not a date"),
        ("2026-04-07;;EUR;;x", "amount", "missing"),
        ("2026-04-07;NaN;EUR;;x", "amount", "not an amount"),
        ("2026-04-07;Infinity;EUR;;x", "amount", "not an amount"),
        ("2026-04-07;1e400;EUR;;x", "amount", "not an amount"),
        ("2026-04-07;=1+1;EUR;;x", "amount", "not an amount"),
        ("2026-04-07;1,505;EUR;;x", "currency", "more decimals than EUR"),
        ("2026-04-07;1,50;JPY;;x", "currency", "more decimals than JPY"),
        ("2026-04-07;1,5055;KWD;;x", "currency", "more decimals than KWD"),
        ("2026-04-07;1,50;EURO;;x", "currency", "ISO 4217"),
        ("2026-04-07;1,50;;;x", "currency", "ISO 4217"),
        ("2026-04-07;1,50;EUR;;" + "x" * 32_768, "", "longer"),
        ("2026-04-07;1,50;EUR;;" + "x" * 10_000_000, "", "longer"),
    ],
)
def test_a_bad_line_is_rejected_with_field_and_reason_and_the_rest_is_read(line, field, words):
    reading = read_csv(HEADER + LINE + line + "\n" + LINE)

    assert reading.lines["line"].to_list() == [2, 4]
    (rejected,) = reading.rejected
    assert (rejected.line, rejected.field) == (3, field)
    assert words in rejected.reason
    assert rejected.reason.endswith(".")


def test_amounts_with_no_more_decimals_than_the_currency_are_fine():
    lines = "2026-04-07;500;JPY;;x\n2026-04-07;1,505;KWD;;x\n2026-04-07;1,500;EUR;;x\n"

    assert read_csv(HEADER + lines + LINE).lines["currency"].to_list() == [
        "JPY",
        "KWD",
        "EUR",
        "EUR",
    ]


def test_formulas_stay_text():
    reading = read_csv(HEADER + "2026-04-07;1,50;EUR;@SUM(A1);=cmd|' /C calc'!A0\n")

    assert reading.lines["narrative"].to_list() == ["=cmd|' /C calc'!A0"]
    assert reading.lines["reference"].to_list() == ["@SUM(A1)"]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (HEADER + "2026-04-07;1.000;EUR;;x\n", AmbiguousNumbers),
        (HEADER + "2026-04-07;1.50;EUR;;x\n2026-04-07;1,50;EUR;;x\n", AmbiguousNumbers),
        (HEADER + "03/04/2026;1,50;EUR;;x\n", AmbiguousDates),
        ("a,b\n1,2\n", ColumnMissing),
        ("Date,Amount\n2026-04-07,1.50\n", ColumnMissing),
        ("Date,Text,Currency\n2026-04-07,x,EUR\n", ColumnMissing),
        ("Date,Amount,Amount,Currency\n2026-04-07,1,2,EUR\n", MalformedFile),
        ("Date,Amount" + ",x" * 600 + "\n", FileTooLarge),
        ("x" * 70_000 + ",", FileTooLarge),
        ("1,2\n" * 20_000, ColumnMissing),
        ("\n".join(f"{number};x" for number in range(50)) + "\n" + HEADER + LINE, ColumnMissing),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(text, refusal):
    with pytest.raises(refusal) as refused:
        read_csv(text)

    assert isinstance(refused.value, FileRefused)
    assert refused.value.message
    assert refused.value.remedy


def test_millions_of_blank_lines_are_refused_and_thousands_are_not():
    assert read_csv(HEADER + LINE + "\n" * 50_000 + LINE).lines.height == 2
    with pytest.raises(MalformedFile, match="blank"):
        read_csv(HEADER + LINE + "\n" * 200_000)


def test_a_line_of_a_million_cells_costs_nothing():
    reading = read_csv(HEADER + ";" * 1_000_000 + "x\n" + LINE)

    assert reading.lines["line"].to_list() == [3]
    assert [one.line for one in reading.rejected] == [2]


def test_stated_conventions_settle_what_is_ambiguous():
    reading = read_csv(HEADER + "03/04/2026;1.000;EUR;;x\n", decimal=",", date_format="%d/%m/%Y")

    assert reading.lines.select("booked_on", "amount").rows() == [(date(2026, 4, 3), 10_000_000)]


def test_constants_complete_what_well_known_headers_give():
    reading = read_csv("Date,Amount\n2026-04-07,1.50\n", constants={"currency": "EUR"})

    assert reading.lines.select("amount", "currency").rows() == [(15_000, "EUR")]


def test_a_mapped_column_that_is_not_there_is_named():
    with pytest.raises(ColumnMissing) as refused:
        read_csv(HEADER + LINE, columns={"booked_on": "Date", "amount": "Betrag"})

    assert refused.value.field == "Betrag"


def test_a_mapped_column_that_is_there_twice_is_named():
    with pytest.raises(MalformedFile) as refused:
        read_csv("Date,Sum,Sum\n2026-04-07,1,2\n", columns={"booked_on": "Date", "amount": "Sum"})

    assert (refused.value.field, refused.value.line) == ("Sum", 2)


@pytest.mark.parametrize("how", [{}, {"columns": {"booked_on": "Buchung", "amount": "Betrag"}}])
def test_columns_of_one_name_that_say_the_same_are_one(how):
    """As a German bank writes the currency of the balance and that of the amount."""
    text = (
        "Buchung;Verwendungszweck;Saldo;Währung;Betrag;Währung\n"
        "07.04.2026;Kaffee;95,50;EUR;-4,50; EUR\n"
        "08.04.2026;Tee;90,50;{other};-5,00;EUR\n"
    )
    if how:
        how["columns"]["currency"] = "Währung"

    assert read_csv(text.format(other="EUR"), **how).lines["amount"].to_list() == [-45_000, -50_000]
    with pytest.raises(MalformedFile) as refused:
        read_csv(text.format(other="USD"), **how)
    assert (refused.value.field, refused.value.line) == ("Währung", 3)


def test_names_that_differ_in_writing_only_are_refused():
    with pytest.raises(MalformedFile, match="nearly the same name"):
        read_csv("Date,Amount,amount,Currency\n2026-04-07,1,1,EUR\n")


def test_a_table_without_header_is_mapped_by_position():
    reading = read_csv(
        "\n2026-04-07;-4,50;Kaffee;A1\n2026-04-08;1,00;Tee;A2\n",
        columns={"booked_on": 1, "amount": 2, "narrative": [3, 4]},
        constants={"currency": "EUR", "account": "NL01"},
        has_header=False,
    )

    assert reading.lines.select("line", "account", "amount", "narrative").rows() == [
        (2, "NL01", -45_000, "Kaffee A1"),
        (3, "NL01", 10_000, "Tee A2"),
    ]


def test_positions_that_the_table_does_not_have_are_refused():
    with pytest.raises(ColumnMissing):
        read_csv("1;2\n", columns={"booked_on": 1, "amount": 9}, has_header=False)


def test_a_stated_separator_is_the_only_one_tried():
    columns = {"booked_on": "Date", "amount": "Amount"}

    with pytest.raises(ColumnMissing):
        read_csv(HEADER + LINE, columns=columns, separator=",")


def test_only_the_stated_attributes_are_kept():
    text = "Date,Amount,Currency,Shop,Till\n2026-04-07,1.00,EUR,x,y\n2026-04-08,1.00,EUR,,z\n"
    columns = {"booked_on": "Date", "amount": "Amount", "currency": "Currency"}

    assert read_csv(text, columns=columns, attributes=["Shop"]).lines["attributes"].to_list() == [
        '{"Shop":"x"}',
        "{}",
    ]
    assert set(read_csv(text, columns=columns, attributes=[]).lines["attributes"]) == {"{}"}


def test_texts_of_several_columns_are_joined_and_constants_fill_blanks():
    reading = read_csv(
        "Date,Amount,Ccy,Konto,A,B\n2026-04-07,1.00,,,x,y\n2026-04-07,1.00,USD,NL02,,y\n",
        columns={
            "booked_on": "Date",
            "amount": "Amount",
            "currency": "Ccy",
            "account": "Konto",
            "narrative": ["A", "B"],
        },
        constants={"currency": "EUR", "account": "NL01"},
    )

    assert reading.lines.select("statement", "account", "currency", "narrative").rows() == [
        (0, "NL01", "EUR", "x y"),
        (1, "NL02", "USD", "y"),
    ]


def test_a_file_with_value_dates_only_books_by_them():
    reading = read_csv("Value date,Amount,Currency\n2026-04-07,1.00,EUR\n,2.00,EUR\n")

    assert reading.lines.select("booked_on", "value_on").rows() == [
        (date(2026, 4, 7), date(2026, 4, 7))
    ]
    assert [(one.line, one.field) for one in reading.rejected] == [(3, "value_on")]


def test_a_bad_value_date_is_rejected_and_a_blank_one_is_none():
    reading = read_csv(
        "Date,Value date,Amount,Currency\n2026-04-07,,1.00,EUR\n2026-04-07,soon,1.00,EUR\n"
    )

    assert reading.lines["value_on"].to_list() == [None]
    assert [(one.line, one.field) for one in reading.rejected] == [(3, "value_on")]


@pytest.mark.parametrize("text", [HEADER, HEADER.strip(), HEADER + "\n \n"])
def test_a_header_without_lines_is_an_empty_reading(text):
    reading = read_csv(text)

    assert (reading.lines.height, reading.statements, reading.rejected) == (0, (), ())


def test_the_attributes_column_is_canonical_json():
    awkward = 'tab\there, "quote", back\\slash, line\nend, bell\x07, \u2028, é'
    cell = awkward.replace('"', '""')

    reading = read_csv(f'Zeta,Date,Amount,Currency,Alpha\n"{cell}",2026-04-07,1.00,EUR,a\n')

    expected = {"Alpha": "a", "Zeta": awkward}
    assert reading.lines["attributes"].to_list() == [
        json.dumps(expected, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    ]
