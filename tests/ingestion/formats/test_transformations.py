"""Transformations of a field mapping: what each step makes, and what it rejects or refuses."""

from __future__ import annotations

import json
import time
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ingestion.formats import FieldMapping, MappingInvalid, read
from apps.ingestion.formats.errors import ColumnMissing
from apps.ingestion.formats.transformations import parsed_transformations
from tests.ingestion.formats import workbooks
from tests.ingestion.formats.documents import read_csv
from tests.ingestion.formats.test_parquet import parquet_of

HEADER = "Day;Sum;Cur;Text;Side"
ROW = "2026-04-07;1.50;EUR;INV-7/x;D"
COLUMNS = {"booked_on": "Day", "amount": "Sum", "currency": "Cur"}


def made(step: object, text: str = "INV-7/x", *, beside: str = "D") -> str:
    """What the transformation of a new column makes of a text."""
    listed = step if isinstance(step, list) else [step]
    first = {"from": "Text", **listed[0]}
    reading = read_csv(
        f"{HEADER}\n2026-04-07;1.50;EUR;{text};{beside}\n",
        columns=COLUMNS,
        transformations={"New": [first, *listed[1:]]},
    )
    assert reading.rejected == ()
    return json.loads(reading.lines["attributes"][0]).get("New", "")


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ({"type": "rename"}, " x ", "x"),
        ({"type": "cast", "to": "text"}, "007", "007"),
        ({"type": "cast", "to": "integer"}, "-7.00", "-7"),
        ({"type": "cast", "to": "integer"}, "", ""),
        ({"type": "cast", "to": "number"}, "1,234.5", "1234.5"),
        ({"type": "cast", "to": "date"}, "2026-04-07", "2026-04-07"),
        ({"type": "number", "decimal": ","}, "(1.234,50)", "-1234.50"),
        ({"type": "number", "decimal": ","}, "1 234,567891", "1234.567891"),
        ({"type": "number", "decimal": "."}, "12-", "-12"),
        ({"type": "number", "decimal": "."}, ".5", "0.5"),
        ({"type": "number", "decimal": "."}, "", ""),
        ({"type": "date", "format": "%d/%m/%y"}, "07/04/26", "2026-04-07"),
        ({"type": "date", "format": "%d %B %Y"}, "7 April 2026", "2026-04-07"),
        ({"type": "date", "format": "%d/%m/%y"}, "", ""),
        ({"type": "round", "decimals": 2}, "1.005", "1.01"),
        ({"type": "round", "decimals": 2}, "-1.005", "-1.01"),
        ({"type": "round", "decimals": 2, "rounding": "half_even"}, "1.005", "1.00"),
        ({"type": "round", "decimals": 0, "rounding": "down"}, "-1.9", "-1"),
        ({"type": "round", "decimals": 2}, "-0.001", "0.00"),
        ({"type": "round", "decimals": 2}, "", ""),
        ({"type": "sign"}, "1.5", "-1.5"),
        ({"type": "sign"}, "-1.5", "1.5"),
        ({"type": "sign"}, "0.00", "0.00"),
        ({"type": "sign"}, "", ""),
        ({"type": "sign", "when": {"column": "Side", "in": ["D", "S"]}}, "1.5", "-1.5"),
        ({"type": "sign", "when": {"column": "Side", "equals": "C"}}, "1.5", "1.5"),
        ({"type": "split", "separator": "/", "part": 1}, "a/ b /c", "a"),
        ({"type": "split", "separator": "/", "part": 2}, "a/ b /c", "b"),
        ({"type": "split", "separator": "/", "part": -1}, "a/ b /c", "c"),
        ({"type": "split", "separator": "/", "part": 9}, "a/b", ""),
        ({"type": "concat", "columns": ["Cur", "Text", "Side"]}, "", "EUR D"),
        ({"type": "concat", "columns": ["Cur", "Side"], "separator": ""}, "", "EURD"),
        ({"type": "lookup", "table": {"a": "b"}}, "a", "b"),
        ({"type": "lookup", "table": {"a": "b"}}, "", ""),
        ({"type": "lookup", "table": {"": "none"}}, "", "none"),
        ({"type": "lookup", "table": {"a": "b"}, "default": "other"}, "x", "other"),
        ({"type": "lookup", "table": {"a": "b"}, "default": "other"}, "", ""),
        ({"type": "extract", "pattern": "INV-([0-9]+)"}, "see INV-12 INV-13", "12"),
        ({"type": "extract", "pattern": "INV-[0-9]+"}, "see INV-12", "INV-12"),
        ({"type": "extract", "pattern": "(a)(b)?", "group": 0}, "xab", "ab"),
        ({"type": "extract", "pattern": "(a)(b)?", "group": 2, "default": "-"}, "a", "-"),
        ({"type": "extract", "pattern": "x", "default": "-"}, "", ""),
        ({"type": "extract", "pattern": "x"}, "", ""),
        ({"type": "constant", "value": "EUR"}, "x", "EUR"),
        ({"type": "constant", "value": ""}, "x", ""),
        (
            {"type": "conditional", "when": {"column": "Side", "matches": "^[CD]$"}, "then": "y"},
            "x",
            "y",
        ),
        (
            {"type": "conditional", "when": {"column": "Side", "is_blank": True}, "then": "y"},
            "x",
            "x",
        ),
        (
            {
                "type": "conditional",
                "when": {"column": "Text", "is_blank": False},
                "then": {"column": "Cur"},
                "otherwise": {"column": "Side"},
            },
            "",
            "D",
        ),
        (
            [
                {"type": "split", "separator": "/", "part": 1},
                {"type": "extract", "pattern": "[0-9,]+"},
                {"type": "number", "decimal": ","},
                {"type": "round", "decimals": 1},
                {"type": "sign"},
            ],
            "about 1,25 EUR/ x",
            "-1.3",
        ),
        ([{"type": "constant", "value": "a"}, {"type": "rename", "from": "Side"}], "x", "D"),
    ],
)
def test_what_each_step_makes(step, text, expected):
    assert made(step, text) == expected


