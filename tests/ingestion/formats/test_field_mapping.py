"""A field mapping is checked key by key before a file is seen."""

from __future__ import annotations

import pytest

from apps.ingestion.formats import FieldMapping, MappingInvalid

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
