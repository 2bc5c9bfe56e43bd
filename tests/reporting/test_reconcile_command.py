"""`bin/finflow reconcile`: two plain files, exactly the promised keys, and no database.

No test here asks for the database, so any access to it fails.
"""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from tests.ingestion.formats.documents import camt, entry

RULES: dict[str, Any] = {
    "version": "1",
    "passes": [
        {"name": "Reference", "kind": "exact", "keys": ["reference"]},
        {
            "name": "Nearly [0.05]",
            "kind": "tolerance",
            "keys": ["reference"],
            "tolerance": {"absolute": "0.05"},
            "status": "suggested",
        },
    ],
}
HEAD = "date,amount,currency,reference\n"
LEFT = HEAD + (
    "2026-01-05,100.00,EUR,INV-1\n"
    "2026-01-06,250.00,EUR,INV-2\n"
    "2026-01-07,75.50,EUR,INV-3\n"
    "2026-01-08,19.99,EUR,INV-4\n"
)
RIGHT = HEAD + (
    "2026-01-08,20.00,EUR,INV-4\n"
    "2026-01-06,245.00,EUR,INV-2\n"
    "2026-01-20,12.00,EUR,INV-9\n"
    "2026-01-05,100.00,EUR,INV-1\n"
)
BROKEN = HEAD + "2026-01-05,100.00,EUR,INV-1\n2026-01-06,1x0,EUR,INV-2\n2026-01-07,5.00,EUR,INV-3\n"
MT940 = (
    ":20:S\r\n:25:NL91HRBR0417230200\r\n:28C:1\r\n:60F:C230401EUR100,00\r\n"
    ":61:2304070407D10,00NTRFINV-1//B-1\r\n:86:Rent\r\n"
    ":61:2304080408C5,00NTRFINV-2//B-2\r\n:86:Refund\r\n:62F:C230430EUR{closing}\r\n-\r\n"
)