@pytest.mark.parametrize(
    ("step", "text", "words"),
    [
        ({"type": "cast", "to": "integer"}, "7.5", "no whole number"),
        ({"type": "cast", "to": "integer"}, "-", "no whole number"),
        ({"type": "number", "decimal": ","}, "1.50", "no number with the decimal separator"),
        ({"type": "date", "format": "%d/%m/%Y"}, "31/04/2026", "no date written as %d/%m/%Y"),
        ({"type": "round", "decimals": 2}, "1,50", "plain digits"),
        ({"type": "round", "decimals": 2}, "9" * 31, "plain digits"),
        ({"type": "sign"}, "(1)", "plain digits"),
        ({"type": "lookup", "table": {"a": "b"}}, "A", "lookup table"),
        ({"type": "extract", "pattern": "INV-([0-9]+)"}, "INV-x", "finds nothing"),
        ([{"type": "cast", "to": "integer"}, {"type": "round", "decimals": 0}], "x", "no whole"),
    ],
)
def test_a_row_that_a_step_fails_on_is_rejected_by_line_and_column(step, text, words):
    listed = step if isinstance(step, list) else [step]
    steps = [{"from": "Text", **listed[0]}, *listed[1:]]

    reading = read_csv(
        f"{HEADER}\n{ROW.replace('INV-7/x', '')}\n2026-04-07;1;EUR;{text};D\n\n",
        columns=COLUMNS,
        transformations={"New": steps, "Other": {"type": "number", "decimal": ".", "from": "Sum"}},
    )

    assert reading.lines["line"].to_list() == [2]
    ((line, field, reason),) = [(one.line, one.field, one.reason) for one in reading.rejected]
    assert (line, field) == (3, "New")
    assert words in reason
    assert text not in reason or text == "-"


