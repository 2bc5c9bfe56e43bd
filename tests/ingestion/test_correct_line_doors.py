"""Correcting rejected lines on their page and over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from apps.ingestion.models import LineCorrection, RejectedLine, Source
from apps.ingestion.selectors import changes_shown
from apps.ingestion.services import change_mapping
from tests.ingestion.conftest import ANNA, BERT, BROKEN, MAPPING, Fix, statement, table
from tests.ingestion.test_correct_line import TEXTS
from tests.pages import text


@pytest.fixture
def two_of_a_statement(bank: Source, bring: Any) -> list[RejectedLine]:
    """Two of the three lines of a statement that leads from 100.00 to 117.00."""
    lines = ("2304070407C10,00NTRFINV-1", "2304080408C5.0.0NTRFINV-2", "2304090409C2.0.0NTRFINV-3")
    bring(bank, statement(*lines, closing="C117,00"))
    return list(RejectedLine.objects.order_by("line"))


class TestPage:
    def url(self, line: RejectedLine, name: str = "rejected-line") -> str:
        return reverse(f"ingestion:{name}", args=[line.pk])

    def filled(self, **changes: str) -> dict[str, str]:
        texts = {**TEXTS, **changes}
        return {f"column_{number}": text for number, text in enumerate(texts.values())}

    def test_a_person_corrects_a_line(self, visit: Any, alice: Any, broken: RejectedLine) -> None:
        client = visit(alice)
        batch_url = reverse("ingestion:batch", args=[broken.batch_id])
        assert f'href="{self.url(broken)}"' in text(client.get(batch_url))
        page = text(client.get(self.url(broken)))
        assert 'value="seven"' in page
        assert page.count("The fault is here.") == 1
        sent = {**self.filled(amount="7.00"), "reason": "The invoice says so"}
        answer = client.post(self.url(broken, "correct"), sent, follow=True)
        assert "Line 3 is corrected and came in." in text(answer)
        assert "none is open any more" in text(answer)
        assert "corrected by Alice" in text(answer)
        page = text(client.get(self.url(broken)))
        assert "The invoice says so" in page
        assert "<form" not in page.split("<main")[1].split("</main>")[0]
        batch = LineCorrection.objects.get().batch
        own = text(client.get(reverse("ingestion:batch", args=[batch.pk])))
        assert "a corrected line" in own
        source = text(client.get(reverse("ingestion:source", args=[batch.source_id])))
        assert "; a corrected line" in source

    def test_lines_of_a_statement_are_on_one_form(
        self,
        visit: Any,
        alice: Any,
        two_of_a_statement: list[RejectedLine],
        table_counts: Any,
    ) -> None:
        first, second = two_of_a_statement
        client = visit(alice)
        page = text(client.get(self.url(second)))
        for line in two_of_a_statement:
            assert f"Line {line.line}: 61" in page
        assert "The fault is here. Value date (YYMMDD)" in page
        assert "Correct it" in text(client.get(reverse("ingestion:batch", args=[first.batch_id])))
        texts = {"column_0": "2304080408C5,00NTRFINV-2", "column_1": "2304090409C3,00NTRFINV-3"}
        sent = {**texts, "reason": "The bank told us"}
        before = table_counts()
        refused = client.post(self.url(second, "correct"), sent)
        assert refused.status_code == 409
        assert "the statement would not tie: -1.00 EUR are missing" in text(refused)
        assert "2304090409C3,00NTRFINV-3" in text(refused)
        assert table_counts() == before
        sent["column_1"] = "2304090409C2,00NTRFINV-3"
        done = client.post(self.url(second, "correct"), sent, follow=True)
        assert f"Lines {first.line}, {second.line} are corrected; 2 of them came in." in text(done)

    def test_a_known_line_says_so(
        self, visit: Any, alice: Any, broken: RejectedLine, sales: Source, bring: Any
    ) -> None:
        bring(sales, table(BROKEN.replace("seven", "7.00")))
        sent = {**self.filled(amount="7.00"), "reason": "why"}
        answer = visit(alice).post(self.url(broken, "correct"), sent, follow=True)
        assert "was known already: nothing was added" in text(answer)

    def test_what_is_still_wrong_keeps_what_was_typed(
        self, visit: Any, alice: Any, broken: RejectedLine, table_counts: Any
    ) -> None:
        client = visit(alice)
        before = table_counts()
        sent = {**self.filled(amount="eight", who="Dora"), "reason": "why"}
        answer = client.post(self.url(broken, "correct"), sent)
        assert answer.status_code == 422
        assert 'value="eight"' in text(answer)
        assert 'value="Dora"' in text(answer)
        assert "amount:" in text(answer)
        no_reason = client.post(self.url(broken, "correct"), self.filled(amount="7.00"))
        assert no_reason.status_code == 422
        assert "Say why in a few words." in text(no_reason)
        assert table_counts() == before

    def test_the_second_is_told_who_was_faster(
        self, visit: Any, connie: Any, broken: RejectedLine, fix: Fix
    ) -> None:
        fix(broken, amount="7.00")
        sent = {**self.filled(amount="8.00"), "reason": "why"}
        answer = visit(connie).post(self.url(broken, "correct"), sent, follow=True)
        assert "has corrected this line" in text(answer)
        assert LineCorrection.objects.count() == 1

    def test_a_transformed_column_leads_to_the_one_it_is_made_of(
        self, visit: Any, alice: Any, define: Any, bring: Any
    ) -> None:
        mapping = {
            "key_mappings": {"booked_on": "date"},
            "value_mappings": {"amount": "sum"},
            "transformations": {"sum": {"type": "number", "from": "amount", "decimal": "."}},
            "constants": {"currency": "EUR"},
        }
        bring(define("made", format="csv", mapping=mapping), table(ANNA, BROKEN))
        page = text(visit(alice).get(self.url(RejectedLine.objects.get())))
        before, after = page.split("The fault is here.")
        assert before.rstrip().endswith('_helptext">')
        assert 'value="seven"' in after[:200]

    @pytest.mark.parametrize(
        ("who", "status"), [("otto", 200), ("rita", 200), ("charlie", 404), ("victor", 403)]
    )
    def test_who_may_not(
        self,
        who: str,
        status: int,
        visit: Any,
        request: Any,
        broken: RejectedLine,
        table_counts: Any,
    ) -> None:
        client = visit(request.getfixturevalue(who))
        before = table_counts()
        answer = client.get(self.url(broken))
        assert answer.status_code == status
        if status == 200:
            assert "Preparers and controllers correct lines." in text(answer)
            assert "Dirk" not in text(answer)
        sent = {**self.filled(amount="7.00"), "reason": "why"}
        posted = client.post(self.url(broken, "correct"), sent)
        assert posted.status_code == (403 if status == 200 else status)
        assert table_counts() == before

    def test_auditors_see_what_was_changed_masked(
        self, visit: Any, otto: Any, broken: RejectedLine, fix: Fix
    ) -> None:
        correction = fix(broken, amount="7.00", who="Dirk de Smit")
        page = text(visit(otto).get(self.url(broken)))
        assert "Dirk de Smit" not in page
        assert "The invoice says so" in page
        assert changes_shown(correction, otto)[0] == {
            "column": "amount",
            "before": "••••en",
            "after": "••••00",
        }

    def test_a_line_that_was_read_again_leads_to_the_last_reading(
        self, visit: Any, alice: Any, connie: Any, broken: RejectedLine, bring: Any
    ) -> None:
        source = broken.batch.source
        wider = {**MAPPING, "attributes": ["branch"]}
        change_mapping(source_id=source.pk, mapping=wider, actor=connie)
        again = bring(source, table(ANNA, BROKEN, BERT)).batch
        page = text(visit(alice).get(self.url(broken)))
        assert reverse("ingestion:batch", args=[again.pk]) in page
        first = reverse("ingestion:batch", args=[broken.batch_id])
        assert "Correct it" not in text(visit(alice).get(first))


class TestRest:
    def url(self, line: RejectedLine, door: str = "") -> str:
        return f"/api/ingestion/rejected-lines/{line.pk}{door}"

    def test_texts_correction_and_what_was_changed(
        self, api: Any, alice: Any, otto: Any, broken: RejectedLine
    ) -> None:
        client = api(alice)
        assert client.get(self.url(broken)).json()["correction"] is None
        assert client.get(self.url(broken, "/texts")).json() == {
            "texts": TEXTS,
            "others": [],
        }
        sent = {"texts": {"amount": "7.00", "branch": " "}, "reason": "The invoice says so"}
        answer = client.post(self.url(broken, "/correct"), sent, format="json")
        correction = LineCorrection.objects.get()
        assert answer.status_code == 201
        assert answer.json() == {
            "id": correction.pk,
            "source": "sales",
            "rejected_line": broken.pk,
            "line": 3,
            "batch": correction.batch_id,
            "added_count": 1,
            "reason": "The invoice says so",
            "corrected_by": "alice",
            "corrected_at": answer.json()["corrected_at"],
        }
        assert client.get(self.url(broken)).json()["correction"] == correction.pk
        seen = client.get(f"/api/ingestion/corrections/{correction.pk}").json()
        assert seen["changes"][0] == {"column": "amount", "before": "seven", "after": "7.00"}
        listed = [
            len(client.get(f"/api/ingestion/corrections?{query}").json()["results"])
            for query in (f"rejected_line={broken.pk}", f"batch={correction.batch_id}", "batch=0")
        ]
        assert listed == [1, 1, 0]
        masked = api(otto).get(f"/api/ingestion/corrections/{correction.pk}").json()
        assert masked["changes"][0]["before"] == "••••en"

    def test_lines_of_a_statement_are_corrected_together(
        self, api: Any, alice: Any, two_of_a_statement: list[RejectedLine], table_counts: Any
    ) -> None:
        first, second = two_of_a_statement
        client = api(alice)
        assert client.get(self.url(first, "/texts")).json() == {
            "texts": {"61": "2304080408C5.0.0NTRFINV-2"},
            "others": [{"line": second.pk, "texts": {"61": "2304090409C2.0.0NTRFINV-3"}}],
        }
        sent = {"texts": {"61": "2304080408C5,00NTRFINV-2"}, "reason": "The bank told us"}
        other = {"line": second.pk, "texts": {"61": "2304090409C3,00NTRFINV-3"}}
        before = table_counts()
        for others, code in (
            ([], "LINES_BELONG_TOGETHER"),
            ([other], "CORRECTION_UNPROVEN"),
            ([other, other], "CORRECTION_INVALID"),
            ([{**other, "line": 10**9}], "NOT_FOUND"),
        ):
            body = {**sent, "others": others}
            answer = client.post(self.url(first, "/correct"), body, format="json")
            assert answer.json()["error"]["code"] == code
        assert table_counts() == before
        other["texts"] = {"61": "2304090409C2,00NTRFINV-3"}
        answer = client.post(
            self.url(first, "/correct"), {**sent, "others": [other]}, format="json"
        )
        assert (answer.status_code, answer.json()["rejected_line"]) == (201, first.pk)
        assert LineCorrection.objects.count() == 2

    def test_open_lines_can_be_asked_for(
        self, api: Any, alice: Any, sales: Source, bring: Any, fix: Fix
    ) -> None:
        bring(sales, table(BROKEN, BROKEN.replace("L-4", "L-5")))
        fix(RejectedLine.objects.get(line=2), amount="7.00")

        def lines(query: str) -> list[int]:
            rows = api(alice).get(f"/api/ingestion/rejected-lines?{query}").json()["results"]
            return [row["line"] for row in rows]

        assert lines("is_corrected=false") == [3]
        assert lines("is_corrected=true") == [2]
        assert lines("") == [3, 2]

    def test_a_repeated_key_is_answered_with_the_first_answer(
        self, api: Any, alice: Any, broken: RejectedLine
    ) -> None:
        sent = {"texts": {"amount": "7.00"}, "reason": "why"}
        headers = {"Idempotency-Key": "k-1"}
        first, again = (
            api(alice).post(self.url(broken, "/correct"), sent, format="json", headers=headers)
            for _ in range(2)
        )
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()

    @pytest.mark.parametrize(
        ("who", "sent", "status"),
        [
            (None, {}, 401),
            ("charlie", {"texts": {}, "reason": "why"}, 404),
            ("otto", {"texts": {}, "reason": "why"}, 403),
            ("ivy", {"texts": {}, "reason": "why"}, 403),
            ("alice", {"texts": {}}, 422),
            ("alice", {"texts": [], "reason": "why"}, 422),
            ("alice", {"texts": {"amount": 7}, "reason": "", "line": 3}, 422),
            ("alice", {"texts": {"amount": "x"}, "reason": "why"}, 422),
        ],
    )
    def test_refusals_change_nothing(
        self,
        who: str | None,
        sent: Any,
        status: int,
        api: Any,
        request: Any,
        broken: RejectedLine,
        table_counts: Any,
    ) -> None:
        actor = request.getfixturevalue(who) if who else None
        before = table_counts()
        answer = api(actor).post(self.url(broken, "/correct"), sent, format="json")
        assert answer.status_code == status
        assert table_counts() == before
