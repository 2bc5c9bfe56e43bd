"""`bin/finflow import_file`: what scripts get is exactly what is promised, and nothing is lost."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.ingestion.models import Batch, FailedImport, Record, Source
from tests.ingestion.conftest import ACCOUNT, ANNA, BERT, BROKEN, MAPPING, statement, table

BANK = statement("2304070407D10,00NTRFINV-1//B-1", closing="C90,00").encode()


@pytest.fixture
def keep(tmp_path: Path) -> Any:
    def make(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return make


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("import_file", *words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def refused(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("import_file", *words, "--json", stdout=out)
    assert end.value.code == 1
    error: dict[str, Any] = json.loads(out.getvalue())["error"]
    return error


@pytest.mark.parametrize(("glue", "line", "is_told"), [(", ", 2, True), (",\n\n", 3, False)])
def test_people_are_told_when_entries_are_counted(
    glue: str, line: int, is_told: bool, keep: Any
) -> None:
    out, told = io.StringIO(), io.StringIO()
    records = (f'{{"date": "2026-04-07", "amount": "{one}", "currency": "EUR"}}' for one in "1x")
    path = keep("records.json", f"[{glue.join(records)}]".encode())
    call_command("import_file", path, "--dry-run", stdout=out, stderr=told)
    assert f"Line {line}, amount" in out.getvalue()
    assert ("they are counted" in told.getvalue()) is is_told


def test_scripts_get_exactly_these_keys(keep: Any, entity: Any) -> None:
    said = json.loads(run(keep("april.sta", BANK), "--json"))
    assert said == {
        "format": "mt940",
        "statements": [
            {
                "account": ACCOUNT,
                "currency": "EUR",
                "lines": 1,
                "total": "-10.00",
                "opening": "100.00",
                "closing": "90.00",
                "difference": "0.00",
                "ties": True,
            }
        ],
        "rejected": [],
    }


def test_people_get_a_table(keep: Any, entity: Any) -> None:
    said = run(keep("april.sta", BANK), "--dry-run")
    assert ACCOUNT in said
    assert "-10.00" in said
    assert "yes" in said


@pytest.mark.django_db
def test_a_dry_run_stores_nothing_and_needs_no_entity(keep: Any, table_counts: Any) -> None:
    before = table_counts()
    assert json.loads(run(keep("april.sta", BANK), "--dry-run", "--json"))["format"] == "mt940"
    assert table_counts() == before


def test_the_same_file_twice_changes_nothing(keep: Any, entity: Any, table_counts: Any) -> None:
    path = keep("april.sta", BANK)
    first = run(path, "--json")
    assert Record.objects.count() == 1
    before = table_counts()
    assert run(path, "--json") == first
    assert table_counts() == before


def test_a_statement_goes_to_the_source_of_its_account(keep: Any, define: Any, entity: Any) -> None:
    bank = define("bank", format="mt940", account_number="NL91 HRBR 0417 2302 00")
    run(keep("april.sta", BANK))
    assert Batch.objects.get().source == bank


def test_a_table_of_one_account_goes_to_its_source_month_after_month(
    keep: Any, entity: Any
) -> None:
    mapping = keep("mapping.json", json.dumps(MAPPING).encode())
    run(keep("sales_2023-04.csv", table(ANNA)), "--mapping", mapping)
    run(keep("sales_2023-05.csv", table(ANNA, BERT)), "--mapping", mapping)
    assert Source.objects.get().code == "csv-1000"
    assert Record.objects.count() == 2  # Anna's line is known


def test_a_table_without_account_goes_to_the_source_of_its_name(keep: Any, entity: Any) -> None:
    mapping = MAPPING | {"constants": {"currency": "EUR"}}
    path = keep("mapping.json", json.dumps(mapping).encode())
    for month in ("04", "05"):
        run(keep(f"Sales 2023-{month}.csv", table(ANNA)), "--mapping", path)
    assert Source.objects.get().code == "sales"


@pytest.mark.parametrize("name", ["2023-04.csv", "20230401.csv", "(1).csv"])
def test_a_name_of_digits_says_nothing_of_the_origin(
    name: str, keep: Any, define: Any, entity: Any, table_counts: Any
) -> None:
    mapping = MAPPING | {"constants": {"currency": "EUR"}}
    path, how = keep(name, table(ANNA)), keep("mapping.json", json.dumps(mapping).encode())
    before = table_counts()
    assert refused(path, "--mapping", how)["code"] == "SOURCE_UNCLEAR"
    assert table_counts() == before
    define("shop", format="csv", mapping=mapping)
    run(path, "--source", "shop")
    assert Record.objects.get().source.code == "shop"


def test_another_mapping_takes_the_place_of_the_first(keep: Any, entity: Any) -> None:
    other = MAPPING | {"is_inverted": True}
    for name, mapping in (("a.json", MAPPING), ("b.json", other)):
        run(
            keep("sales.csv", table(ANNA)),
            "--mapping",
            keep(name, json.dumps(mapping).encode()),
        )
    assert Source.objects.get().mapping == other


def test_two_accounts_with_the_same_ending_have_sources_of_their_own(
    keep: Any, entity: Any
) -> None:
    other = statement("2304070407D10,00NTRFINV-1", account="NL02XXXX0000000200", closing="C90,00")
    run(keep("one.sta", BANK))
    run(keep("two.sta", other.encode()))
    assert sorted(Source.objects.values_list("code", flat=True)) == ["mt940-0200", "mt940-0200-2"]


def test_a_source_can_be_named(keep: Any, define: Any, entity: Any) -> None:
    named = define("anything")
    run(keep("april.sta", BANK), "--source", "anything", "--entity", entity.code)
    assert Batch.objects.get().source == named


def test_a_file_of_another_format_does_not_go_to_the_source_of_its_account(
    keep: Any, define: Any, entity: Any
) -> None:
    define("bank", format="camt", account_number=ACCOUNT)
    error = refused(keep("april.sta", BANK))
    assert error["code"] == "UNKNOWN_FORMAT"
    assert "takes ISO 20022" in error["message"]
    assert "MT940" in error["message"]
    assert "twice" in error["details"]["remedy"]
    assert not Record.objects.exists()


def test_amended_lines_are_told(keep: Any, entity: Any) -> None:
    told = io.StringIO()
    for content in (BANK, BANK.replace(b"INV-1", b"INV-2")):
        call_command("import_file", keep("a.sta", content), stdout=io.StringIO(), stderr=told)
    assert "1 of them new, 0 rejected." in told.getvalue()
    assert "1 of them new (1 amend an earlier line), 0 rejected." in told.getvalue()


def test_a_mapping_beside_a_named_source_becomes_its_own(
    keep: Any, define: Any, entity: Any
) -> None:
    source = define("shop", format="csv", mapping=MAPPING)
    other = MAPPING | {"is_inverted": True}
    words = ("--source", "shop", "--mapping", keep("m.json", json.dumps(other).encode()))
    told = json.loads(run(keep("shop.csv", table(ANNA)), *words, "--json"))
    source.refresh_from_db()
    assert source.mapping == other
    assert told["statements"][0]["total"] == "-100.00"
    assert Record.objects.get().amount == -100


def test_rejected_lines_are_told_with_their_place(keep: Any, entity: Any) -> None:
    mapping = keep("mapping.json", json.dumps(MAPPING).encode())
    words = (keep("sales.csv", table(ANNA, BROKEN)), "--mapping", mapping)
    (rejected,) = json.loads(run(*words, "--json"))["rejected"]
    assert (rejected["line"], rejected["field"]) == (3, "amount")
    assert rejected["reason"]
    assert "Line 3, amount: " in run(*words)


def test_many_rejected_lines_are_counted(keep: Any) -> None:
    mapping = keep("mapping.json", json.dumps(MAPPING).encode())
    path = keep("sales.csv", table(ANNA, *[BROKEN] * 25))
    assert "5 more lines were rejected." in run(path, "--mapping", mapping, "--dry-run")


REFUSALS = [
    (b"no statement at all", (), "UNKNOWN_FORMAT"),
    (b"", (), "EMPTY_FILE"),
    (BANK, ("--format", "json"), "MALFORMED_FILE"),
    (BANK, ("--source", "nothing"), "NOT_FOUND"),
    (BANK, ("--entity", "NOBODY"), "ENTITY_UNCLEAR"),
    (BANK, ("--mapping", "/nowhere/mapping.json"), "NOT_FOUND"),
]


@pytest.mark.parametrize(("content", "words", "code"), REFUSALS)
def test_what_cannot_be_imported_is_an_envelope_and_changes_nothing(
    keep: Any,
    entity: Any,
    table_counts: Any,
    content: bytes,
    words: tuple[str, ...],
    code: str,
) -> None:
    before = table_counts()
    error = refused(keep("file.sta", content), *words)
    assert error["code"] == code
    assert error["message"]
    assert table_counts() == before


def test_with_two_entities_one_has_to_be_named(
    keep: Any, entity: Any, other_entity: Any, table_counts: Any
) -> None:
    before = table_counts()
    assert refused(keep("april.sta", BANK))["code"] == "ENTITY_UNCLEAR"
    assert table_counts() == before
    run(keep("april.sta", BANK), "--entity", entity.code)
    assert Batch.objects.get().entity == entity


@pytest.mark.parametrize(("content", "code"), [(b"{", "MALFORMED"), (b"[]", "MALFORMED")])
def test_a_mapping_that_is_no_object_is_named(
    keep: Any, db: None, content: bytes, code: str
) -> None:
    words = (keep("a.csv", table(ANNA)), "--mapping", keep("mapping.json", content))
    error = refused(*words)
    assert (error["code"], error["details"]["field"]) == (code, "mapping")


def test_a_file_that_its_source_does_not_take_is_kept_and_told(
    keep: Any, define: Any, entity: Any
) -> None:
    define("bank", account_number="DE89370400440532013000")
    error = refused(keep("april.sta", BANK), "--source", "bank")
    assert error["code"] == "FILE_REFUSED"
    assert FailedImport.objects.count() == 1
    assert not Record.objects.exists()


def test_people_read_the_reason_and_the_remedy(keep: Any, db: None) -> None:
    with pytest.raises(CommandError, match="empty"):
        run(keep("april.sta", b""))
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run("/nowhere/april.sta")