def test_a_row_is_rejected_once_with_its_first_fault():
    whole = {"type": "cast", "to": "integer", "from": "Text"}

    reading = read_csv(
        f"{HEADER}\n{ROW}\n", columns=COLUMNS, transformations={"A": whole, "B": whole}
    )

    assert [(one.line, one.field) for one in reading.rejected] == [(2, "A")]


def test_the_columns_of_a_line_may_all_be_made():
    reading = read_csv(
        "When|How much|What\n07.04.26|1.234,50 EUR S|ref 7: rent\n\n"
        "30.04.26|2,00 USD H|ref 8: fee\n",
        version=1,
        key_mappings={"booked_on": "day", "currency": "currency", "reference": "ref"},
        value_mappings={"amount": "amount"},
        separator="|",
        transformations={
            "day": {"type": "date", "from": "When", "format": "%d.%m.%y"},
            "amount": [
                {"type": "split", "from": "How much", "separator": " ", "part": 1},
                {"type": "number", "decimal": ","},
                {"type": "sign", "when": {"column": "How much", "matches": "S$"}},
            ],
            "currency": {"type": "split", "from": "How much", "separator": " ", "part": 2},
            "ref": {"type": "extract", "from": "What", "pattern": "ref ([0-9]+)"},
            "Note": {"type": "rename", "from": "What"},
        },
        attributes=["Note"],
    )

    assert reading.lines.select("line", "amount", "currency", "reference").rows() == [
        (2, -12_345_000, "EUR", "7"),
        (4, 20_000, "USD", "8"),
    ]
    assert json.loads(reading.lines["attributes"][0]) == {"Note": "ref 7: rent"}


def test_well_known_names_may_be_made():
    reading = read_csv(
        "Stamp,Amount,Memo\n07042026,1.50,x\n",
        transformations={
            "Date": {"type": "date", "from": "Stamp", "format": "%d%m%Y"},
            "Currency": {"type": "constant", "value": "EUR"},
            "Description": {"type": "rename", "from": "Memo"},
        },
    )

    (row,) = reading.lines.to_dicts()
    assert (row["amount"], row["narrative"]) == (15_000, "x")
    assert json.loads(row["attributes"]) == {"Stamp": "07042026"}


def test_transformations_read_the_file_and_not_each_other():
    swapped = read_csv(
        f"{HEADER}\n{ROW}\n",
        columns=COLUMNS,
        transformations={
            "Text": {"type": "rename", "from": "Side"},
            "Side": {"type": "rename", "from": "Text"},
        },
    )

    assert json.loads(swapped.lines["attributes"][0]) == {"Text": "D", "Side": "INV-7/x"}


def test_amounts_that_are_made_are_never_read_in_the_convention_of_numbers():
    """A text that was cut out of another keeps its own way of writing."""
    spec = {
        "columns": {"booked_on": "date", "amount": "sum", "currency": "currency"},
        "transformations": {"sum": {"type": "extract", "from": "text", "pattern": "[0-9.,]+"}},
        "decimal": ",",
    }
    mapping = FieldMapping.from_dict(spec)
    record = {"date": "2026-04-07", "currency": "KWD", "text": "paid 1.234", "n": 1}
    sheet = workbooks.workbook([tuple(record), tuple(record.values())])
    columns = {"text": ["paid 1.234"], "currency": ["KWD"]}

    for content in (json.dumps([record]).encode(), sheet, parquet_of(**columns)):
        reading = read(content, filename="x", mapping=mapping)
        assert reading.lines["amount"].to_list() == [12_340_000]


