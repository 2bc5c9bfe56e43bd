"""Rows show a mapping and give it back; what they cannot show they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ingestion.formats import FieldMapping, MappingInvalid
from apps.ingestion.formats.mapping_rows import Rows, Unshowable, mapping_of, rows_of
from tests.examples import examples

NAMES = st.sampled_from(["a", "Betrag", " b ", "x=>y", "", "sum[1].x", 'say "d"', "c\nd"])
TEXTS = st.one_of(NAMES, st.sampled_from([",", "=>", "1"]))
CONDITION = st.fixed_dictionaries(
    {"column": NAMES},
    optional={
        "equals": TEXTS,
        "in": st.lists(TEXTS, max_size=2),
        "matches": st.sampled_from(["^a", "("]),
        "is_blank": st.booleans(),
    },
)
BRANCH = st.one_of(TEXTS, st.fixed_dictionaries({"column": NAMES}))
WHERE = {"from": NAMES}
DEFAULT = {"default": TEXTS}


def step(kind: str, needed: dict[str, Any], **optional: Any) -> Any:
    return st.fixed_dictionaries({"type": st.just(kind), **needed}, optional={**optional, **WHERE})


STEP = st.one_of(
    step("rename", {}),
    step("cast", {"to": st.sampled_from(["text", "date", "nothing"])}),
    step("number", {"decimal": st.sampled_from([".", ","])}),
    step("date", {"format": st.sampled_from(["%d.%m.%Y", "%d"])}),
    step("round", {"decimals": st.integers(-1, 4)}, rounding=st.just("down")),
    step("sign", {}, when=CONDITION),
    step("split", {"separator": TEXTS, "part": st.integers(-2, 2)}),
    step("concat", {"columns": st.lists(NAMES, max_size=3)}, separator=TEXTS),
    step("lookup", {"table": st.dictionaries(TEXTS, TEXTS, max_size=2)}, **DEFAULT),
    step("extract", {"pattern": st.just("(a)b")}, group=st.integers(0, 2), **DEFAULT),
    step("constant", {"value": TEXTS}),
    step("conditional", {"when": CONDITION, "then": BRANCH}, otherwise=BRANCH),
)
COLUMNS = st.one_of(NAMES, st.lists(NAMES, min_size=1, max_size=2), st.integers(1, 3))
MAPPINGS = st.fixed_dictionaries(
    {"columns": st.fixed_dictionaries({"booked_on": NAMES, "amount": COLUMNS})},
    optional={
        "transformations": st.dictionaries(
            NAMES, st.one_of(STEP, st.lists(STEP, max_size=3)), max_size=3
        ),
        "constants": st.fixed_dictionaries({}, optional={"currency": st.just("EUR")}),
        "separator": st.sampled_from([None, ";", "\t", " "]),
        "has_header": st.booleans(),
        "is_inverted": st.booleans(),
        "debit_words": st.one_of(
            st.just("out"),
            st.lists(st.sampled_from(["out", "minus", 7]), min_size=1, unique=True),
        ),
        "attributes": st.one_of(st.none(), st.lists(NAMES, max_size=2)),
        "version": st.just(1),
    },
)


@given(mapping=MAPPINGS)
@settings(max_examples=examples(200))
def test_what_rows_show_is_the_mapping(mapping: dict[str, Any]) -> None:
    try:
        sound = FieldMapping.from_dict(mapping)
    except MappingInvalid:
        return
    try:
        rows = rows_of(mapping)
    except Unshowable:
        return
    assert FieldMapping.from_dict(mapping_of(rows).mapping) == sound


@given(mapping=MAPPINGS)
@settings(max_examples=examples(200))
def test_every_fault_of_a_step_has_its_row(mapping: dict[str, Any]) -> None:
    """Rows of a mapping that is not sound: the fault leads to one of them."""
    try:
        rows = rows_of({**mapping, "columns": {"booked_on": "d", "amount": "a"}})
    except (Unshowable, MappingInvalid):
        return
    for row in rows.steps:
        row["type"] = "round"
        row["decimals"] = "many"
    built = mapping_of(rows)
    if rows.steps:
        with pytest.raises(MappingInvalid) as fault:
            FieldMapping.from_dict(built.mapping)
        assert built.place_of(fault.value.key) == ("steps", 0, "decimals")


@pytest.mark.parametrize(
    "change",
    [
        {"columns": {"booked_on": "a\nb", "amount": "c"}},
        {"transformations": {"a": {"type": "lookup", "table": {"x => y": "z"}}}},
        {"transformations": {"a": {"type": "constant", "value": "x", "from": "b"}}},
        {"transformations": {"a": {"type": "concat", "columns": ["a", " "]}}},
        {"sheet": "a\nb"},
        {"transformations": {"a": {"type": "lookup", "table": {"x\ny": "z"}}}},
    ],
)
def test_what_rows_cannot_show(change: dict[str, Any]) -> None:
    mapping = {"columns": {"booked_on": "d", "amount": "a"}, **change}
    FieldMapping.from_dict(mapping)
    with pytest.raises(Unshowable):
        rows_of(mapping)


def test_blank_rows_are_left_out() -> None:
    blank = Rows([{"field": "", "column": ""}], [{"column": "", "type": ""}], {})
    assert mapping_of(blank).mapping == {}


def test_an_unsound_mapping_has_no_rows() -> None:
    with pytest.raises(MappingInvalid, match="decimal"):
        rows_of({"decimal": "x"})


def test_no_mapping_is_no_row() -> None:
    rows = rows_of({})
    assert (rows.fields, rows.steps, mapping_of(rows).mapping) == ([], [], {})


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("transformations.sum", ("steps", 0, "column")),
        ("transformations.sum[1].when.column", ("steps", 1, "when_column")),
        ("transformations.sum[1].when.is_blank", ("steps", 1, "when_value")),
        ("transformations.sum[1]", ("steps", 1, "type")),
        ("columns.amount", ("fields", 1, "column")),
        ("columns.debit", None),
        ("transformations.other.to", None),
        ("constants.account", ("settings", 0, "account")),
        ("debit_words", ("settings", 0, "debit_words")),
    ],
)
def test_a_path_leads_to_its_input(path: str, place: Any) -> None:
    steps = [{"type": "number", "decimal": "."}, {"type": "sign"}]
    mapping = {"columns": {"booked_on": "d", "amount": "sum"}, "transformations": {"sum": steps}}
    assert mapping_of(rows_of(mapping)).place_of(path) == place
