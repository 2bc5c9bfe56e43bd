"""JSON and NDJSON records; numbers are text all the way."""

from __future__ import annotations

import json
from datetime import date

import pytest

from apps.ingestion.formats import FieldMapping, Reading, read
from apps.ingestion.formats.errors import (
    AmbiguousNumbers,
    ColumnMissing,
    FileTooLarge,
    ForbiddenConstruct,
    MalformedFile,
)

RECORD = '{"id": 7, "date": "2026-04-07", "amount": -4.50, "currency": "EUR"}'


def read_json(text: str, **spec: object) -> Reading:
    mapping = FieldMapping.from_dict(spec) if spec else None
    return read(text.encode(), filename="records.json", mapping=mapping)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"[{RECORD},\n\n{RECORD}]", [1, 3]),
        (f'{{"count": 2,\n"records": [\n{RECORD},\n{RECORD}\n], "next": null}}', [3, 4]),
        (f'{{"items": [{RECORD}, {RECORD}]}}', [1, 2]),  # counted, since both share a line
        (f'{{"data": [{RECORD},\n{RECORD}], "more": {{"items": []}}}}\n', [1, 2]),
        (f"{RECORD}\n\n{RECORD}\n", [1, 3]),
        (f"\ufeff{RECORD}\r\n{RECORD}", [1, 2]),
    ],
)
def test_the_shapes_of_records(text, lines):
    reading = read_json(text)

    assert reading.format == "json"
    assert reading.lines["line"].to_list() == lines
    assert reading.lines["amount"].to_list() == [-45_000, -45_000]
    assert reading.lines["external_id"].to_list() == ["7", "7"]


@pytest.mark.parametrize(
    ("key", "members", "lines"),
    [("items", "[]", 1), ("items", '[{"sku": 1}]', 1), ("jobs", f"[{RECORD}, {RECORD}]", 1)],
)
def test_a_record_may_have_a_list_of_a_name_that_lists_of_records_have(key, members, lines):
    record = RECORD.replace("}", f', "{key}": {members}}}')

    for text in (record, f'{{"records": [{record}]}}'):
        reading = read_json(text)
        assert reading.lines["amount"].to_list() == [-45_000] * lines
        assert key in json.loads(reading.lines["attributes"][0])


@pytest.mark.parametrize(
    "envelope",
    ['"date": "2026-04-30"', '"amount": "9.00"', '"from": "2026-04-01", "total": 3', '"a": {}'],
)
def test_what_stands_beside_a_list_of_records_makes_no_record(envelope):
    text = f'{{{envelope}, "transactions": [{RECORD}, {RECORD}]}}'

    assert read_json(text).lines["external_id"].to_list() == ["7", "7"]


def test_a_mapping_says_what_a_record_has():
    columns = {"booked_on": "date", "amount": "sum.value", "currency": "sum.currency"}
    sums = '"sum": {"value": "1.50", "currency": "EUR"}'
    text = f'{{"date": "2026-04-07", {sums}, "items": [{{"sku": 1}}]}}'

    assert read_json(text, columns=columns).lines["amount"].to_list() == [15_000]


def test_escapes_are_the_characters_they_stand_for():
    text = RECORD.replace("}", ', "memo": "\\u00e9 \\ud83d\\ude00"}')

    assert read_json(text).lines["narrative"].to_list() == ["é 😀"]


def test_a_single_object_is_a_record():
    assert read_json(RECORD).lines["booked_on"].to_list() == [date(2026, 4, 7)]


@pytest.mark.parametrize("text", ["[]", "[ ]", '{"records": []}', '{"data":[],"next":null}'])
def test_no_records_are_an_empty_reading(text):
    reading = read_json(text)

    assert (reading.lines.height, reading.statements, reading.rejected) == (0, (), ())


def test_nested_objects_are_columns_and_lists_stay_json():
    record = {
        "date": "2026-04-07",
        "amount": {"value": "12.50", "currency": "EUR"},
        "tags": ["a", {"b": None}],
        "paid": True,
        "note": None,
        "text": 'say "é"',
    }

    reading = read_json(
        json.dumps([record]),
        columns={"booked_on": "date", "amount": "amount.value", "currency": "amount.currency"},
    )

    assert reading.lines.select("amount", "currency").rows() == [(125_000, "EUR")]
    assert json.loads(reading.lines["attributes"][0]) == {
        "paid": "true",
        "tags": '["a",{"b":null}]',
        "text": 'say "é"',
    }


def test_records_may_lack_keys_of_others():
    other = RECORD.replace('"id": 7', '"shop": "x"')

    reading = read_json(f"[{RECORD}, {other}]")

    assert reading.lines["external_id"].to_list() == ["7", ""]
    assert reading.lines["attributes"].to_list() == ["{}", '{"shop":"x"}']