@pytest.mark.parametrize("decimal", [{}, {"decimal": ","}])
@pytest.mark.parametrize(
    "last",
    [
        [],
        [{"type": "round", "decimals": 3}],
        [{"type": "sign", "when": {"column": "Side", "equals": "never"}}],
    ],
)
def test_numbers_that_are_made_have_a_decimal_point_whatever_the_mapping_says(last, decimal):
    reading = read_csv(
        "Date|Amount|Currency|Side|Balance\n2026-04-07|1,234|KWD|D|7,50\n",
        columns={name: name.title() for name in ("amount", "currency", "balance")}
        | {"booked_on": "Date"},
        separator="|",
        transformations={"Amount": [{"type": "number", "from": "Amount", "decimal": ","}, *last]},
        **decimal,
    )

    assert reading.lines["amount"].to_list() == [12_340]
    assert reading.statements[0].closing == 75_000


def test_a_column_that_a_transformation_reads_must_be_there():
    with pytest.raises(ColumnMissing) as refused:
        read_csv(
            f"{HEADER}\n{ROW}\n",
            columns=COLUMNS,
            transformations={"New": {"type": "rename", "from": "Gone"}},
        )

    assert refused.value.field == "Gone"


def test_an_empty_table_is_transformed_too():
    reading = read_csv(
        f"{HEADER}\n", columns=COLUMNS, transformations={"Sum": {"type": "round", "decimals": 2}}
    )

    assert reading.lines.height == 0


@given(
    st.decimals(-(10**9), 10**9, allow_nan=False, places=6),
    st.integers(0, 4),
    st.sampled_from([("half_up", ROUND_HALF_UP), ("half_even", ROUND_HALF_EVEN)]),
)
def test_rounding_is_that_of_decimals(number, decimals, rounding):
    name, mode = rounding
    step = {"type": "round", "decimals": decimals, "rounding": name}
    (transformation,) = parsed_transformations({"x": step}).values()

    texts = transformation.apply(pl.DataFrame({"x": [format(number, "f")]})).texts

    expected = number.quantize(Decimal(1).scaleb(-decimals), mode)
    assert Decimal(texts[0]) == expected
    assert texts[0].partition(".")[2] == format(abs(expected), "f").partition(".")[2]


def test_a_pattern_that_backtracks_elsewhere_takes_no_time():
    started = time.monotonic()

    assert made({"type": "extract", "pattern": "(a+)+$", "default": "-"}, "a" * 30_000 + "!") == "-"
    assert time.monotonic() - started < 5


STEP = {"type": "round", "decimals": 2}
WHEN = {"column": "a", "equals": "b"}


