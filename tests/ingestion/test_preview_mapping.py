"""A field mapping is tried on a file before it is saved, at every door, and nothing is written."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

import finflow
from apps.common.errors import NotPermitted, NotVisible
from apps.ingestion.errors import FileTooLarge, SampleMissing, SourceInvalid
from apps.ingestion.models import Source
from apps.ingestion.services import preview_mapping, previewing
from tests.ingestion.conftest import (
    ACCOUNT,
    ANNA,
    BERT,
    BROKEN,
    MAPPING,
    statement,
    table,
)
from tests.pages import text

SEED: dict[str, Any] = {
    "key_mappings": {"booked_on": "day", "reference": "Bon"},
    "value_mappings": {"amount": "sum"},
    "transformations": {
        "day": {"type": "date", "from": "Datum", "format": "%d.%m.%Y"},
        "sum": [{"type": "number", "from": "Betrag", "decimal": ","}],
    },
    "constants": {"currency": "EUR"},
}
GERMAN = b"Datum;Betrag;Bon\n03.04.2023;1.234,50;A-1\n04.04.2023;sieben;A-2\n"

SENT = {"mapping": json.dumps(SEED), "version": "1"}


def file(content: bytes = GERMAN, name: str = "probe.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


class TestService:
    def test_a_sample_is_read_by_the_words_of_the_mapping(
        self, sales: Source, connie: Any, unchanged: None
    ) -> None:
        tried = preview_mapping(
            source_id=sales.pk, mapping=SEED, content=GERMAN, filename="probe.csv", actor=connie
        )
        assert tried.reading is not None
        assert tried.reading.lines.select("line", "booked_on", "amount", "reference").rows() == [
            (2, date(2023, 4, 3), 12_345_000, "A-1")
        ]
        (rejected,) = tried.reading.rejected
        assert (rejected.line, rejected.field) == (3, "sum")
        assert tried.totals == [("EUR", Decimal("1234.50"))]
        assert Source.objects.get(pk=sales.pk).mapping == MAPPING

    def test_without_a_sample_the_latest_original_is_taken(
        self, sales: Source, bring: Any, connie: Any, table_counts: Any
    ) -> None:
        bring(sales, table(ANNA), "first.csv")
        bring(sales, table(ANNA, BERT, BROKEN), "second.csv")
        before = table_counts()
        tried = preview_mapping(source_id=sales.pk, mapping=MAPPING, actor=connie)
        assert (tried.filename, len(tried.reading.lines)) == ("second.csv", 2)  # type: ignore[union-attr]
        assert table_counts() == before

    def test_a_refused_file_is_tried_too_if_it_came_last(
        self, sales: Source, bring: Any, connie: Any
    ) -> None:
        bring(sales, table(ANNA), "first.csv")
        assert bring(sales, GERMAN, "german.csv").failure is not None
        tried = preview_mapping(source_id=sales.pk, mapping=SEED, actor=connie)
        assert (tried.filename, len(tried.reading.lines)) == ("german.csv", 1)  # type: ignore[union-attr]
        bring(sales, table(BERT), "third.csv")
        tried = preview_mapping(source_id=sales.pk, mapping=MAPPING, actor=connie)
        assert tried.filename == "third.csv"

    def test_a_sample_that_would_be_refused_says_where_and_why(
        self, sales: Source, connie: Any, unchanged: None
    ) -> None:
        tried = preview_mapping(
            source_id=sales.pk, mapping=MAPPING, content=GERMAN, filename="probe.csv", actor=connie
        )
        assert tried.reading is None
        assert tried.refusal is not None
        assert tried.refusal.code == "COLUMN_MISSING"

    def test_statements_tie_or_not(self, bank: Source, connie: Any) -> None:
        content = statement("230407C10,00NTRFA", closing="C111,00").encode()
        tried = preview_mapping(
            source_id=bank.pk, mapping=None, content=content, filename="a.sta", actor=connie
        )
        (facts,) = tried.statements
        assert (facts["ties"], facts["difference"]) == (False, "1.00")

    @pytest.mark.parametrize(
        ("who", "mapping", "content", "refusal", "words"),
        [
            ("charlie", SEED, GERMAN, NotVisible, "nothing here"),
            ("alice", SEED, GERMAN, NotPermitted, "may not"),
            ("otto", SEED, GERMAN, NotPermitted, "may not"),
            ("connie", SEED, None, SampleMissing, "to try the mapping on"),
            ("connie", {"columns": {"wrong": "x"}}, GERMAN, SourceInvalid, "columns.wrong"),
            ("connie", {"a": "\0"}, GERMAN, SourceInvalid, "cannot be stored"),
            ("connie", SEED, b"x" * 41, FileTooLarge, "at most 40 bytes"),
        ],
    )
    def test_refusals_change_nothing(
        self,
        who: str,
        mapping: Any,
        content: bytes | None,
        refusal: Any,
        words: str,
        sales: Source,
        request: Any,
        monkeypatch: Any,
        table_counts: Any,
    ) -> None:
        if refusal is FileTooLarge:
            monkeypatch.setattr(previewing, "MOST_SAMPLE_BYTES", 40)
        actor = request.getfixturevalue(who)
        before = table_counts()
        with pytest.raises(refusal, match=words):
            preview_mapping(
                source_id=sales.pk, mapping=mapping, content=content, filename="p", actor=actor
            )
        assert table_counts() == before

    def test_a_kept_original_past_the_bound_is_not_opened(
        self, sales: Source, bring: Any, connie: Any, monkeypatch: Any
    ) -> None:
        bring(sales, table(ANNA))
        monkeypatch.setattr(previewing, "MOST_SAMPLE_BYTES", 40)
        monkeypatch.setattr(previewing, "original_of", None)
        with pytest.raises(FileTooLarge):
            preview_mapping(source_id=sales.pk, mapping=MAPPING, actor=connie)


class TestPage:
    def url(self, source: Source) -> str:
        return reverse("ingestion:try-mapping", args=[source.pk])

    def test_it_shows_the_saved_mapping_and_the_file_that_came_last(
        self, visit: Any, connie: Any, sales: Source, bring: Any
    ) -> None:
        bring(sales, table(ANNA), "april.csv")
        client = visit(connie)
        source = text(client.get(reverse("ingestion:source", args=[sales.pk])))
        url = reverse("ingestion:mapping", args=[sales.pk])
        assert f'href="{url}form/"' in source
        page = text(client.get(url))
        assert "&quot;booked_on&quot;: &quot;date&quot;" in page
        assert "the file that came last is taken: april.csv" in page

    def test_a_preview_shows_lines_rejected_ones_and_totals_and_keeps_what_was_typed(
        self, visit: Any, connie: Any, sales: Source, table_counts: Any
    ) -> None:
        client = visit(connie)
        before = table_counts()
        answer = client.post(self.url(sales), {**SENT, "sample": file(), "preview": "1"})
        page = text(answer)
        assert answer.status_code == 200
        assert "probe.csv: 1 line would be read, 1 rejected" in page
        assert "1,234.50" in page
        assert "3 Apr 2023" in page
        assert "This is no number with the decimal separator" in page
        assert "Nothing was stored." in page
        assert "transformations" in page
        assert table_counts() == before

    def test_htmx_gets_the_preview_alone(self, visit: Any, connie: Any, sales: Source) -> None:
        client = visit(connie)
        sent = {**SENT, "sample": file(), "preview": "1"}
        part = text(client.post(self.url(sales), sent, headers={"HX-Request": "true"}))
        assert part.startswith("<section")
        assert "would be read" in part
        faulty = {"mapping": '{\n "columns": \n}', "preview": "1"}
        answer = client.post(self.url(sales), faulty, headers={"HX-Request": "true"})
        assert answer.status_code == 422
        assert "at line 3, column 1" in text(answer)

    def test_saving_takes_the_mapping_over_with_an_event(
        self, visit: Any, connie: Any, sales: Source
    ) -> None:
        answer = visit(connie).post(self.url(sales), SENT, follow=True)
        assert "The mapping is saved." in text(answer)
        assert Source.objects.get(pk=sales.pk).mapping == SEED
        again = visit(connie).post(self.url(sales), SENT, follow=True)
        assert "nothing changed" in text(again)
        gone = visit(connie).post(self.url(sales), {"mapping": "", "version": "2"}, follow=True)
        assert gone.status_code == 200
        assert Source.objects.get(pk=sales.pk).mapping == {}

    @pytest.mark.parametrize(
        ("fields", "status", "words"),
        [
            ({"mapping": "{"}, 422, "This is not JSON"),
            ({"mapping": '{"a": 1, "a": 2}'}, 422, "same key twice"),
            ({"mapping": "[1]"}, 422, "JSON object"),
            ({"mapping": "[" * 30}, 422, "nested deeper"),
            ({"mapping": '{"columns": {"x": "y"}}'}, 422, "columns.x"),
            ({"mapping": '{"columns": {"x": "y"}}', "preview": "1"}, 422, "columns.x"),
            ({"mapping": '{"columns": {"x": "y"}, "decimal": 5}'}, 422, "decimal: is one of"),
            ({"mapping": "{}", "preview": "1"}, 409, "Choose a sample file."),
        ],
    )
    def test_faults_name_their_place_and_change_nothing(
        self,
        fields: dict[str, str],
        status: int,
        words: str,
        visit: Any,
        connie: Any,
        sales: Source,
        table_counts: Any,
    ) -> None:
        client = visit(connie)
        before = table_counts()
        answer = client.post(self.url(sales), {"version": "1", **fields})
        assert answer.status_code == status
        assert words in text(answer)
        assert table_counts() == before

    def test_a_file_that_would_be_refused_says_so(
        self, visit: Any, connie: Any, sales: Source
    ) -> None:
        sent = {"mapping": json.dumps(MAPPING), "version": "1", "sample": file(), "preview": "1"}
        page = text(visit(connie).post(self.url(sales), sent))
        assert "probe.csv would be refused" in page
        assert "no column that the field mapping names" in page

    @pytest.mark.parametrize(("who", "status"), [("alice", 403), ("otto", 403), ("charlie", 404)])
    def test_who_may_not(
        self, who: str, status: int, visit: Any, sales: Source, request: Any, table_counts: Any
    ) -> None:
        client = visit(request.getfixturevalue(who))
        before = table_counts()
        assert client.get(reverse("ingestion:mapping", args=[sales.pk])).status_code == status
        sent = {"mapping": "{}", "version": "1", "preview": "1"}
        assert client.post(self.url(sales), sent).status_code == status
        assert table_counts() == before


class TestRest:
    def url(self, source: Source) -> str:
        return f"/api/ingestion/sources/{source.pk}/mapping/preview"

    def test_a_sample_beside_the_mapping(
        self, api: Any, connie: Any, sales: Source, table_counts: Any
    ) -> None:
        before = table_counts()
        answer = api(connie).post(
            self.url(sales), {"mapping": json.dumps(SEED), "file": file()}, format="multipart"
        )
        assert answer.status_code == 200
        body = answer.json()
        assert (body["line_count"], body["rejected_count"], body["refusal"]) == (1, 1, None)
        (line,) = body["lines"]
        assert (line["line"], line["booked_on"], line["amount"]) == (2, "2023-04-03", "1234.50")
        assert body["rejected"][0]["line"] == 3
        assert body["control_totals"] == {"EUR": "1234.50"}
        assert table_counts() == before

    def test_json_tries_it_on_the_latest_file(
        self, api: Any, connie: Any, bank: Source, bring: Any
    ) -> None:
        bring(bank, statement("230407C10,00NTRFA", closing="C110,00"), "april.sta")
        body = api(connie).post(self.url(bank), {}, format="json").json()
        assert (body["filename"], body["statements"][0]["ties"]) == ("april.sta", True)
        assert "account_keys" not in body["statements"][0]
        assert body["lines"][0]["account"] == ACCOUNT

    def test_a_refused_sample_is_an_answer(self, api: Any, connie: Any, sales: Source) -> None:
        sent = {"mapping": json.dumps(MAPPING), "file": file()}
        body = api(connie).post(self.url(sales), sent, format="multipart").json()
        assert body["refusal"]["code"] == "COLUMN_MISSING"
        assert body["lines"] == []

    @pytest.mark.parametrize(
        ("who", "sent", "status"),
        [
            (None, {}, 401),
            ("charlie", {}, 404),
            ("alice", {}, 403),
            ("connie", {}, 409),
            ("connie", {"mapping": []}, 422),
            ("connie", {"mapping": "{"}, 422),
            ("connie", {"mapping": {"columns": {"x": "y"}}}, 422),
            ("connie", {"unknown": 1}, 422),
        ],
    )
    def test_refusals_change_nothing(
        self,
        who: str | None,
        sent: Any,
        status: int,
        api: Any,
        request: Any,
        sales: Source,
        table_counts: Any,
    ) -> None:
        actor = request.getfixturevalue(who) if who else None
        before = table_counts()
        answer = api(actor).post(self.url(sales), sent, format="json")
        assert answer.status_code == status
        assert table_counts() == before

    def test_saving_a_mapping(self, api: Any, connie: Any, alice: Any, sales: Source) -> None:
        url = f"/api/ingestion/sources/{sales.pk}/mapping"
        answer = api(connie).post(url, {"mapping": SEED}, format="json")
        assert (answer.status_code, answer.json()["mapping"]) == (200, SEED)
        assert api(alice).post(url, {"mapping": {}}, format="json").status_code == 403
        wrong = {"columns": [], "sheet": 1}
        faulty = api(connie).post(url, {"mapping": wrong}, format="json")
        assert faulty.status_code == 422
        told = faulty.json()["error"]["details"]["faults"]
        assert [fault["key"] for fault in told] == ["columns", "sheet"]
        assert Source.objects.get(pk=sales.pk).mapping == SEED


def test_the_admin_leads_to_the_preview(visit: Any, connie: Any, otto: Any, sales: Source) -> None:
    url = reverse("admin:ingestion_source_change", args=[sales.pk])
    link = f'href="{reverse("ingestion:mapping", args=[sales.pk])}"'
    assert link in text(visit(connie).get(url))
    assert link not in text(visit(otto).get(url))


class TestPython:
    def test_a_file_is_previewed_without_a_database(self) -> None:
        tried = finflow.preview_file(GERMAN, filename="probe.csv", mapping=SEED)
        assert tried.format == "csv"
        assert list(tried.lines["amount"]) == [Decimal("1234.5000")]
        assert tried.rejected.to_dict("records")[0]["line"] == 3
        assert list(tried.statements["ties"]) == [None]

    def test_statements_are_in_currency_units(self) -> None:
        content = statement("230407C10,00NTRFA", closing="C111,00").encode()
        (facts,) = finflow.preview_file(content).statements.to_dict("records")
        assert (facts["opening"], facts["difference"]) == (Decimal(100), Decimal(1))
        assert not facts["ties"]

    def test_a_fault_names_its_key(self) -> None:
        with pytest.raises(finflow.Refusal, match=r"columns\.x") as caught:
            finflow.preview_file(GERMAN, mapping={"columns": {"x": "y"}})
        assert caught.value.code == "MAPPING_INVALID"

    def test_a_mapping_is_saved(self, sales: Source) -> None:
        finflow.save_mapping("HFS", "sales", SEED)
        assert Source.objects.get(pk=sales.pk).mapping == SEED
        with pytest.raises(finflow.Refusal, match="nothing here"):
            finflow.save_mapping("HFS", "sails", SEED)
