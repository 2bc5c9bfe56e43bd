"""A field mapping is checked key by key before a file is seen."""

from __future__ import annotations

import copy

import pytest

from apps.ingestion.formats import FieldMapping, MappingInvalid
from apps.ingestion.formats.mapping_faults import MOST_FAULTS, faults_of

SOUND = {"booked_on": "Day", "amount": "Sum"}
SIDES = {"booked_on": "Day", "debit": "Out", "credit": "In"}


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        ({"has_header": False}, "columns"),
        ({"columns": []}, "columns"),
        ({"columns": SOUND, "colums": {}}, "colums"),
        ({"columns": {**SOUND, "price": "Sum"}}, "columns.price"),
        ({"columns": {**SOUND, "amount": ""}}, "columns.amount"),
        ({"columns": {**SOUND, "amount": []}}, "columns.amount"),
        ({"columns": {**SOUND, "amount": [None]}}, "columns.amount"),
        ({"columns": {**SOUND, "amount": ["Sum", "Sum"]}}, "columns.amount"),
        ({"columns": {**SOUND, "amount": True}}, "columns.amount"),
        ({"columns": {**SOUND, "booked_on": ["Day", "Date"]}}, "columns.booked_on"),
        ({"columns": {"amount": "Sum"}}, "columns.booked_on"),
        ({"columns": {"booked_on": "Day"}}, "columns.amount"),
        ({"columns": {**SIDES, "amount": "Sum"}}, "columns.amount"),
        ({"columns": {**SIDES, "indicator": "Side"}}, "columns.indicator"),
        ({"columns": {"booked_on": "Day", "debit": "Out"}}, "columns.debit"),
        ({"columns": SOUND, "constants": []}, "constants"),
        ({"columns": SOUND, "constants": {"amount": "1"}}, "constants.amount"),
        ({"columns": SOUND, "constants": {"account": ""}}, "constants.account"),
        ({"columns": SOUND, "constants": {"account": 1}}, "constants.account"),
        ({"columns": SOUND, "constants": {"currency": "EURO"}}, "constants.currency"),
        ({"columns": SOUND, "decimal": ";"}, "decimal"),
        ({"columns": SOUND, "decimal": 1}, "decimal"),
        ({"columns": SOUND, "separator": ";;"}, "separator"),
        ({"columns": SOUND, "separator": "a"}, "separator"),
        ({"columns": SOUND, "separator": "§"}, "separator"),
        ({"columns": SOUND, "encoding": "utf-7"}, "encoding"),
        ({"columns": SOUND, "date_format": 1}, "date_format"),
        ({"columns": SOUND, "date_format": "%m/%Y"}, "date_format"),
        ({"columns": SOUND, "date_format": "%d.%m."}, "date_format"),
        ({"columns": SOUND, "has_header": "no"}, "has_header"),
        ({"columns": SOUND, "is_inverted": 1}, "is_inverted"),
        ({"columns": SOUND, "debit_words": []}, "debit_words"),
        ({"columns": SOUND, "debit_words": ["C"]}, "debit_words"),
        ({"columns": SOUND, "attributes": [""]}, "attributes"),
    ],
)
def test_a_mapping_that_makes_no_sense_names_the_key(spec, key):
    with pytest.raises(MappingInvalid) as refused:
        FieldMapping.from_dict(spec)

    assert refused.value.key == refused.value.field == key
    assert refused.value.message.startswith(f"{key}: ")


def test_a_full_mapping_is_frozen_and_knows_its_columns():
    mapping = FieldMapping.from_dict(
        {
            "columns": {**SOUND, "narrative": ["Text 1", "Text 2"], "indicator": "Side"},
            "constants": {"currency": "EUR", "account": "NL01"},
            "date_format": "%d %b %y",
            "decimal": ",",
            "separator": "|",
            "encoding": "cp850",
            "has_header": True,
            "is_inverted": True,
            "debit_words": ["Belast "],
            "credit_words": "Gut",
            "attributes": ["Shop"],
        }
    )

    assert mapping.named_columns == {"Day", "Sum", "Text 1", "Text 2", "Side", "Shop"}
    assert (mapping.debit_words, mapping.credit_words) == (("belast",), ("gut",))
    with pytest.raises(TypeError):
        mapping.columns["amount"] = ("Other",)  # type: ignore[index]
    with pytest.raises(AttributeError):
        mapping.decimal = "."  # type: ignore[misc]


def test_positions_stand_for_names_where_there_is_no_header():
    mapping = FieldMapping.from_dict(
        {"columns": {"booked_on": 1, "amount": [2, "3"]}, "has_header": False, "attributes": []}
    )

    assert mapping.columns["amount"] == ("2", "3")
    assert mapping.attributes == ()


@pytest.mark.parametrize(
    ("spec", "keys"),
    [
        ({}, []),
        ({"columns": SOUND, "has_header": False}, []),
        (
            {
                "columns": {**SOUND, "price": "Sum", "booked_on": ["Day", "Date"]},
                "colums": {},
                "constants": {"amount": "1", "currency": "EURO"},
                "transformations": {
                    "a.b": {"type": "round", "decimals": 9},
                    "a": [{"type": "number", "decimal": ","}, {"type": "rond"}],
                    "c": {"type": "constant", "value": "1"},
                },
                "decimal": ";",
                "has_header": "no",
                "debit_words": ["C"],
                "version": 2,
            },
            [
                *("colums", "version", "columns.booked_on", "columns.price"),
                *("transformations.a.b.decimals", "transformations.a[1].type"),
                *("constants.amount", "constants.currency", "decimal", "has_header"),
                "debit_words",
            ],
        ),
        # What lacks among the columns does not hide the rest.
        ({"columns": {"amount": "Sum"}, "encoding": "utf-7"}, ["columns.booked_on", "encoding"]),
        (
            {"columns": {**SIDES, "amount": "Sum"}, "is_inverted": 1},
            ["columns.amount", "is_inverted"],
        ),
        (
            {"key_mappings": {"booked_on": "Day"}, "value_mappings": {"debit": "D"}, "decimal": 1},
            ["columns.debit", "decimal"],
        ),
        (
            {"columns": SOUND, "value_mappings": {"amount": "Sum"}, "sheet": ""},
            ["value_mappings.amount", "sheet"],
        ),
        # What lacks only because its field is misspelt is not told as well.
        ({"columns": {"booked_on": "Day", "amuont": "Sum"}}, ["columns.amuont"]),
        ({"columns": {"amuont": "Sum"}, "has_header": False}, ["columns.amuont"]),
        ({"columns": [], "sheet": 1, "has_header": False}, ["columns", "sheet"]),
        ({"has_header": False, "sheet": 1}, ["sheet", "columns"]),
        ({"columns": 1, "constants": 1, "transformations": 1}, None),
        (
            {"columns": SOUND, "debit_words": ["x", "y"], "credit_words": ["x", "y", "d"]},
            ["debit_words"],
        ),
    ],
)
def test_all_that_is_wrong_is_told_at_once(spec, keys):
    before = copy.deepcopy(spec)
    found = faults_of(spec)
    wanted = ["columns", "transformations", "constants"] if keys is None else keys
    assert [fault.key for fault in found] == wanted
    assert spec == before
    if found:
        with pytest.raises(MappingInvalid) as refused:
            FieldMapping.from_dict(spec)
        assert refused.value.message == found[0].message
    else:
        FieldMapping.from_dict(spec)


def test_it_ends_however_much_is_wrong():
    spec = {"columns": SOUND, **{f"key {number}": 1 for number in range(1_000)}}
    assert len(faults_of(spec)) == MOST_FAULTS
