"""The work list of breaks, one break side by side, and what people say about it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.urls import reverse

from apps.identity.models import User
from apps.reconciliation.models import Break, BreakReview, Run
from apps.reconciliation.services import accept_break, explain_break, reopen_break
from tests.pages import text
from tests.reconciliation.conftest import MAY, Pair
from tests.reconciliation.test_pages import BREAKS, Broken, Visit, opened


class TestBreaks:
    def test_the_first_line_answers(
        self, visit: Visit, april: Run, broken: Broken, alice: User, rita: User
    ) -> None:
        explain_break(break_id=broken("amount").pk, comment="Credit note", actor=alice)
        accept_break(break_id=broken("fee").pk, comment="Wire fee", actor=rita)
        page = text(visit(alice).get(BREAKS))
        assert "<strong>6 breaks</strong>, <strong>3 open</strong>" in page
        # 60.00 of the sign, 12.00 and 13.00 missing; awaited, explained, accepted do not count.
        assert "85.00 EUR</span> unexplained" in page
        assert "1 explained; 1 accepted; 1 awaited." in page

    def test_the_largest_come_first(self, visit: Visit, april: Run, alice: User) -> None:
        page = text(visit(alice).get(BREAKS))
        order = [page.index(f">{name}</a>") for name in ("INV-3", "INV-9", "INV-5", "INV-7")]
        assert order == sorted(order)

    def test_the_side_that_lacks_something_is_named(
        self, visit: Visit, april: Run, alice: User
    ) -> None:
        page = text(visit(alice).get(BREAKS))
        assert "Missing in Bank" in page
        assert "Missing in Ledger" in page

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("?cause=fee", ["INV-4"]),
            ("?state=awaited", ["INV-9"]),
            ("?status=explained", ["INV-3"]),
            ("?status=open&state=missing", ["INV-7", "INV-6"]),
            ("?q=inv-7", ["INV-7"]),
            ("?q=L4-INV-4", ["INV-4"]),
            ("?q=nothing", []),
            ("?days=all", ["INV-3", "INV-9", "INV-5", "INV-7", "INV-6", "INV-4"]),
            ("?days=2023-04-01_2023-04-30&cause=sign", ["INV-5"]),
        ],
    )
    def test_filters(
        self,
        query: str,
        shown: list[str],
        visit: Visit,
        april: Run,
        broken: Broken,
        alice: User,
    ) -> None:
        explain_break(break_id=broken("amount").pk, comment="Credit note", actor=alice)
        page = text(visit(alice).get(BREAKS + query))
        found = [
            name for name in (f"INV-{n}" for n in (3, 9, 5, 7, 6, 4)) if f">{name}</a>" in page
        ]
        assert found == shown
        if not shown:
            assert "No breaks with these filters" in page

    @pytest.mark.parametrize(
        ("query", "fault"), [("?cause=nonsense", "Cause"), ("?match_type=0&q=inv-7", "Match type")]
    )
    def test_a_filter_that_is_not_understood_lists_nothing(
        self, visit: Visit, april: Run, alice: User, query: str, fault: str
    ) -> None:
        page = text(visit(alice).get(BREAKS + query))
        assert "Nothing is listed: a filter was not understood" in page
        assert f"{fault}: Select a valid choice" in page
        assert "data-item" not in page

    def test_a_match_type_can_be_chosen(
        self, visit: Visit, april: Run, pair: Pair, alice: User
    ) -> None:
        page = text(visit(alice).get(f"{BREAKS}?match_type={pair.match_type.pk}"))
        assert "<strong>6 breaks</strong>" in page

    def test_without_a_choice_the_latest_days_are_shown(
        self, visit: Visit, april: Run, pair: Pair, alice: User
    ) -> None:
        pair.run(**MAY)
        page = text(visit(alice).get(BREAKS))
        assert "<strong>1 break</strong>" in page
        assert '<option value="2023-04-01_2023-04-30">April 2023</option>' in page
        pair.run(starts_on=date(2023, 4, 1), ends_on=date(2023, 4, 15))
        assert "1 Apr 2023 to 15 Apr 2023" in text(visit(alice).get(BREAKS))

    def test_over_all_days_what_was_awaited_counts_once(
        self, visit: Visit, april: Run, pair: Pair, alice: User
    ) -> None:
        """INV-9, awaited at the end of April, is taken over by May and missing there."""
        assert "6 breaks</strong>, <strong>5 open" in text(visit(alice).get(f"{BREAKS}?days=all"))
        pair.run(**MAY)
        page = text(visit(alice).get(f"{BREAKS}?days=all"))
        assert "6 breaks</strong>, <strong>6 open" in page
        page = text(visit(alice).get(f"{BREAKS}?days=2023-04-01_2023-04-30"))
        assert "1 awaited" in page, "as April found it"

    def test_what_was_explained_while_awaited_stays(
        self, visit: Visit, april: Run, pair: Pair, broken: Broken, alice: User
    ) -> None:
        explain_break(
            break_id=Break.objects.get(run=april, state="awaited").pk, comment="Due", actor=alice
        )
        pair.run(**MAY)
        page = text(visit(alice).get(f"{BREAKS}?days=all"))
        assert "7 breaks</strong>, <strong>6 open" in page
        assert "1 explained" in page

    def test_it_comes_in_pages_both_ways(self, visit: Visit, pair: Pair, alice: User) -> None:
        rows = [(f"R-{n:03}", "03", f"{n}.00") for n in range(1, 121)]
        pair.bring("left", *rows)
        pair.run()
        client = visit(alice)

        def shown(query: str) -> tuple[list[str], str]:
            page = text(client.get(BREAKS + query))
            return [f"R-{n:03}" for n in range(120, 0, -1) if f">R-{n:03}</a>" in page], page

        def link(page: str, rel: str) -> str:
            return page.split(f'rel="{rel}" href="')[1].split('"', 1)[0].replace("&amp;", "&")

        first, page = shown("?cause=missing_right")
        assert first == [f"R-{n:03}" for n in range(120, 70, -1)]
        assert 'rel="prev"' not in page
        second, page = shown(link(page, "next"))
        assert second == [f"R-{n:03}" for n in range(70, 20, -1)]
        third, page = shown(link(page, "next"))
        assert third == [f"R-{n:03}" for n in range(20, 0, -1)]
        assert 'rel="next"' not in page
        back, page = shown(link(page, "prev"))
        assert back == second
        again, page = shown(link(page, "prev"))
        assert again == first
        assert 'rel="prev"' not in page

    @pytest.mark.parametrize(
        "query",
        [
            "?after=x",
            "?after=1.00-x",
            "?after=NaN-1",
            "?after=abc-1",
            "?before=1e99-1",
            "?after=-",
            "?after=1e9999999-5",
        ],
    )
    def test_cursors_that_are_none_show_the_first_page(
        self, query: str, visit: Visit, april: Run, alice: User
    ) -> None:
        assert "INV-3" in text(visit(alice).get(BREAKS + query))

    def test_past_the_end_there_is_nothing(self, visit: Visit, april: Run, alice: User) -> None:
        assert "No breaks with these filters" in text(visit(alice).get(f"{BREAKS}?after=0-999999"))

    def test_nothing_reconciled_and_nothing_broken_are_two_things(
        self, visit: Visit, pair: Pair, alice: User
    ) -> None:
        assert "Nothing has been reconciled yet" in text(visit(alice).get(BREAKS))
        pair.run()
        assert "Everything that was reconciled agrees." in text(visit(alice).get(BREAKS))

    def test_reviewers_have_the_keys_to_accept(
        self, visit: Visit, april: Run, broken: Broken, alice: User, rita: User
    ) -> None:
        accept_break(break_id=broken("fee").pk, comment="Wire fee", actor=rita)
        page = text(visit(rita).get(BREAKS))
        assert page.count('data-key="a"') == 5
        assert page.count('data-key="r"') == 1
        assert 'data-key="a"' not in text(visit(alice).get(BREAKS))

    def test_the_queries_do_not_grow_with_the_list(
        self, visit: Visit, april: Run, alice: User, django_assert_max_num_queries: Any
    ) -> None:
        client = visit(alice)
        with django_assert_max_num_queries(18):
            client.get(BREAKS)


class TestBreak:
    def test_both_sides_with_the_differing_characters_marked(
        self, visit: Visit, broken: Broken, alice: User
    ) -> None:
        page = opened(visit(alice), "break", broken("amount").pk)
        assert "1,<mark>7</mark>00.00 EUR" in page
        assert "1,<mark>1</mark>00.00 EUR" in page
        assert "differs by 600.00" in page
        assert "(material): amount differs by 600.00 EUR, reference INV-3 is equal." in page

    def test_it_leads_to_the_lines_of_the_files(
        self, visit: Visit, broken: Broken, alice: User
    ) -> None:
        page = opened(visit(alice), "break", broken("amount").pk)
        assert "?from=4#line-4" in page
        assert "left.csv, line 4" in page
        assert "right.csv, line 4" in page

    def test_evidence_says_what_the_records_do_not(
        self, visit: Visit, broken: Broken, alice: User
    ) -> None:
        page = opened(visit(alice), "break", broken("fee").pk)
        assert "<dt>Fee</dt><dd>7.50 EUR</dd>" in page
        assert "schedule wire (7.5)" in page
        assert "Left amount" not in page
        page = opened(visit(alice), "break", broken("missing_right").pk)
        assert "<dt>Age</dt><dd>22 days</dd>" in page
        assert "<dt>Counted on</dt><dd>30 Apr 2023</dd>" in page
        assert "Further evidence" not in opened(visit(alice), "break", broken("sign").pk)

    def test_a_missing_record_stands_alone(self, visit: Visit, broken: Broken, alice: User) -> None:
        page = opened(visit(alice), "break", broken("missing_left").pk)
        assert "Break 6: Missing in Bank" in page
        assert "The records of both sides" in page

    def test_a_preparer_explains_and_only_that(
        self, visit: Visit, broken: Broken, alice: User
    ) -> None:
        page = opened(visit(alice), "break", broken("fee").pk)
        assert 'id="explain"' in page
        assert 'id="accept"' not in page
        assert 'id="reopen"' not in page

    def test_a_reviewer_accepts_what_somebody_else_explained(
        self, visit: Visit, broken: Broken, alice: User, rita: User
    ) -> None:
        material = broken("amount").pk
        assert 'id="accept"' not in opened(visit(rita), "break", material)
        assert "one person explains it, another accepts" in opened(visit(rita), "break", material)
        explain_break(break_id=material, comment="Mine", actor=rita)
        page = opened(visit(rita), "break", material)
        assert 'id="accept"' not in page
        assert "Somebody else has to accept your explanation." in page
        explain_break(break_id=material, comment="Credit note", actor=alice)
        assert 'id="accept"' in opened(visit(rita), "break", material)

    def test_who_may_do_nothing_is_told_who_may(
        self, visit: Visit, broken: Broken, otto: User, bob: User
    ) -> None:
        for reader in (otto, bob):
            page = opened(visit(reader), "break", broken("fee").pk)
            assert "<dialog" not in page.split('id="main"')[1].split("</main>")[0]
            assert "Preparers explain breaks" in page

    def test_what_was_said_newest_first(
        self, visit: Visit, broken: Broken, alice: User, rita: User
    ) -> None:
        fee = broken("fee").pk
        explain_break(break_id=fee, comment="Wire fee", actor=alice)
        accept_break(break_id=fee, comment="Agreed", actor=rita)
        page = opened(visit(alice), "break", fee)
        said = page.split("What was said")[1]
        assert said.index("accepted it") < said.index("explained it")
        assert "Agreed" in said
        assert "Wire fee" in said
        assert "Your say" in page
        assert "accepted it: <q>Agreed</q>" in page

    def test_opening_again_is_said_too(
        self, visit: Visit, broken: Broken, alice: User, rita: User
    ) -> None:
        fee = broken("fee").pk
        explain_break(break_id=fee, comment="Wire fee", actor=alice)
        visit(rita).post(
            reverse("reconciliation:review", args=[fee, "reopen"]),
            {"comment": "Wrong bank", "version": "2"},
        )
        assert "<strong>Rita</strong> opened it again" in opened(visit(alice), "break", fee)
        explain_break(break_id=fee, comment="Again", actor=alice)
        reopen_break(break_id=fee, comment="No", actor=rita)  # not through a page
        assert "<strong>Somebody</strong> opened it again" in opened(visit(alice), "break", fee)

    def test_what_was_said_in_the_run_before_is_linked(
        self, visit: Visit, broken: Broken, pair: Pair, alice: User
    ) -> None:
        fee = broken("fee")
        explain_break(break_id=fee.pk, comment="Wire fee", actor=alice)
        pair.bring("left", ("INV-7", "09", "13.00"))
        newer = pair.run()
        now = Break.objects.get(run=newer, cause="fee")
        page = opened(visit(alice), "break", now.pk)
        assert "of the same break in the run before" in page
        assert f'href="/breaks/{fee.pk}/"' in page

    def test_a_break_of_a_run_that_no_longer_stands_is_only_looked_at(
        self, visit: Visit, broken: Broken, pair: Pair, alice: User
    ) -> None:
        fee = broken("fee")
        pair.bring("left", ("INV-7", "09", "13.00"))
        pair.run()
        page = opened(visit(alice), "break", fee.pk)
        assert "A newer run took the place" in page
        assert 'id="explain"' not in page

    def test_the_next_one_is_a_step_away(
        self, visit: Visit, broken: Broken, alice: User, april: Run
    ) -> None:
        page = opened(visit(alice), "break", broken("fee").pk)
        assert f'href="/breaks/{broken("amount").pk}/">Next open break' in page
        for other in april.breaks.exclude(cause="fee"):
            explain_break(break_id=other.pk, comment="x", actor=alice)
        assert "Next open break" not in opened(visit(alice), "break", broken("fee").pk)

    @pytest.mark.parametrize(("who", "is_clear"), [("alice", True), ("otto", False)])
    def test_names_are_masked_for_auditors(
        self, who: str, is_clear: bool, request: Any, visit: Visit, broken: Broken
    ) -> None:
        page = opened(visit(request.getfixturevalue(who)), "break", broken("amount").pk)
        assert ("Anna" in page) is is_clear


class TestSaying:
    def test_explaining_leads_back_to_the_break(
        self, visit: Visit, broken: Broken, alice: User
    ) -> None:
        fee = broken("fee")
        answer = visit(alice).post(
            reverse("reconciliation:review", args=[fee.pk, "explain"]),
            {"comment": "Wire fee", "version": "1"},
            follow=True,
        )
        assert answer.redirect_chain == [(f"/breaks/{fee.pk}/", 302)]
        assert f"Break {fee.number} is explained." in text(answer)
        assert BreakReview.objects.get().explained_by == alice

    @pytest.mark.parametrize(
        ("who", "verb", "fields", "status", "words"),
        [
            ("alice", "explain", {}, 422, "Say why in a few words."),
            ("alice", "explain", {"comment": " ", "version": "1"}, 422, "Say why in a few words."),
            ("alice", "explain", {"comment": "Fee", "version": "x"}, 422, "Enter a whole number."),
            ("alice", "explain", {"comment": "x" * 2001, "version": "1"}, 422, "at most 2000"),
            ("alice", "explain", {"comment": "a\0b", "version": "1"}, 422, "Null characters"),
            ("alice", "explain", {"comment": "Fee", "version": "9"}, 409, "This has changed since"),
            ("alice", "accept", {"comment": "Fee", "version": "1"}, 403, "You may not do this."),
            ("rita", "accept", {"comment": "", "version": "1"}, 422, "Say why in the comment."),
            ("rita", "reopen", {"comment": "Why", "version": "1"}, 409, "cannot become open"),
            ("otto", "explain", {"comment": "Fee", "version": "1"}, 403, "You may not do this."),
        ],
    )
    def test_a_refusal_opens_the_dialog_again_and_changes_nothing(
        self,
        who: str,
        verb: str,
        fields: dict[str, str],
        status: int,
        words: str,
        request: Any,
        visit: Visit,
        broken: Broken,
        table_counts: Any,
    ) -> None:
        client = visit(request.getfixturevalue(who))
        before = table_counts()
        answer = client.post(
            reverse("reconciliation:review", args=[broken("fee").pk, verb]), fields
        )
        assert answer.status_code == status
        page = text(answer)
        assert words in page
        assert f'id="{verb}" aria-labelledby="{verb}-title" data-open' in page
        assert table_counts() == before

    def test_verbs_and_breaks_that_are_none(
        self, visit: Visit, broken: Broken, alice: User, charlie: User
    ) -> None:
        client, fee = visit(alice), broken("fee").pk
        assert client.post(f"/breaks/{fee}/forget/", {}).status_code == 404
        assert client.post("/breaks/0/explain/", {}).status_code == 404
        assert client.get(f"/breaks/{fee}/explain/").status_code == 405
        answer = visit(charlie).post(f"/breaks/{fee}/explain/", {"comment": "x", "version": "1"})
        assert answer.status_code == 404


def test_evidence_in_words() -> None:
    from apps.reconciliation.views.comparing import further_evidence

    facts = {
        "pass": "Exact",
        "left_count": 2,
        "right_candidates": [1, 2],
        "original_id": 7,
        "original_on": "2023-04-03",
        "age_days": 1,
        "differing": ["account differs: a / b", "narrative is blank on both sides"],
        "fee": "7.50",
        "currency": "EUR",
        "value": "X",
        "left_amounts": ["1.00"],
        "reference": "",
    }
    assert further_evidence(facts) == [
        ("Pass", "Exact"),
        ("Left count", "2"),
        ("First booked", "3 Apr 2023"),
        ("Age", "1 day"),
        ("Differing", "account differs: a / b; narrative is blank on both sides"),
        ("Fee", "7.50 EUR"),
    ]
