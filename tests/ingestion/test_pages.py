"""The pages of the imports."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.ingestion.models import Batch, FailedImport, Record, Source
from apps.ingestion.services import change_mapping, define_source, retire_source
from tests.ingestion.conftest import ACCOUNT, ANNA, BERT, BROKEN, CORA, MAPPING, statement, table
from tests.pages import text


def file(content: bytes, name: str = "april.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


SOURCES = "/sources/"
UPLOAD = "/sources/upload/"


class TestSources:
    def test_the_first_line_answers(
        self, visit: Any, alice: Any, sales: Source, bank: Source, define: Any, bring: Any
    ) -> None:
        define("jobs")
        bring(sales, table(ANNA))
        bring(bank, statement("230407C10,00NTRFA", closing="C111,00"))
        bring(define("card", format="csv", mapping=MAPPING), b"")
        page = text(visit(alice).get(SOURCES))
        assert "<strong>1 of 4</strong> sources in order" in page
        assert "<strong>1</strong> whose last file was refused" in page
        assert "<strong>1</strong> with files that are not whole" in page
        assert "1 without any file" in page
        assert "opening + movements differ from closing by 1.00 EUR" in page
        assert "The file is empty." in page

    def test_a_refusal_is_settled_by_the_next_file(
        self, visit: Any, alice: Any, sales: Source, bring: Any
    ) -> None:
        bring(sales, b"")
        assert "File refused" in text(visit(alice).get(SOURCES))
        bring(sales, table(ANNA))
        page = text(visit(alice).get(SOURCES))
        assert "In order" in page
        assert "refused" not in page

    def test_without_sources_it_says_what_to_do(self, visit: Any, alice: Any, entity: Any) -> None:
        assert "A controller sets up sources" in text(visit(alice).get(SOURCES))

    def test_what_is_worth_a_look_is_no_block(
        self, visit: Any, alice: Any, bank: Source, bring: Any
    ) -> None:
        noted = statement("230407C10,00NTRFA", closing="C110,00")
        bring(bank, noted.replace(":62F", ":90C:2EUR10,00\r\n:62F"))
        page = text(visit(alice).get(SOURCES))
        assert "Worth a look" in page
        assert "announces 2 where the file holds 1" in page

    def test_a_retired_source_says_so(
        self, visit: Any, alice: Any, connie: Any, sales: Source
    ) -> None:
        retire_source(source_id=sales.pk, actor=connie)
        page = text(visit(alice).get(SOURCES))
        assert "Retired" in page
        assert f'value="{sales.pk}"' not in page

    def test_who_may_not_import_is_told_who_may(self, visit: Any, otto: Any, sales: Source) -> None:
        page = text(visit(otto).get(SOURCES))
        assert "Preparers and controllers import files." in page
        assert "<form" not in page.split("upload-title")[1].split("</section>")[0]

    def test_a_source_can_be_chosen_by_the_address(
        self, visit: Any, alice: Any, sales: Source
    ) -> None:
        page = text(visit(alice).get(f"{SOURCES}?source={sales.pk}"))
        assert f'<option value="{sales.pk}" selected>' in page


class TestUpload:
    def test_a_file_leads_to_its_page(self, visit: Any, alice: Any, sales: Source) -> None:
        answer = visit(alice).post(
            UPLOAD, {"source": sales.pk, "file": file(table(ANNA, BROKEN))}, follow=True
        )
        batch = Batch.objects.get()
        assert answer.redirect_chain == [(reverse("ingestion:batch", args=[batch.pk]), 302)]
        assert "april.csv: 1 lines, 1 of them new. 1 were rejected." in text(answer)

    def test_a_known_file_says_so(self, visit: Any, alice: Any, sales: Source, bring: Any) -> None:
        bring(sales, table(ANNA), "first.csv")
        answer = visit(alice).post(
            UPLOAD, {"source": sales.pk, "file": file(table(ANNA))}, follow=True
        )
        assert "first.csv was imported before: nothing was changed." in text(answer)

    def test_a_refused_file_says_where_why_and_what_helps(
        self, visit: Any, alice: Any, sales: Source
    ) -> None:
        broken = table(ANNA, 'L-2,2023-04-04,1.00,"never closed,y,z,')
        answer = visit(alice).post(UPLOAD, {"source": sales.pk, "file": file(broken)})
        assert answer.status_code == 422
        page = text(answer)
        assert "Line 3: A quotation mark stands inside a cell or is never closed." in page
        assert "double those inside it" in page
        assert FailedImport.objects.count() == 1

    def test_the_field_at_fault_is_named(self, visit: Any, alice: Any, bank: Source) -> None:
        other = statement(account="NL02ABNA0123456789").encode()
        answer = visit(alice).post(UPLOAD, {"source": bank.pk, "file": file(other)})
        assert "another account. (field account)" in text(answer)

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, "Choose the source that the file belongs to."),
            ({"source": "0"}, "Select a valid choice."),
            ({"source": "foreign"}, "Select a valid choice."),
            ({"source": "retired"}, "Select a valid choice."),
            ({"source": "nonsense"}, "Select a valid choice."),
            ({"source": "sales"}, "Choose a file."),
            ({"source": "sales", "file": "big"}, "split it by day or by account"),
        ],
    )
    def test_bad_input_is_a_form_error_and_changes_nothing(
        self,
        fields: dict[str, Any],
        words: str,
        visit: Any,
        alice: Any,
        connie: Any,
        charlie: Any,
        other_entity: Any,
        sales: Source,
        define: Any,
        settings: Any,
        table_counts: Any,
    ) -> None:
        settings.UPLOAD_MAX_BYTES = 100
        foreign = define_source(
            entity_id=other_entity.pk, code="far", name="Far", mapping=MAPPING, actor=charlie
        )
        retired = retire_source(source_id=define("old").pk, actor=connie)
        ids = {"sales": sales.pk, "foreign": foreign.pk, "retired": retired.pk}
        sent: dict[str, Any] = dict(fields)
        if "source" in sent:
            sent["source"] = ids.get(sent["source"], sent["source"])
        if "file" in sent:
            sent["file"] = file(b"x" * 101)
        client = visit(alice)
        before = table_counts()
        answer = client.post(UPLOAD, sent)
        assert answer.status_code == 422
        assert words in text(answer)
        assert table_counts() == before

    def test_a_source_retired_meanwhile_is_a_form_error(
        self, visit: Any, alice: Any, sales: Source, monkeypatch: Any
    ) -> None:
        from apps.ingestion.errors import SourceRetired
        from apps.ingestion.views import feeds as views

        def refuse(**_: Any) -> None:
            raise SourceRetired

        monkeypatch.setattr(views, "import_file", refuse)
        answer = visit(alice).post(UPLOAD, {"source": sales.pk, "file": file(table(ANNA))})
        assert answer.status_code == 422
        assert "This source is retired." in text(answer)

    @pytest.mark.parametrize("who", ["rita", "otto", "victor"])
    def test_who_may_not_upload(
        self, who: str, request: Any, visit: Any, sales: Source, table_counts: Any
    ) -> None:
        client = visit(request.getfixturevalue(who))
        before = table_counts()
        answer = client.post(UPLOAD, {"source": sales.pk, "file": file(table(ANNA))})
        assert answer.status_code == 403
        assert table_counts() == before

    def test_a_get_uploads_nothing(self, visit: Any, alice: Any) -> None:
        assert visit(alice).get(UPLOAD).status_code == 405


class TestSource:
    def test_its_files_and_refused_ones(
        self, visit: Any, otto: Any, sales: Source, bring: Any
    ) -> None:
        bring(sales, table(ANNA, BERT), "april.csv")
        bring(sales, b"", "empty.csv")
        page = text(visit(otto).get(reverse("ingestion:source", args=[sales.pk])))
        assert "april.csv" in page
        assert "59.75" in page
        assert "empty.csv" in page
        assert "the one after it was refused" in page

    def test_before_the_first_file(self, visit: Any, alice: Any, sales: Source, bring: Any) -> None:
        url = reverse("ingestion:source", args=[sales.pk])
        assert "No file has come in yet." in text(visit(alice).get(url))
        bring(sales, b"")
        assert "Its only file was refused." in text(visit(alice).get(url))


class TestBatch:
    def page(self, client: Client, batch: Batch, query: str = "") -> str:
        return text(client.get(reverse("ingestion:batch", args=[batch.pk]) + query))

    def test_totals_rejected_lines_and_lines(
        self, visit: Any, alice: Any, sales: Source, bring: Any
    ) -> None:
        batch = bring(sales, table(ANNA, BERT, BROKEN), "april.csv").batch
        page = self.page(visit(alice), batch)
        assert "<strong>2 lines</strong>, 2 of them new" in page
        assert "<strong>1 rejected</strong>" in page
        assert "1 line was rejected" in page
        assert "Anna Bakker" in page
        assert "−40.25" in page

    def test_statements_tie_or_not(self, visit: Any, alice: Any, bank: Source, bring: Any) -> None:
        good = bring(bank, statement("230407C10,00NTRFA", closing="C110,00")).batch
        assert "Ties" in self.page(visit(alice), good)
        bad = statement("230507C10,00NTRFA", opened="230430", opening="C110,00", closed="230531")
        page = self.page(visit(alice), bring(bank, bad).batch)
        assert "Does not tie" in page
        assert "opening + movements differ from closing by -20.00 EUR" in page

    @pytest.mark.parametrize(("who", "is_clear"), [("alice", True), ("otto", False)])
    def test_names_and_accounts_are_masked_for_auditors(
        self,
        who: str,
        is_clear: bool,
        request: Any,
        visit: Any,
        sales: Source,
        bank: Source,
        bring: Any,
    ) -> None:
        client = visit(request.getfixturevalue(who))
        named = self.page(client, bring(sales, table(ANNA)).batch)
        moved = self.page(
            client, bring(bank, statement("230407C10,00NTRFA", closing="C110,00")).batch
        )
        assert ("Anna Bakker" in named) is is_clear
        assert ("Rent of April" in named) is is_clear
        assert "1000" in named  # an account of the books is no secret
        assert (ACCOUNT in moved) is is_clear
        if not is_clear:
            assert "••••kker" in named
            assert "••••0200" in moved

    def test_lines_come_in_pages_and_can_be_opened_at_a_line(
        self, visit: Any, alice: Any, sales: Source, bring: Any
    ) -> None:
        rows = [f"L-{n},2023-04-03,1.00,REF-{n:03},,," for n in range(1, 61)]
        batch = bring(sales, table(*rows)).batch
        client = visit(alice)
        first = self.page(client, batch)
        assert "REF-050" in first
        assert "REF-051" not in first
        last = Record.objects.get(reference="REF-050")
        second = self.page(client, batch, f"?after={last.pk}")
        assert "REF-050" not in second
        assert "REF-060" in second
        opened = self.page(client, batch, "?from=42")
        assert '<tr id="line-42" aria-current="true">' in opened
        assert "REF-040" not in opened
        assert "No new lines" in self.page(client, batch, "?from=900")
        assert "REF-001" in self.page(client, batch, "?after=x&from=-1")

    def test_rejected_lines_come_in_pages(
        self, visit: Any, alice: Any, sales: Source, bring: Any
    ) -> None:
        rows = [f"L-{n},2023-04-03,x,REF-{n:03},,," for n in range(1, 61)]
        batch = bring(sales, table(*rows)).batch
        client = visit(alice)
        first = self.page(client, batch)
        assert first.count("Correct it") == 50
        assert "50 of 60 rejected lines" in first
        last = list(batch.rejected_lines.order_by("pk"))[49]
        assert f'href="?rejected_after={last.pk}"' in first
        second = self.page(client, batch, f"?rejected_after={last.pk}")
        assert second.count("Correct it") == 10

    def test_a_second_reading_is_linked(
        self, visit: Any, alice: Any, connie: Any, define: Any, bring: Any
    ) -> None:
        source = define("sales", format="csv", mapping={**MAPPING, "date_format": "%d-%m-%Y"})
        first = bring(source, table(ANNA, CORA)).batch
        change_mapping(source_id=source.pk, mapping=MAPPING, actor=connie)
        second = bring(source, table(ANNA, CORA)).batch
        assert reverse("ingestion:batch", args=[second.pk]) in self.page(visit(alice), first)
        assert "rejected lines, read again" in self.page(visit(alice), second)

    def test_a_file_that_covers_no_day(
        self, visit: Any, alice: Any, define: Any, bring: Any
    ) -> None:
        interim = define("interim", format="mt940")
        report = ":20:X\r\n:25:NL91HRBR0417230200\r\n:28C:1\r\n:34F:EUR0,00\r\n-\r\n"
        page = self.page(visit(alice), bring(interim, report).batch)
        assert "<dt>Days</dt><dd>none</dd>" in page
        assert "In order" in text(visit(alice).get(SOURCES))


def test_a_refused_file_says_all_of_it(
    visit: Any, otto: Any, sales: Source, bank: Source, bring: Any
) -> None:
    client = visit(otto)
    broken = table(ANNA, 'L-2,2023-04-04,1.00,"never closed,y,z,')
    url = reverse("ingestion:failure", args=[bring(sales, broken, "april.csv").failure.pk])
    page = text(client.get(url))
    assert "<strong>Line 3</strong>: A quotation mark" in page
    assert "Its original is kept, sealed, as it arrived." in page
    other = bring(bank, statement(account="NL02ABNA0123456789")).failure
    page = text(client.get(reverse("ingestion:failure", args=[other.pk])))
    assert "Field <strong>account</strong>: The file holds" in page


def test_pages_of_others_are_not_there(
    visit: Any, charlie: Any, victor: Any, sales: Source, bring: Any
) -> None:
    batch, failure = bring(sales, table(ANNA)).batch, bring(sales, b"").failure
    client = visit(charlie)
    for name, row in (("source", sales), ("batch", batch), ("failure", failure)):
        url = reverse(f"ingestion:{name}", args=[row.pk])
        assert client.get(url).status_code == 404
        assert visit(victor).get(url).status_code == 403
        assert visit(None).get(url).status_code == 302
    assert "Sales" not in text(client.get(SOURCES))
    assert visit(victor).get(SOURCES).status_code == 403


def test_the_menu_leads_here(visit: Any, alice: Any, victor: Any, entity: Any) -> None:
    assert 'href="/sources/" aria-current="page"' in text(visit(alice).get(SOURCES))
    assert 'href="/sources/"' not in text(visit(victor).get("/"))


def test_who_works_for_two_companies_sees_both_or_one(
    visit: Any, sales: Source, alice: Any, other_entity: Any, system: Any
) -> None:
    from apps.identity.models import User
    from apps.identity.services import grant_role

    grant_role(user_id=alice.pk, role="preparer", entity_id=other_entity.pk, actor=system)
    client = visit(User.objects.get(pk=alice.pk))
    assert "HFS, sales" in text(client.get(SOURCES))
    client.post(reverse("identity:view-entity", query={"code": "TKO"}))
    assert "No source is set up yet." in text(client.get(SOURCES))