@pytest.mark.parametrize(
    ("number", "units"),
    [
        ("1.000", 10_000),
        ("0.1", 1_000),
        ("99999999999999.99", 999_999_999_999_999_900),
        ("-0", 0),
        ("0.10000000", 1_000),
    ],
)
def test_numbers_have_a_decimal_point_and_never_become_floats(number, units):
    reading = read_json(RECORD.replace("-4.50", number), decimal=",")

    assert reading.lines["amount"].to_list() == [units]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1E2", "0.00001"])
def test_numbers_that_are_no_amounts_are_rejected(number):
    reading = read_json(f"[{RECORD},\n" + RECORD.replace("-4.50", number) + "]")

    assert [(one.line, one.field) for one in reading.rejected] == [(2, "amount")]
    assert reading.lines.height == 1


def test_amounts_as_text_follow_the_rules_of_text():
    text = RECORD.replace("-4.50", '"1.234,50"')

    assert read_json(text).lines["amount"].to_list() == [12_345_000]
    with pytest.raises(AmbiguousNumbers):
        read_json(RECORD.replace("-4.50", '"1.234"'))


@pytest.mark.parametrize(
    ("text", "refusal", "line"),
    [
        ('[{"a": 1, "a": 2}]', ForbiddenConstruct, 1),
        ('[\n{"b": {"a": 1, "a": 2}}]', ForbiddenConstruct, 2),
        ('{"date": "x", "date": "y"}', ForbiddenConstruct, 1),
        ('{"records": [], "records": []}', ForbiddenConstruct, 1),
        ('{"records": [], "items": []}', MalformedFile, 1),
        ('[{}, "x"]', MalformedFile, 1),
        (f"[{RECORD}", MalformedFile, 1),
        (f"[{RECORD},]", MalformedFile, 1),
        (f"[{RECORD} {RECORD}]", MalformedFile, 1),
        (f"[{RECORD}]\n[]", MalformedFile, 2),
        (f"{RECORD}\n{RECORD[:-5]}", MalformedFile, 2),
        ('{"a" 1}', MalformedFile, 1),
        ('{"a": 1,}', MalformedFile, 1),
        ('{"a": 01}', MalformedFile, 1),
        ("[{\"a\": 'x'}]", MalformedFile, 1),
        ('[{"a": "\t"}]', MalformedFile, 1),
        ('[{"a": ' + "[" * 100_000 + "]" * 100_000 + "}]", ForbiddenConstruct, 1),
        ('[{"a": ' + '{"a":' * 10 + "1" + "}" * 10 + "}]", ForbiddenConstruct, 1),
        ('[{"a": ' + "[" * 10 + "]" * 10 + "}]", ForbiddenConstruct, 1),
        ('[{"a": "\\u0000"}]', ForbiddenConstruct, 1),
        ('[{"\\u0000": 1}]', ForbiddenConstruct, 1),
        ('[{"a": ["\\ud800"]}]', ForbiddenConstruct, 1),
        ('[{"\\udfff": "é"}]', ForbiddenConstruct, 1),
        ("[{" + ",".join(f'"k{n}":1' for n in range(501)) + "}]", FileTooLarge, None),
        ('[{"a": 1}]', ColumnMissing, None),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_its_line(text, refusal, line):
    with pytest.raises(refusal) as refused:
        read_json(text)

    assert refused.value.line == line


@pytest.mark.parametrize("text", ["{1: 2}", '{["a"]: 2}', '"x"', "1", "{", "nonsense"])
def test_other_json_and_no_json_are_refused(text):
    with pytest.raises(MalformedFile):
        read(text.encode(), filename="records.json", format="json")


def test_a_list_of_something_else_is_refused_by_line():
    with pytest.raises(MalformedFile) as refused:
        read(b"[\n1]", filename="records.json", format="json")

    assert refused.value.line == 2


def test_a_key_that_the_mapping_names_must_be_there():
    with pytest.raises(ColumnMissing) as refused:
        read_json(f"[{RECORD}]", columns={"booked_on": "date", "amount": "sum"})

    assert refused.value.field == "sum"


def test_lists_as_deep_as_allowed_are_kept():
    text = RECORD.replace(": 7", ": " + "[" * 8 + "]" * 8)

    assert read_json(text).lines["external_id"].to_list() == ["[" * 8 + "]" * 8]


def test_numbers_beside_texts_cannot_pass_for_grouped_thousands():
    def amounts_of(number: str, **spec: object) -> list[int]:
        beside = RECORD.replace("-4.50", '"1.234,50"')
        text = f"[{RECORD.replace('-4.50', number)}, {beside}]"
        return read_json(text, **spec).lines["amount"].to_list()

    assert amounts_of("7") == [70_000, 12_345_000]
    assert amounts_of("1.25", decimal=",") == [12_500, 12_345_000]
    with pytest.raises(AmbiguousNumbers):
        amounts_of("1.234")