@pytest.mark.parametrize(
    ("transformations", "key"),
    [
        ([], ""),
        ({" ": STEP}, ". "),
        ({1: STEP}, ".1"),
        ({str(number): STEP for number in range(101)}, ""),
        ({"x": []}, ".x"),
        ({"x": [STEP] * 21}, ".x"),
        ({"x": "round"}, ".x"),
        ({"x": [STEP, 7]}, ".x[1]"),
        ({"x": {}}, ".x.type"),
        ({"x": {"type": "eval"}}, ".x.type"),
        ({"x": {**STEP, "to": "b"}}, ".x.to"),
        ({"x": {**STEP, "from": 7}}, ".x.from"),
        ({"x": {"type": "rename"}}, ".x.from"),
        ({"x": {"type": "round"}}, ".x.decimals"),
        ({"x": {"type": "round", "decimals": 5}}, ".x.decimals"),
        ({"x": {"type": "round", "decimals": True}}, ".x.decimals"),
        ({"x": [STEP, {**STEP, "rounding": "up"}]}, ".x[1].rounding"),
        ({"x": {"type": "cast", "to": "float"}}, ".x.to"),
        ({"x": {"type": "number"}}, ".x.decimal"),
        ({"x": {"type": "number", "decimal": ";"}}, ".x.decimal"),
        ({"x": {"type": "date", "format": "%m/%Y"}}, ".x.format"),
        ({"x": {"type": "date", "format": "%d %m"}}, ".x.format"),
        ({"x": {"type": "date", "format": ""}}, ".x.format"),
        ({"x": {"type": "split", "separator": "", "part": 1}}, ".x.separator"),
        ({"x": {"type": "split", "separator": "/", "part": 0}}, ".x.part"),
        ({"x": {"type": "concat", "columns": "a"}}, ".x.columns"),
        ({"x": {"type": "concat", "columns": []}}, ".x.columns"),
        ({"x": {"type": "concat", "columns": [1]}}, ".x.columns"),
        ({"x": {"type": "lookup", "table": []}}, ".x.table"),
        ({"x": {"type": "lookup", "table": {}}}, ".x.table"),
        ({"x": {"type": "lookup", "table": {"a": 1}}}, ".x.table"),
        ({"x": {"type": "lookup", "table": {"a": "b"}, "default": 1}}, ".x.default"),
        ({"x": {"type": "extract", "pattern": "("}}, ".x.pattern"),
        ({"x": {"type": "extract", "pattern": "(?<!a)b"}}, ".x.pattern"),
        ({"x": {"type": "extract", "pattern": "a{1000}{1000}"}}, ".x.pattern"),
        ({"x": {"type": "extract", "pattern": "a" * 1001}}, ".x.pattern"),
        ({"x": {"type": "extract", "pattern": "(a)", "group": 2}}, ".x.group"),
        ({"x": {"type": "constant"}}, ".x.value"),
        ({"x": {"type": "sign", "when": 7}}, ".x.when"),
        ({"x": {"type": "sign", "when": {"column": "a"}}}, ".x.when"),
        ({"x": {"type": "sign", "when": {"equals": "a"}}}, ".x.when.column"),
        ({"x": {"type": "sign", "when": {**WHEN, "in": ["c"]}}}, ".x.when.in"),
        ({"x": {"type": "sign", "when": {"column": "a", "matches": "("}}}, ".x.when.matches"),
        ({"x": {"type": "sign", "when": {"column": "a", "is_blank": 1}}}, ".x.when.is_blank"),
        ({"x": {"type": "conditional", "when": WHEN}}, ".x.then"),
        ({"x": {"type": "conditional", "when": WHEN, "then": 7}}, ".x.then"),
        ({"x": {"type": "conditional", "when": WHEN, "then": {"column": 7}}}, ".x.then.column"),
        (
            {"x": {"type": "conditional", "when": WHEN, "then": "a", "otherwise": {"from": "b"}}},
            ".x.otherwise.column",
        ),
    ],
)
def test_a_transformation_that_makes_no_sense_names_its_path(transformations, key):
    with pytest.raises(MappingInvalid) as refused:
        FieldMapping.from_dict({"columns": COLUMNS, "transformations": transformations})

    assert refused.value.key == f"transformations{key}"
    assert refused.value.message.startswith(f"transformations{key}: ")


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        ({"version": 2}, "version"),
        ({"version": True}, "version"),
        ({"version": "1"}, "version"),
        ({"key_mappings": []}, "key_mappings"),
        ({"key_mappings": {"amount": "Sum"}}, "key_mappings.amount"),
        ({"value_mappings": {"account": "Sum"}}, "value_mappings.account"),
        ({"columns": COLUMNS, "value_mappings": {"amount": "Sum"}}, "value_mappings.amount"),
        ({"key_mappings": {"booked_on": "Day"}}, "columns.amount"),
    ],
)
def test_the_halves_of_a_mapping_are_checked_like_the_whole(spec, key):
    with pytest.raises(MappingInvalid) as refused:
        FieldMapping.from_dict(spec)

    assert refused.value.key == key


def test_a_mapping_is_the_same_whole_or_in_halves():
    keys = {name: column for name, column in COLUMNS.items() if name != "amount"}

    whole = FieldMapping.from_dict({"columns": COLUMNS})
    halves = FieldMapping.from_dict({"key_mappings": keys, "value_mappings": {"amount": "Sum"}})

    assert dict(whole.columns) == dict(halves.columns)
