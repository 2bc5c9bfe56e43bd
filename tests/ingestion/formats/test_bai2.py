"""BAI2: decimals by currency, type codes, continuations, control totals, and what is refused."""

from __future__ import annotations

import json
from datetime import date

import pytest

from apps.ingestion.formats import Reading, Rejected, read
from apps.ingestion.formats.errors import ForbiddenConstruct, MalformedFile
from tests.ingestion.formats.documents import sample

SOUND = (
    "01,S,R,260407,0900,1,,,2/\n"
    "02,R,S,1,260407,,USD,2/\n"
    "03,77,USD,010,1000,,,015,1450,,/\n"
    "16,195,450,Z,B1,C1,WIRE IN/\n"
    "49,2900,3/\n"
    "98,2900,1,5/\n"
    "99,2900,1,7/\n"
)
LINE = "16,195,450,Z,B1,C1,WIRE IN/"


def read_bai2(text: str) -> Reading:
    return read(text.encode(), filename="x.bai", format="bai2")


def with_line(line: str) -> Reading:
    """The sound file with another transaction in the place of its own."""
    return read_bai2(SOUND.replace(LINE, line))


def names_of_disagreements(reading: Reading) -> list[str]:
    return [
        total.name
        for statement in reading.statements
        for total in statement.control_totals
        if not total.agrees
    ]


def test_a_file_that_holds_what_it_announces():
    reading = read_bai2(SOUND)

    (statement,) = reading.statements
    assert (statement.opening, statement.closing, statement.ties) == (100_000, 145_000, True)
    assert [total.name for total in statement.control_totals] == [
        "49 amounts", "49 records", "98 amounts", "98 accounts", "98 records",
        "99 amounts", "99 groups", "99 records",
    ]  # fmt: skip
    assert statement.notes == ()
    assert reading.conventions == {"encoding": "utf-8"}


def test_all_fields_of_a_line():
    reading = read(sample("bai2/own_kwd_jpy.bai"), filename="x")

    spread, valued, paid, cheque = reading.lines.to_dicts()
    assert spread == {
        "line": 5,
        "statement": 0,
        "external_id": "REF-B",
        "account": "777",
        "booked_on": date(2026, 4, 7),
        "value_on": None,
        "amount": 500,
        "currency": "KWD",
        "reference": "REF-C",
        "counterparty": "",
        "narrative": "WIRE IN, WITH COMMA SECOND LINE",
        "attributes": '{"availability":"S/10/20/20","type_code":"195"}',
    }
    assert (valued["value_on"], valued["narrative"]) == (date(2026, 4, 9), "X")
    assert json.loads(paid["attributes"])["availability"] == "D/0/3/1/2"
    assert (cheque["external_id"], cheque["statement"]) == ("CHK1", 1)
    assert names_of_disagreements(reading) == []
    kuwait, japan = reading.statements
    assert "890" in kuwait.notes[0]
    assert japan.notes == ()


def test_control_totals_that_do_not_agree_are_reported():
    name = "bai2/moov_sample4-continuations-newline-delimited.txt"

    reading = read(sample(name), filename=name)

    amounts = reading.lines["amount"]
    assert amounts.clip(0, None).sum() == 60_073_100
    assert amounts.clip(None, 0).sum() == -3_134_905_500
    blamed = {
        statement.account
        for statement in reading.statements
        for total in statement.control_totals
        if total.name.startswith("49") and not total.agrees
    }
    assert blamed == {"107049932", "104108339"}
    notes = reading.statements[1].notes
    assert "The control total 49 records announces 26 where the file holds 18." in notes


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("49,2900,3", "49,2901,3", ["49 amounts", "98 amounts"]),
        ("49,2900,3", "49,2900,4", ["49 records"]),
        ("98,2900,1,5", "98,1,2,6", ["98 amounts", "98 accounts", "98 records", "99 amounts"]),
        ("99,2900,1,7", "99,-2900,0,8", ["99 amounts", "99 groups", "99 records"]),
        ("015,1450,,", "015,1450,,,100,451,2,", ["100 sum", "100 number", "49 amounts"]),
        (LINE, LINE.replace("450", "451"), ["49 amounts"]),
        ("49,2900,3/", "49,/", []),
        ("99,2900,1,7/", "99,,,/", []),
    ],
)
def test_each_control_total_is_compared(old, new, names):
    assert names_of_disagreements(read_bai2(SOUND.replace(old, new))) == names


@pytest.mark.parametrize(
    ("code", "sign"),
    [
        ("100", 1), ("399", 1), ("400", -1), ("699", -1), ("721", 1),
        ("760", -1), ("920", 1), ("959", 1), ("960", -1), ("999", -1),
    ],
)  # fmt: skip
def test_the_type_code_is_the_direction(code, sign):
    reading = with_line(f"16,{code},450,,,,/")

    assert reading.lines["amount"].to_list() == [sign * 45_000]


@pytest.mark.parametrize(
    ("currency", "units"), [("USD", 45_000), ("JPY", 4_500_000), ("KWD", 4_500), ("", 45_000)]
)
def test_the_currency_has_the_decimals(currency, units):
    text = SOUND.replace("USD", currency)

    reading = read_bai2(text)

    assert reading.lines.select("amount", "currency").rows() == [(units, currency or "USD")]


