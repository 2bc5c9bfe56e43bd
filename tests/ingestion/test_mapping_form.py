"""The field mapping as a form: every kind of step gives exactly the JSON of the vocabulary."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.ingestion.formats.mapping_rows import Rows
from apps.ingestion.forms.rows import INPUTS, RowsForm
from apps.ingestion.models import Source
from apps.ingestion.services import change_mapping
from tests.ingestion.conftest import ANNA, BROKEN, MAPPING, table
from tests.pages import text

BASE = {"columns": {"booked_on": "day", "amount": "sum"}, "constants": {"currency": "EUR"}}
# What is filled in for a step that makes "sum", and the JSON of it.
STEPS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "rename": ({"from": "Betrag"}, {"from": "Betrag"}),
    "cast": ({"to": "integer"}, {"to": "integer"}),
    "number": ({"from": "Betrag", "decimal": ","}, {"from": "Betrag", "decimal": ","}),
    "date": ({"format": "%d.%m.%Y"}, {"format": "%d.%m.%Y"}),
    "round": ({"decimals": "2", "rounding": "half_even"}, {"decimals": 2, "rounding": "half_even"}),
    "round, plainly": ({"decimals": "0", "rounding": ""}, {"decimals": 0}),
    "sign": ({"when_column": "", "when_asks": ""}, {}),
    "sign, sometimes": (
        {"when_column": "Art", "when_asks": "in", "when_value": "S\r\nSoll\r\n"},
        {"when": {"column": "Art", "in": ["S", "Soll"]}},
    ),
    "split": ({"from": "Text", "separator": " ", "part": "-1"}, None),
    "concat": ({"columns": "a\r\nb", "separator": " "}, {"columns": ["a", "b"]}),
    "concat, closely": (
        {"columns": "a\nb", "separator": ""},
        {"columns": ["a", "b"], "separator": ""},
    ),
    "lookup": (
        {"from": "Art", "table": "S => -1\nH => 1", "default_kind": ""},
        {"from": "Art", "table": {"S": "-1", "H": "1"}},
    ),
    "lookup, or else": (
        {"table": "S => -1", "default_kind": "text", "default": ""},
        {"table": {"S": "-1"}, "default": ""},
    ),
    "extract": ({"pattern": "INV-([0-9]+)", "group": ""}, {"pattern": "INV-([0-9]+)"}),
    "extract, all": (
        {"pattern": "INV-([0-9]+)", "group": "0", "default_kind": "text", "default": "none"},
        {"pattern": "INV-([0-9]+)", "group": 0, "default": "none"},
    ),
    "constant": ({"value": "1.00"}, {"value": "1.00"}),
    "conditional": (
        {
            "when_column": "Art",
            "when_asks": "equals",
            "when_value": "S",
            "then_kind": "column",
            "then": "Soll",
            "otherwise_kind": "text",
            "otherwise": "0",
        },
        {
            "when": {"column": "Art", "equals": "S"},
            "then": {"column": "Soll"},
            "otherwise": "0",
        },
    ),
    "conditional, kept": (
        {"when_column": "Art", "when_asks": "is_filled", "then_kind": "text", "then": "x"},
        {"when": {"column": "Art", "is_blank": False}, "then": "x"},
    ),
    "conditional, by pattern": (
        {"when_column": "A", "when_asks": "matches", "when_value": "^x", "then": "y"},
        {"when": {"column": "A", "matches": "^x"}, "then": "y"},
    ),
    "conditional, blank": (
        {"when_column": "A", "when_asks": "is_blank", "then": "y"},
        {"when": {"column": "A", "is_blank": True}, "then": "y"},
    ),
}
STEPS["split"] = (STEPS["split"][0], {"from": "Text", "separator": " ", "part": -1})


def sent(*steps: dict[str, str], do: str = "save", **settings: str) -> dict[str, str]:
    """What the page sends: BASE with these steps."""
    posted = {"f-count": "2", "s-count": str(len(steps)), "do": do, "version": "1"}
    fields = (("booked_on", "day"), ("amount", "sum"))
    for number, (field, column) in enumerate(fields):
        posted |= {f"f-{number}-field": field, f"f-{number}-column": column}
    for number, step in enumerate(steps):
        posted |= {f"s-{number}-{name}": value for name, value in step.items()}
    return posted | {f"o-{name}": value for name, value in {"currency": "EUR", **settings}.items()}


def act(source: Source) -> str:
    return reverse("ingestion:mapping-act", args=[source.pk])


def filled(answer: Any) -> dict[str, str]:
    """The inputs of the rows on a page, as a browser would send them."""
    page = answer.content.decode()
    rows = page.partition('id="rows"')[2].partition('id="id_sample"')[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", rows):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        assert name is not None
        found[name[1]] = _plain(value[1]) if value else ""
    for name, inside in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', rows, re.S):
        chosen = re.search(r'value="([^"]*)" selected', inside)
        first = re.search(r'value="([^"]*)"', inside)
        found[name] = (chosen or first)[1]  # type: ignore[index]
    for name, inside in re.findall(r'<textarea name="([^"]*)"[^>]*>(.*?)</textarea>', rows, re.S):
        found[name] = _plain(inside.removeprefix("\n"))
    return found


def _plain(markup: str) -> str:
    for name, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'")):
        markup = markup.replace(name, letter)
    return markup.replace("&amp;", "&")


@pytest.fixture
def raw(define: Any) -> Source:
    """A source without a mapping."""
    source: Source = define("raw", format="csv")
    return source


class TestEachStep:
    @pytest.mark.parametrize("name", STEPS)
    def test_it_gives_the_json_of_the_vocabulary(
        self, name: str, raw: Source, visit: Any, connie: Any
    ) -> None:
        inputs, json_of_it = STEPS[name]
        kind = name.partition(",")[0]
        answer = visit(connie).post(act(raw), sent({"column": "sum", "type": kind, **inputs}))
        assert answer.status_code == 302, text(answer)
        raw.refresh_from_db()
        assert raw.mapping == {**BASE, "transformations": {"sum": {"type": kind, **json_of_it}}}

    @pytest.mark.parametrize("name", STEPS)
    def test_the_page_shows_it_and_sends_it_back_unchanged(
        self, name: str, raw: Source, visit: Any, connie: Any
    ) -> None:
        kind = name.partition(",")[0]
        mapping = {**BASE, "transformations": {"sum": {"type": kind, **STEPS[name][1]}}}
        change_mapping(source_id=raw.pk, mapping=mapping, actor=connie)
        client = visit(connie)
        page = client.get(reverse("ingestion:mapping-form", args=[raw.pk]))
        answer = client.post(act(raw), {**filled(page), "do": "save"}, follow=True)
        assert "nothing changed" in text(answer)

    def test_every_kind_is_here(self) -> None:
        assert {name.partition(",")[0] for name in STEPS} == set(INPUTS)


def test_steps_of_a_column_and_everything_else(raw: Source, visit: Any, connie: Any) -> None:
    steps = (
        {"column": "sum", "type": "number", "from": "Betrag", "decimal": ","},
        {"column": "sum", "type": "round", "decimals": "2", "rounding": ""},
        {"column": "day", "type": "date", "from": "Datum", "format": "%d.%m.%Y"},
    )
    settings = {
        "account": "1000",
        "date_format": "%Y-%m-%d",
        "decimal": ".",
        "separator": "tab",
        "encoding": "cp1252",
        "sheet": "One",
        "has_header": "no",
        "is_inverted": "yes",
        "debit_words": "S\r\nSoll",
        "credit_words": "H",
        "attributes": "some",
        "attribute_columns": "a\r\nb",
    }
    visit(connie).post(act(raw), sent(*steps, **settings))
    raw.refresh_from_db()
    assert raw.mapping == {
        **BASE,
        "transformations": {
            "sum": [
                {"type": "number", "from": "Betrag", "decimal": ","},
                {"type": "round", "decimals": 2},
            ],
            "day": {"type": "date", "from": "Datum", "format": "%d.%m.%Y"},
        },
        "constants": {"account": "1000", "currency": "EUR"},
        "date_format": "%Y-%m-%d",
        "decimal": ".",
        "separator": "\t",
        "encoding": "cp1252",
        "sheet": "One",
        "has_header": False,
        "is_inverted": True,
        "debit_words": ["S", "Soll"],
        "credit_words": ["H"],
        "attributes": ["a", "b"],
    }


def test_a_mapping_in_two_parts_stays_in_two(sales: Source, visit: Any, connie: Any) -> None:
    mapping = {
        "key_mappings": {"booked_on": "date", "reference": ["reference", "id"]},
        "value_mappings": {"amount": "amount"},
        "constants": {"currency": "EUR"},
        "attributes": [],
    }
    change_mapping(source_id=sales.pk, mapping=mapping, actor=connie)
    client = visit(connie)
    page = client.get(reverse("ingestion:mapping-form", args=[sales.pk]))
    posted = {**filled(page), "o-decimal": ".", "do": "save"}
    client.post(act(sales), posted)
    sales.refresh_from_db()
    assert sales.mapping == {**mapping, "decimal": "."}


def test_an_empty_form_is_no_mapping(sales: Source, visit: Any, connie: Any) -> None:
    rows = {"f-count": "1", "f-0-field": "", "f-0-column": ""}
    visit(connie).post(act(sales), {**rows, "version": "1", "do": "save"})
    sales.refresh_from_db()
    assert sales.mapping == {}


@pytest.mark.parametrize(
    ("steps", "settings", "place", "words"),
    [
        (
            [{"column": "sum", "type": "round", "decimals": "many"}],
            {},
            "id_s-0-decimals_error",
            "Step 1, Decimals: is a whole number from 0 to 4.",
        ),
        (
            [
                {"column": "sum", "type": "number", "decimal": "."},
                {"column": "sum", "type": "date", "format": "%d"},
            ],
            {},
            "id_s-1-format_error",
            "Step 2, Written as: needs a day",
        ),
        (
            [{"column": "sum", "type": "sign", "when_column": "A", "when_asks": ""}],
            {},
            "id_s-0-when_asks_error",
            "Step 1: asks nothing",
        ),
        (
            [{"column": "sum", "type": "extract", "pattern": "("}],
            {},
            "id_s-0-pattern_error",
            "is no regular expression",
        ),
        (
            [{"column": "sum", "type": "lookup", "table": "S"}],
            {},
            "id_s-0-table_error",
            "is an object of 1 to",
        ),
        (
            [{"column": "", "type": "constant", "value": "x"}],
            {},
            "id_s-0-column_error",
            "is no column name",
        ),
        ([], {"currency": "EURO"}, "id_o-currency_error", "is not an ISO 4217 currency code."),
        ([], {"date_format": "%d"}, "id_o-date_format_error", "needs a day (%d)"),
        ([], {"separator": "ab"}, "id_o-separator_error", "is one character."),
    ],
)
@pytest.mark.parametrize("do", ["save", "preview"])
def test_a_fault_stands_at_its_input_and_changes_nothing(
    do: str,
    steps: list[dict[str, str]],
    settings: dict[str, str],
    place: str,
    words: str,
    raw: Source,
    visit: Any,
    connie: Any,
    table_counts: Any,
) -> None:
    before = table_counts()
    answer = visit(connie).post(act(raw), sent(*steps, do=do, **settings))
    page = text(answer)
    assert answer.status_code == 422
    assert f'id="{place}"' in page
    assert words in page
    raw.refresh_from_db()
    assert (raw.mapping, table_counts()) == ({}, before)


def test_all_faults_are_told_at_once_each_at_its_input(
    raw: Source, visit: Any, connie: Any
) -> None:
    wrong = {"column": "sum", "type": "round", "decimals": "9"}
    answer = visit(connie).post(act(raw), sent(wrong, do="save", currency="EURO", date_format="%m"))
    page = text(answer)
    assert answer.status_code == 422
    for place in ("id_s-0-decimals_error", "id_o-currency_error", "id_o-date_format_error"):
        assert f'id="{place}"' in page
    assert "Step 1, Decimals: is a whole number from 0 to 4." in page
    said = "How the file is written, Currency of every line: is not an ISO 4217 currency code."
    assert said in page
    raw.refresh_from_db()
    assert raw.mapping == {}


def test_a_fault_of_the_rows_together_stands_above_them(
    raw: Source, visit: Any, connie: Any
) -> None:
    posted = sent() | {"f-count": "1"}
    page = text(visit(connie).post(act(raw), posted))
    assert "columns.amount: is missing, and so are debit and credit." in page


@pytest.mark.parametrize(
    ("do", "columns", "focus"),
    [
        ("add-step", ["one", "two", "three", ""], "row-s-3"),
        ("add-field", ["one", "two", "three"], "row-f-2"),
        ("up-s-2", ["one", "three", "two"], "row-s-1"),
        ("down-s-0", ["two", "one", "three"], "row-s-1"),
        ("remove-s-1", ["one", "three"], "row-s-1"),
        ("remove-s-2", ["one", "two"], "row-s-1"),
        ("up-s-0", ["one", "two", "three"], ""),
        ("down-s-2", ["one", "two", "three"], ""),
        ("refresh", ["one", "two", "three"], ""),
        ("remove-s-9", ["one", "two", "three"], ""),
        ("remove-x-0", ["one", "two", "three"], ""),
        ("", ["one", "two", "three"], ""),
    ],
)
def test_rows_come_go_and_move_and_nothing_is_saved(
    do: str,
    columns: list[str],
    focus: str,
    raw: Source,
    visit: Any,
    connie: Any,
    table_counts: Any,
) -> None:
    steps = [
        {"column": name, "type": "constant", "value": name} for name in ("one", "two", "three")
    ]
    before = table_counts()
    answer = visit(connie).post(act(raw), sent(*steps, do=do))
    found, page = filled(answer), text(answer)
    assert [found[f"s-{number}-column"] for number in range(int(found["s-count"]))] == columns
    assert [found.get(f"s-{n}-value", "") for n in range(len(columns))] == columns
    if focus:
        assert re.search(f'id="{focus}"[^>]*data-focus', page)
    assert table_counts() == before


def test_another_kind_of_step_asks_for_what_it_needs(raw: Source, visit: Any, connie: Any) -> None:
    step = {"column": "sum", "type": "lookup", "decimal": ","}
    page = visit(connie).post(act(raw), sent(step, do="refresh"))
    assert "s-0-table" in filled(page)
    assert "s-0-decimal" not in filled(page)


def test_a_preview_reads_the_sample_and_keeps_the_rows(
    sales: Source, visit: Any, connie: Any, table_counts: Any
) -> None:
    client = visit(connie)
    page = client.get(reverse("ingestion:mapping-form", args=[sales.pk]))
    before = table_counts()
    sample = SimpleUploadedFile("probe.csv", table(ANNA, BROKEN))
    answer = client.post(act(sales), {**filled(page), "do": "preview", "sample": sample})
    assert "probe.csv: 1 line would be read, 1 rejected" in text(answer)
    assert filled(answer) == filled(page)
    assert table_counts() == before


class TestExpert:
    def test_the_rows_can_be_seen_as_json(self, raw: Source, visit: Any, connie: Any) -> None:
        page = text(visit(connie).post(act(raw), sent(do="show-json")))
        shown = page.split('name="mapping"')[1].split(">", 1)[1].split("</textarea>")[0]
        assert json.loads(_plain(shown)) == BASE
        raw.refresh_from_db()
        assert raw.mapping == {}

    def test_json_can_be_seen_as_rows(self, sales: Source, visit: Any, connie: Any) -> None:
        posted = {"mapping": json.dumps(BASE), "version": "1", "do": "show-rows"}
        found = filled(visit(connie).post(act(sales), posted))
        assert (found["f-0-field"], found["f-1-column"], found["o-currency"]) == (
            "booked_on",
            "sum",
            "EUR",
        )
        sales.refresh_from_db()
        assert sales.mapping == MAPPING

    @pytest.mark.parametrize(
        ("mapping", "words"),
        [
            ("{", "This is not JSON"),
            ('{"decimal": "x"}', "decimal: is one of"),
            (
                json.dumps({**BASE, "columns": {"booked_on": "a\nb", "amount": "c"}}),
                "The form cannot show this mapping.",
            ),
        ],
    )
    def test_what_rows_cannot_show_stays_json(
        self, mapping: str, words: str, sales: Source, visit: Any, connie: Any
    ) -> None:
        answer = visit(connie).post(
            act(sales), {"mapping": mapping, "version": "1", "do": "show-rows"}
        )
        assert answer.status_code == 422
        assert words in text(answer)

    def test_a_saved_one_that_rows_cannot_show_leads_there(
        self, sales: Source, visit: Any, connie: Any
    ) -> None:
        odd = {**BASE, "columns": {"booked_on": "a\nb", "amount": "c"}}
        change_mapping(source_id=sales.pk, mapping=odd, actor=connie)
        answer = visit(connie).get(reverse("ingestion:mapping-form", args=[sales.pk]), follow=True)
        assert answer.redirect_chain == [(reverse("ingestion:mapping", args=[sales.pk]), 302)]
        assert "something that the form cannot show" in text(answer)


@pytest.mark.parametrize(
    ("who", "status"), [("charlie", 404), ("alice", 403), ("victor", 404), (None, 302)]
)
def test_who_may_not(
    who: str | None, status: int, sales: Source, visit: Any, request: Any, table_counts: Any
) -> None:
    client = visit(request.getfixturevalue(who) if who else None)
    before = table_counts()
    assert client.get(reverse("ingestion:mapping-form", args=[sales.pk])).status_code == status
    assert client.post(act(sales), sent()).status_code == status
    sales.refresh_from_db()
    assert (sales.mapping, table_counts()) == (MAPPING, before)


def test_a_fault_without_a_place_is_told_all_the_same() -> None:
    form = RowsForm.of(Rows([], [], {}))
    form.blame("", "The source is retired.")
    assert form.faults == ["The source is retired."]