class Stage:
    """A folder with the files of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, name: str, content: str | bytes | dict[str, Any]) -> str:
        path = self.folder / name
        if isinstance(content, dict):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def words(
        self, left: str | bytes = LEFT, right: str | bytes = RIGHT, rules: Any = RULES
    ) -> list[str]:
        sides = (("left.csv", left), ("right.csv", right), ("rules.json", rules))
        paths = [self.keep(name, content) for name, content in sides]
        return ["--left", paths[0], "--right", paths[1], "--rules", paths[2]]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def run(*words: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("reconcile", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def document(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*words, "--json")[0])
    return found


def refused(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("reconcile", *words, "--json", stdout=out, stderr=io.StringIO())
    assert end.value.code == 1
    error: dict[str, Any] = json.loads(out.getvalue())["error"]
    return error


def test_scripts_get_exactly_these_keys(stage: Stage) -> None:
    said = document(*stage.words())
    seconds = said.pop("seconds")
    assert isinstance(seconds, float)
    assert seconds >= 0
    assert said == {
        "left_rows": 4,
        "right_rows": 4,
        "groups": [
            {
                "pass": "Reference",
                "status": "automatic",
                "left": [1],
                "right": [4],
                "difference": "0.00",
                "reasons": [
                    "reference equal: INV-1",
                    "amount equal",
                    "booked on the same day",
                ],
            },
            {
                "pass": "Nearly [0.05]",
                "status": "suggested",
                "left": [4],
                "right": [1],
                "difference": "-0.01",
                "reasons": [
                    "reference equal: INV-4",
                    "amount differs by 0.01 EUR (tolerance 0.05)",
                    "booked on the same day",
                ],
            },
        ],
        "breaks": [
            {
                "side": "both",
                "rows": {"left": [2], "right": [2]},
                "cause": "amount",
                "amount": "5.00",
                "reason": "amount differs by 5.00 EUR, reference INV-2 is equal",
            },
            {
                "side": "left",
                "rows": [3],
                "cause": "missing_right",
                "amount": "75.50",
                "reason": "no counterpart on the right for INV-3 of 75.50 EUR, booked 2026-01-07,"
                " 13 days before 2026-01-20",
            },
            {
                "side": "right",
                "rows": [3],
                "cause": "timing",
                "amount": "-12.00",
                "reason": "no counterpart on the left for INV-9 of 12.00 EUR, booked 2026-01-20,"
                " 0 days before 2026-01-20: still awaited, up to 5 days",
            },
        ],
        "proof_amount": "0.00",
    }


def test_people_get_tables_with_their_words_as_they_are(stage: Stage) -> None:
    said, _ = run(*stage.words())
    assert "4 rows on the left, 4 on the right" in said
    assert "Nearly [0.05]" in said
    assert "missing right" in said
    assert "amount differs by 5.00 EUR" in said
    assert "proof): 0.00" in said
    assert "more breaks" not in said


def test_on_a_terminal_people_see_how_far_it_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    document(*stage.words())
    steps = ("Pass 1 of 2, Reference: 8 rows open", "Pass 2 of 2, Nearly [0.05]: ", "Explaining: ")
    for words in ("Reading left.csv", "Reading right.csv", *steps):
        assert words in terminal.getvalue()


def test_people_of_two_files_that_agree_read_of_no_break(stage: Stage) -> None:
    assert "Breaks" not in run(*stage.words(LEFT, LEFT))[0]


def test_of_many_breaks_people_get_the_first_and_a_count(stage: Stage) -> None:
    many = HEAD + "".join(f"2026-01-05,{number}.00,EUR,A-{number}\n" for number in range(1, 26))
    assert "5 more breaks; --json lists all." in run(*stage.words(many, HEAD))[0]


def test_a_break_of_many_rows_names_the_first_to_people_and_all_to_scripts(stage: Stage) -> None:
    parts = HEAD + "".join(f"2026-01-05,{number}.00,EUR,A\n" for number in range(1, 8))
    words = stage.words(HEAD + "2026-01-05,28.00,EUR,A\n", parts)
    assert "1, 2, 3, 4, 5 and 2 more" in run(*words)[0]
    (found,) = document(*words)["breaks"]
    assert found["rows"] == {"left": [1], "right": [1, 2, 3, 4, 5, 6, 7]}
    assert (found["side"], found["cause"], found["amount"]) == ("both", "split", "0.00")


def test_pending_entries_are_left_out_and_told(stage: Stage) -> None:
    pending = (Path(__file__).parents[1] / "samples/camt/genkgo_camt052.v4.xml").read_bytes()
    out, told = run(*stage.words(pending, HEAD), "--json")
    assert json.loads(out)["left_rows"] == 0
    assert "1 pending entries were left out." in told


@pytest.mark.parametrize(
    ("currency", "amount", "other", "difference", "proof"),
    [("JPY", "1000", "999", "1", "0"), ("KWD", "1.500", "1.499", "0.001", "0.000")],
)
def test_amounts_have_the_decimals_of_their_currency(
    stage: Stage, currency: str, amount: str, other: str, difference: str, proof: str
) -> None:
    left, right = (f"{HEAD}2026-01-05,{text},{currency},A\n" for text in (amount, other))
    point = {"mapping": {"decimal": "."}}
    said = document(*stage.words(left, right, {**RULES, "left": point, "right": point}))
    found = said["groups"] or said["breaks"]
    assert found[0].get("difference", found[0].get("amount")) == difference
    assert said["proof_amount"] == proof


def test_the_proof_of_several_currencies_has_the_decimals_of_the_finest(stage: Stage) -> None:
    rows = "2026-01-05,1000,JPY,A\n2026-01-05,1.500,KWD,B\n2026-01-05,1.00,EUR,C\n"
    said = document(*stage.words(HEAD + rows, HEAD))
    assert said["proof_amount"] == "0.000"
    assert [each["amount"] for each in said["breaks"]] == ["1000", "1.500", "1.00"]


def test_two_files_without_rows_agree(stage: Stage) -> None:
    said = document(*stage.words(HEAD, HEAD))
    said.pop("seconds")
    assert said == {
        "left_rows": 0,
        "right_rows": 0,
        "groups": [],
        "breaks": [],
        "proof_amount": "0.00",
    }


def test_lines_of_a_statement_are_rows_in_reading_order(stage: Stage) -> None:
    left = MT940.replace("{closing}", "95,00")
    right = HEAD + "2023-04-08,5.00,EUR,INV-2\n2023-04-07,-10.00,EUR,INV-1\n"
    said = document(*stage.words(left, right))
    assert [(each["left"], each["right"]) for each in said["groups"]] == [([1], [2]), ([2], [1])]


def test_a_statement_that_does_not_tie_is_told(stage: Stage) -> None:
    _, told = run(*stage.words(MT940.replace("{closing}", "90,00"), HEAD), "--json")
    assert "do not add up to the closing balance" in told


def test_awaited_is_counted_from_the_day_that_is_named(stage: Stage) -> None:
    words = stage.words(LEFT, HEAD)
    assert {each["cause"] for each in document(*words)["breaks"]} == {"timing"}
    later = document(*words, "--as-of", "2026-03-31")
    assert {each["cause"] for each in later["breaks"]} == {"missing_right"}


# --- How the files are read -----------------------------------------------------------------

BARE = "Tag;Betrag;Beleg\n05.01.2026;100,00;INV-1\n"
MAPPING = {
    "columns": {"booked_on": "Tag", "amount": "Betrag", "reference": "Beleg"},
    "constants": {"currency": "EUR"},
}


def test_a_mapping_comes_from_an_option_or_from_the_rules_file(stage: Stage) -> None:
    mapping = stage.keep("mapping.json", MAPPING)
    by_option = document(*stage.words(BARE, RIGHT), "--left-mapping", mapping)
    one_file = {**RULES, "left": {"format": "csv", "mapping": MAPPING}, "right": {}}
    by_rules = document(*stage.words(BARE, RIGHT, one_file))
    assert [(each["left"], each["right"]) for each in by_option["groups"]] == [([1], [4])]
    assert by_rules | {"seconds": 0} == by_option | {"seconds": 0}


def test_an_option_stands_before_the_rules_file(stage: Stage) -> None:
    wrong = {**RULES, "left": {"format": "json", "mapping": {"constants": {"currency": "USD"}}}}
    mapping = stage.keep("mapping.json", MAPPING)
    words = stage.words(BARE, RIGHT, wrong)
    said = document(*words, "--left-format", "csv", "--left-mapping", mapping)
    assert len(said["groups"]) == 1


# --- Rejected lines -------------------------------------------------------------------------


def test_a_file_with_a_rejected_line_is_refused_and_the_line_named(stage: Stage) -> None:
    error = refused(*stage.words(RIGHT, BROKEN))
    assert error["code"] == "LINES_REJECTED"
    assert "right.csv: 1 line cannot be read: line 3, amount: " in error["message"]
    details = error["details"]
    assert (details["file"], details["count"]) == ("right.csv", 1)
    assert [(each["line"], each["field"]) for each in details["rejected"]] == [(3, "amount")]


def test_of_many_rejected_lines_some_are_named_and_all_counted(stage: Stage) -> None:
    broken = HEAD + "2026-01-05,1.00,EUR,A\n" * 5 + "2026-01-06,1x0,EUR,INV-2\n" * 120
    error = refused(*stage.words(broken))
    assert "120 lines cannot be read" in error["message"]
    assert error["message"].endswith("And 110 more.")
    assert error["details"]["count"] == 120
    assert len(error["details"]["rejected"]) == 100


def test_rejected_lines_are_left_out_on_request_and_rows_stay_those_of_the_file(
    stage: Stage,
) -> None:
    words = stage.words(BROKEN, HEAD)
    out, told = run(*words, "--skip-rejected", "--json")
    said = json.loads(out)
    assert [each["rows"] for each in said["breaks"]] == [[1], [3]]
    assert said["left_rows"] == 2
    assert told == "left.csv: 1 rejected lines were left out.\n"


def test_rows_that_share_a_line_of_text_are_counted_too(stage: Stage) -> None:
    good = {"date": "2026-01-05", "amount": "1.00", "currency": "EUR"}
    rows = json.dumps([good, {**good, "amount": "1x0"}, good])
    words = stage.words(rows, HEAD)
    out, _ = run(*words, "--skip-rejected", "--json")
    assert [each["rows"] for each in json.loads(out)["breaks"]] == [[1], [3]]
    assert "entry 2, amount: " in refused(*words)["message"]


def test_rows_that_can_no_longer_be_counted_are_refused(stage: Stage) -> None:
    """The second detail of an entry ends on the line on which a rejected entry starts."""
    detail = "<TxDtls><AmtDtls><TxAmt><Amt Ccy='EUR'>5.00</Amt></TxAmt></AmtDtls></TxDtls>"
    rows = camt(entry(details=f"{detail}\n{detail}") + entry("1x0"))
    words = stage.words(rows.decode(), HEAD)
    assert refused(*words, "--skip-rejected")["code"] == "ROWS_UNCLEAR"


# --- The report -----------------------------------------------------------------------------


def test_the_report_says_what_the_document_says(stage: Stage) -> None:
    path = stage.folder / "out.xlsx"
    said = document(*stage.words(), "--report", str(path))
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names == ["Summary", "Unmatched", "Matched", "Rules", "Sources"]
    lists = {name: book.get_sheet_by_name(name).to_python()[1:] for name in book.sheet_names}
    matched = [(row[1], row[2], row[7]) for row in lists["Matched"]]
    assert matched == [
        ("left", 1, 100.0),
        ("right", 4, 100.0),
        ("left", 4, 19.99),
        ("right", 1, 20.0),
    ]
    unmatched = [(row[1], row[2], row[10]) for row in lists["Unmatched"]]
    assert unmatched == [
        ("left", 2, "amount"),
        ("right", 2, "amount"),
        ("left", 3, "missing_right"),
        ("right", 3, "timing"),
    ]
    figures = {row[0]: row[1:] for row in lists["Summary"]}
    assert figures["Match rate"][0] == 0.5
    assert figures["Reference"][:4] == ["Automatic", 1, 1, 1]
    assert figures["Nearly [0.05]"][:4] == ["Suggested", 1, 1, 1]
    assert figures["EUR"][6] == float(said["proof_amount"])
    assert len(lists["Sources"][0][5]) == 64
    assert list(stage.folder.glob(".out*")) == []


def test_a_report_takes_the_place_of_the_one_before(stage: Stage) -> None:
    path = stage.folder / "out.xlsx"
    path.write_bytes(b"old")
    run(*stage.words(), "--report", str(path))
    assert path.read_bytes()[:2] == b"PK"


def test_amounts_of_a_side_that_counts_the_other_way_are_turned_round(stage: Stage) -> None:
    path = stage.folder / "out.xlsx"
    rules = {**RULES, "sides": {"right_sign": -1}}
    run(*stage.words(LEFT, RIGHT, rules), "--report", str(path))
    rows = CalamineWorkbook.from_path(path).get_sheet_by_name("Unmatched").to_python()[1:]
    assert sorted(row[8] for row in rows if row[1] == "right") == [-245.0, -100.0, -20.0, -12.0]


def test_a_match_across_currencies_is_told_in_both(stage: Stage) -> None:
    path = stage.folder / "out.xlsx"
    rules = {
        "version": "1",
        "passes": [
            {
                "name": "Across",
                "kind": "tolerance",
                "keys": ["reference"],
                "tolerance": {"absolute": "0.50"},
                "fx": {"to": "EUR"},
            }
        ],
        "rates": [{"id": "r1", "currency": "USD", "to": "EUR", "on": "2026-01-05", "rate": "0.9"}],
    }
    left = HEAD + "2026-01-05,90.10,EUR,A\n"
    right = HEAD + "2026-01-05,100.00,USD,A\n"
    said = document(*stage.words(left, right, rules), "--report", str(path))
    assert [each["difference"] for each in said["groups"]] == ["0.10"]
    assert said["proof_amount"] == "0.00"
    book = CalamineWorkbook.from_path(path)
    rows = book.get_sheet_by_name("Matched").to_python()[1:]
    assert [row[7:9] + row[11:13] for row in rows] == [
        [90.1, "EUR", 0.1, "EUR"],
        [100.0, "USD", 0.1, "EUR"],
    ]
    proof = {row[0]: row[1:8] for row in book.get_sheet_by_name("Summary").to_python()}
    assert proof["EUR"] == [90.1, 0.0, 0.0, 0.0, 0.1, 90.0, 0.0]
    assert proof["USD"] == [0.0, 100.0, 0.0, 0.0, 0.0, -100.0, 0.0]


@pytest.mark.parametrize("name", ["out.csv", "out", "nowhere/out.xlsx", "folder.xlsx"])
def test_a_report_that_cannot_be_written_is_refused(stage: Stage, name: str) -> None:
    words = stage.words()
    (stage.folder / "folder.xlsx").mkdir()
    before = sorted(stage.folder.rglob("*"))
    error = refused(*words, "--report", str(stage.folder / name))
    assert error["code"] == "REPORT_NOT_WRITTEN"
    assert sorted(stage.folder.rglob("*")) == before


def test_a_refused_reconciliation_leaves_no_report(stage: Stage) -> None:
    path = stage.folder / "out.xlsx"
    refused(*stage.words(right=BROKEN), "--report", str(path))
    assert not path.exists()


# --- Refusals -------------------------------------------------------------------------------

HUGE = HEAD + "2026-01-05,99999999999999.00,EUR,A\n" * 60_000

REFUSALS = [
    ({"left": ""}, (), "EMPTY_FILE", "left.csv"),
    ({"right": "no table at all"}, (), "COLUMN_MISSING", "right.csv"),
    ({"left": LEFT}, ("--left-format", "mt940"), "MALFORMED_FILE", "left.csv"),
    ({"left": BARE}, (), "COLUMN_MISSING", "left.csv"),
    ({"rules": "{"}, (), "MALFORMED", "rules"),
    ({"rules": "[]"}, (), "MALFORMED", "rules"),
    ({"rules": {}}, (), "RULES_INVALID", "version"),
    ({"rules": {**RULES, "passses": []}}, (), "RULES_INVALID", "passses"),
    ({"rules": {**RULES, "left": []}}, (), "INVALID", "left"),
    ({"rules": {**RULES, "left": {"account": "1"}}}, (), "INVALID", "left.account"),
    ({"rules": {**RULES, "right": {"format": 1}}}, (), "INVALID", "right.format"),
    ({"rules": {**RULES, "right": {"format": "png"}}}, (), "UNKNOWN_FORMAT", "right.csv"),
    ({"rules": {**RULES, "right": {"mapping": "x"}}}, (), "INVALID", "right.mapping"),
    (
        {"rules": {**RULES, "right": {"mapping": {"colums": {}}}}},
        (),
        "MAPPING_INVALID",
        "right.csv: colums",
    ),
    ({}, ("--as-of", "31.01.2026"), "MALFORMED", "--as-of"),
    ({}, ("--left-mapping", "/nowhere/mapping.json"), "NOT_FOUND", "/nowhere"),
    ({}, ("--right", "/nowhere/right.csv"), "NOT_FOUND", "/nowhere"),
    ({"left": HUGE}, (), "ITEMS_UNFIT", "left items"),
]


@pytest.mark.parametrize(("files", "words", "code", "place"), REFUSALS)
def test_bad_input_is_an_envelope_that_names_the_place(
    stage: Stage, files: dict[str, Any], words: tuple[str, ...], code: str, place: str
) -> None:
    before = stage.words(**files)
    kept = sorted(stage.folder.iterdir())
    error = refused(*before, *words)
    assert error["code"] == code
    assert place in error["message"]
    assert sorted(stage.folder.iterdir()) == kept


def test_people_read_the_reason_and_the_remedy(stage: Stage) -> None:
    with pytest.raises(CommandError, match=r"left\.csv: .* empty"):
        run(*stage.words(left=""))


# --- What always holds ----------------------------------------------------------------------

_ROW = st.tuples(
    st.integers(1, 9),
    st.integers(-300, 300).filter(bool),
    st.sampled_from(["", "A", "B", 'C"\\', "Ü, \t€", "D\u2028E"]),
)


def _table(rows: list[tuple[int, int, str]]) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = (
        f"2026-01-0{day},{Decimal(cents) / 100:.2f},EUR,{quoted(text)}\n"
        for day, cents, text in rows
    )
    return HEAD + "".join(lines)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(left=st.lists(_ROW, max_size=12), right=st.lists(_ROW, max_size=12))
def test_every_row_is_in_one_place_and_the_amounts_add_up(
    stage: Stage, left: list[tuple[int, int, str]], right: list[tuple[int, int, str]]
) -> None:
    said = document(*stage.words(_table(left), _table(right)))
    found: dict[str, list[int]] = {"left": [], "right": []}
    for group in said["groups"]:
        for side in found:
            found[side] += group[side]
    for broken in said["breaks"]:
        rows = broken["rows"]
        sides = rows if broken["side"] == "both" else {broken["side"]: rows}
        for side, numbers in sides.items():
            found[side] += numbers
    assert sorted(found["left"]) == list(range(1, len(left) + 1))
    assert sorted(found["right"]) == list(range(1, len(right) + 1))
    explained = sum(Decimal(each["difference"]) for each in said["groups"])
    explained += sum(Decimal(each["amount"]) for each in said["breaks"])
    totals = [sum(cents for _, cents, _ in rows) for rows in (left, right)]
    assert explained == Decimal(totals[0] - totals[1]) / 100
    assert Decimal(said["proof_amount"]) == 0