def test_a_reversal_is_signed():
    assert with_line("16,195,-450,,,,/").lines["amount"].to_list() == [-45_000]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("16,195,4.50,,,,/", "whole number"),
        ("16,195,,,,,/", "whole number"),
        ("16,195/", "whole number"),
        ("16,050,450,,,,/", "neither a credit nor a debit"),
        ("16,700,450,,,,/", "neither a credit nor a debit"),
        ("16,1X5,450,,,,/", "neither a credit nor a debit"),
        ("16,,450,,,,/", "neither a credit nor a debit"),
        ("16,890,450,,,,/", "neither a credit nor a debit"),
        ("16,195,12345678901234567,,,,/", "more than 14 digits"),
        ("16,195,450,X,,,/", "funds type"),
        ("16,195,450,V,269907,,,,/", "calendar"),
        ("16,195,450,V,soon,,,,/", "YYMMDD"),
        ("16,195,450,D,many,,,,/", "number of parts"),
        ("16,195,450,D,101,,,,/", "number of parts"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_by_line(line, words):
    reading = with_line(line)

    ((number, field, reason),) = [(one.line, one.field, one.reason) for one in reading.rejected]
    assert (number, field, reading.lines.height) == (4, "16", 0)
    assert words in reason


def test_a_blank_value_date_is_none():
    assert with_line("16,195,450,V,,,B,C,/").lines["value_on"].to_list() == [None]


def test_information_in_the_place_of_transactions_is_noted_once():
    reading = with_line("16,890,0,,,,a/\n16,890,,,,,b/")

    assert reading.lines.height == 0
    assert sum("890" in note for note in reading.statements[0].notes) == 1


@pytest.mark.parametrize(
    ("header", "words"),
    [("02,R,S,3,260407,,USD,2/", "correction"), ("02,R,S,1,260407,,USD,3/", "interim")],
)
def test_what_the_bank_says_of_a_group_is_noted(header, words):
    reading = read_bai2(SOUND.replace("02,R,S,1,260407,,USD,2/", header))

    assert words in reading.statements[0].notes[0]


@pytest.mark.parametrize("status", ["2", "4"])
def test_a_group_that_is_a_test_or_takes_back_is_refused(status):
    with pytest.raises(ForbiddenConstruct) as refused:
        read_bai2(SOUND.replace("02,R,S,1,", f"02,R,S,{status},"))

    assert refused.value.line == 2


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("1,,,2/", "1,,,3/", 1),
        ("02,R,S,1,260407", "02,R,S,1,261307", 2),
        ("02,R,S,1,260407", "02,R,S,1,", 2),
        ("260407,,USD,2", "260407,,XYZ,2", 2),
        ("03,77,USD", "03,77,EURO", 3),
        ("010,1000", "010,10.00", 3),
        ("010,1000", "010,12345678901234567", 3),
        ("015,1450,,", "015,1450,,D", 3),
        ("49,2900", "49,29.00", 5),
        ("49,2900,3", "49,2900,three", 5),
        ("98,2900,1,5", "98,2900,one,5", 6),
        (LINE, "17,195,450/", 4),
        (LINE, "plain text", 4),
        (LINE, "03,78,USD/", 4),
        (LINE, "98,2900,1,5/", 4),
        ("49,2900,3/\n", "", 5),
        ("49,2900,3/\n", "49,2900,3/\n88,more/\n", 6),
        ("01,S,R,260407,0900,1,,,2/\n", "", 1),
        ("01,S,R,260407,0900,1,,,2/\n", "88,x/\n", 1),
        ("99,2900,1,7/\n", "", 7),
        ("99,2900,1,7/\n", "99,2900,1,7", 7),
        ("99,2900,1,7/\n", "99,2900,1,7/\n98,1/", 8),
        ("03,77,USD,010,1000,,,015,1450,,/\n" + LINE + "\n49,2900,3/\n", "", None),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_its_line(old, new, line):
    assert SOUND.count(old) == 1

    with pytest.raises(MalformedFile) as refused:
        read_bai2(SOUND.replace(old, new))

    assert refused.value.line == line


def test_blank_lines_line_ends_and_a_last_line_without_one():
    text = "\n" + SOUND.rstrip().replace("\n", " \r\n\r\n") + "\x1a"

    assert read_bai2(text).lines["line"].to_list() == [8]


def test_two_files_in_one():
    reading = read_bai2(SOUND + SOUND.replace("77", "78"))

    assert [one.account for one in reading.statements] == ["77", "78"]
    assert names_of_disagreements(reading) == []


def test_a_file_without_groups_beside_one_with():
    empty = "01,S,R,260407,0900,1,,,2/\n99,5,0,2/\n"

    assert names_of_disagreements(read_bai2(SOUND + empty)) == ["99 amounts"]
    with pytest.raises(MalformedFile, match="no account"):
        read_bai2(empty)


def test_a_file_of_which_nothing_can_be_read_is_refused():
    with pytest.raises(MalformedFile, match="10000 entries"):
        with_line("16,195/\n" * 10_000 + "16,195/")


def test_a_rejected_line_shows_no_value():
    assert with_line("16,195,SECRET,,,,/").rejected == (
        Rejected(
            4,
            "16",
            "The line has an amount that is no whole number of the smallest unit;"
            " have the bank correct it.",
        ),
    )
