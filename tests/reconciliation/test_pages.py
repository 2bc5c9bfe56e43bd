"""The pages of reconciliation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.approvals.models import Request
from apps.approvals.services import define_policy
from apps.identity.models import User
from apps.reconciliation.matching import ItemsInvalid
from apps.reconciliation.models import Break, BreakReview, Run
from apps.reconciliation.services import accept_break, explain_break, reopen_break
from apps.reconciliation.services import runs as runs_module
from tests.pages import text
from tests.reconciliation.conftest import MAY, Pair

BREAKS, RUNS = "/breaks/", "/reconciliations/"
Broken = Callable[[str], Break]
Visit = Callable[[User | None], Client]


def opened(client: Client, name: str, *arguments: Any, query: str = "") -> str:
    answer = client.get(reverse(f"reconciliation:{name}", args=arguments) + query)
    assert answer.status_code == 200
    return text(answer)


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
            ("?cause=nonsense", ["INV-3", "INV-9", "INV-5", "INV-7", "INV-6", "INV-4"]),
            ("?match_type=0", ["INV-3", "INV-9", "INV-5", "INV-7", "INV-6", "INV-4"]),
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


class TestRuns:
    def test_the_list(self, visit: Visit, april: Run, pair: Pair, alice: User) -> None:
        pair.start(**MAY)
        page = text(visit(alice).get(RUNS))
        assert "<strong>1</strong> reconciliation stands, <strong>1</strong> queued." in page
        assert "30.76%" in page
        assert "Queued" in page

    def test_before_the_first(self, visit: Visit, entity: Any, alice: User) -> None:
        assert "Nothing has been reconciled yet." in text(visit(alice).get(RUNS))

    def test_it_comes_in_pages(self, visit: Visit, pair: Pair, alice: User) -> None:
        for day in range(1, 29):
            for month in (1, 2):
                on = date(2023, month, day)
                pair.start(starts_on=on, ends_on=on)
        client = visit(alice)
        page = text(client.get(RUNS))
        assert page.count("data-item") == 50
        following = page.split('rel="next" href="')[1].split('"')[0]
        page = text(client.get(RUNS + following))
        assert page.count("data-item") == 6
        assert 'rel="next"' not in page

    def test_starting_one(self, visit: Visit, pair: Pair, alice: User) -> None:
        fields = {
            "match_type": pair.match_type.pk,
            "starts_on": "2023-04-01",
            "ends_on": "2023-04-30",
        }
        answer = visit(alice).post(f"{RUNS}start/", fields, follow=True)
        run = Run.objects.get()
        assert answer.redirect_chain == [(f"{RUNS}{run.pk}/", 302)]
        assert f'hx-get="{RUNS}{run.pk}/?part=run"' in text(answer)
        runs_module.execute_run(run_id=run.pk)
        answer = visit(alice).post(f"{RUNS}start/", fields, follow=True)
        assert "Items and rules are the same as before" in text(answer)
        assert Run.objects.count() == 1

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"match_type": ""}, "This field is required."),
            ({"match_type": "0"}, "Select a valid choice."),
            ({"starts_on": "soon"}, "Enter a valid date."),
            ({"ends_on": "2023-03-01"}, "The last day lies before the first."),
            ({"starts_on": "1900-01-01"}, "A run covers days from 1970 to 2099."),
        ],
    )
    def test_bad_input_is_a_form_error(
        self,
        changes: dict[str, str],
        words: str,
        visit: Visit,
        pair: Pair,
        alice: User,
        table_counts: Any,
    ) -> None:
        client = visit(alice)
        fields = {
            "match_type": str(pair.match_type.pk),
            "starts_on": "2023-04-01",
            "ends_on": "2023-04-30",
        }
        before = table_counts()
        answer = client.post(f"{RUNS}start/", {**fields, **changes})
        assert answer.status_code == 422
        assert words in text(answer)
        assert table_counts() == before

    def test_who_may_not_start_is_offered_nothing(
        self, visit: Visit, april: Run, otto: User, rita: User
    ) -> None:
        for reader in (otto, rita):
            assert "start-title" not in text(visit(reader).get(RUNS))
            assert visit(reader).post(f"{RUNS}start/", {}).status_code == 403


class TestRun:
    def test_measures_causes_and_proof(self, visit: Visit, april: Run, alice: User) -> None:
        page = opened(visit(alice), "run", april.pk)
        assert "<strong>30.76% matched</strong>" in page
        assert "<strong>6 breaks</strong></a>, 5 of them open" in page
        assert 'the sides differ by <strong class="nowrap">726.47 EUR</strong>' in page
        assert "54.4976% net, 57.5756% gross" in page
        assert "Proved" in page
        assert (
            f"?days=2023-04-01_2023-04-30&amp;match_type={april.match_type_id}&amp;cause=fee"
            in page
        )
        assert "amount differs by 0.03 EUR (tolerance 0.05)" in page
        assert "<dt>Exact</dt><dd>1 match</dd>" in page

    def test_a_queued_run_asks_again_until_it_is_done(
        self, visit: Visit, pair: Pair, alice: User
    ) -> None:
        run = pair.start()
        client = visit(alice)
        part = opened(client, "run", run.pk, query="?part=run")
        assert part.startswith('<div id="run"')
        assert 'hx-trigger="every 2s"' in part
        runs_module.execute_run(run_id=run.pk)
        page = opened(client, "run", run.pk, query="?part=run")
        assert "hx-trigger" not in page.split('id="run"')[1]
        assert "no break" in page
        assert "Both sides agree." in page

    def test_a_failed_run_says_why(
        self, visit: Visit, pair: Pair, alice: User, monkeypatch: Any
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise ItemsInvalid("left items: amount is null in 1 rows")

        monkeypatch.setattr(runs_module, "reconciled", fail)
        page = opened(visit(alice), "run", pair.run().pk)
        assert "it failed, and nothing of it was kept" in page
        assert "amount is null in 1 rows" in page

    def test_a_superseded_run_leads_to_the_newer_one(
        self, visit: Visit, april: Run, pair: Pair, alice: User
    ) -> None:
        pair.bring("left", ("INV-7", "09", "13.00"))
        newer = pair.run()
        page = opened(visit(alice), "run", april.pk)
        assert f'<a href="{RUNS}{newer.pk}/">open it</a>' in page
        assert "Ask for approval" not in page

    def test_two_currencies_have_a_proof_each(self, visit: Visit, pair: Pair, alice: User) -> None:
        from apps.ingestion.services import import_file
        from tests.reconciliation.conftest import lines

        dollars = lines(("INV-2", "03", "7.00"), prefix="X").replace(b",EUR,", b",USD,")
        import_file(source_id=pair.left.pk, filename="usd", content=dollars, actor=alice)
        pair.bring("left", ("INV-1", "03", "10.00"))
        page = opened(visit(alice), "run", pair.run().pk)
        assert "Proof, EUR" in page
        assert "Proof, USD" in page
        assert "Variance" not in page

    def test_approval_is_asked_for_and_shown(
        self, visit: Visit, april: Run, alice: User, bob: User, connie: User, entity: Any
    ) -> None:
        define_policy(
            entity_id=entity.pk,
            item_type="reconciliation",
            stages=[{"role": "approver", "count": 1}],
            actor=connie,
        )
        client = visit(alice)
        assert "Ask for approval" in opened(client, "run", april.pk)
        answer = client.post(f"{RUNS}{april.pk}/approval/", follow=True)
        assert "Approval was asked for." in text(answer)
        assert Request.objects.get().subject_hash == april.outcome_digest
        page = opened(client, "run", april.pk)
        assert "Bob could decide." in page
        assert "Ask for approval" not in page
        from apps.approvals.services import decide

        asked = Request.objects.get()
        decide(
            request_id=asked.pk,
            verdict="approve",
            comment="Read it",
            attested=True,
            expected_version=asked.version,
            actor=bob,
        )
        page = opened(client, "run", april.pk)
        assert "<strong>Bob</strong>: approve" in page
        assert "<q>Read it</q>" in page

    def test_without_a_policy_nothing_is_asked(self, visit: Visit, april: Run, alice: User) -> None:
        answer = visit(alice).post(f"{RUNS}{april.pk}/approval/", follow=True)
        assert "No policy asks for an approval" in text(answer)

    def test_who_may_not_ask_is_refused(self, visit: Visit, april: Run, otto: User) -> None:
        assert "Ask for approval" not in opened(visit(otto), "run", april.pk)
        assert visit(otto).post(f"{RUNS}{april.pk}/approval/").status_code == 403


class TestMatches:
    def test_the_list_and_one_of_them(self, visit: Visit, april: Run, alice: User) -> None:
        client = visit(alice)
        page = opened(client, "groups", april.pk)
        assert "<strong>2</strong> matches" in page
        assert "reference equal: INV-2" in page
        page = opened(client, "group", april.pk, 2)
        assert "Matched by <strong>Near</strong>" in page
        assert "differs by 0.03" in page
        assert "2 days later" in page

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("?pass_name=Near", ["INV-2"]),
            ("?q=INV-1", ["INV-1"]),
            ("?q=none", []),
            ("?pass_name=nonsense", ["INV-1", "INV-2"]),
            ("?after=1", ["INV-2"]),
            ("?after=x", ["INV-1", "INV-2"]),
        ],
    )
    def test_narrowing(
        self, query: str, shown: list[str], visit: Visit, april: Run, alice: User
    ) -> None:
        page = opened(visit(alice), "groups", april.pk, query=query)
        assert [name for name in ("INV-1", "INV-2") if f">{name}</a>" in page] == shown
        if not shown:
            assert "No matches with these filters" in page

    def test_it_comes_in_pages(self, visit: Visit, pair: Pair, alice: User) -> None:
        rows = [(f"R-{n:03}", "03", f"{n}.00") for n in range(1, 61)]
        pair.bring("left", *rows)
        pair.bring("right", *rows)
        run = pair.run()
        client = visit(alice)
        page = opened(client, "groups", run.pk, query="?pass_name=Exact")
        assert page.count("data-item") == 50
        following = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        page = opened(client, "groups", run.pk, query=following)
        assert page.count("data-item") == 10

    def test_no_matches(self, visit: Visit, pair: Pair, alice: User) -> None:
        assert "No matches" in opened(visit(alice), "groups", pair.run().pk)


def test_pages_of_others_are_not_there(
    visit: Visit, april: Run, broken: Broken, charlie: User, victor: User, ada: User
) -> None:
    fee = broken("fee")
    for url in (
        f"/breaks/{fee.pk}/",
        f"{RUNS}{april.pk}/",
        f"{RUNS}{april.pk}/matches/",
        f"{RUNS}{april.pk}/matches/1/",
    ):
        assert visit(charlie).get(url).status_code == 404
        assert visit(victor).get(url).status_code == 403
        assert visit(ada).get(url).status_code == 403
        assert visit(None).get(url).status_code == 302
    for url in (BREAKS, RUNS):
        assert "INV-" not in text(visit(charlie).get(url))
        assert visit(victor).get(url).status_code == 403
    assert visit(charlie).post(f"{RUNS}{april.pk}/approval/").status_code == 404
    client = visit(april.requested_by)
    assert client.get(f"{RUNS}{april.pk}/matches/99/").status_code == 404
    assert client.get("/breaks/" + "9" * 30 + "/").status_code == 404


def test_who_works_for_two_companies_sees_both_or_one(
    visit: Visit, april: Run, alice: User, other_entity: Any, system: User
) -> None:
    from apps.identity.services import grant_role

    grant_role(user_id=alice.pk, role="preparer", entity_id=other_entity.pk, actor=system)
    client = visit(User.objects.get(pk=alice.pk))
    assert "<strong>6 breaks</strong>" in text(client.get(BREAKS))
    assert "HFS, " in text(client.get(RUNS))
    client.post(reverse("identity:view-entity", query={"code": "TKO"}))
    assert "Nothing has been reconciled yet" in text(client.get(BREAKS))
    assert "Nothing has been reconciled yet" in text(client.get(RUNS))


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


def test_reconciliations_belong_to_the_menu_entry_of_breaks(
    visit: Visit, april: Run, alice: User
) -> None:
    for url in (
        BREAKS,
        reverse("reconciliation:runs"),
        reverse("reconciliation:run", args=[april.pk]),
    ):
        assert 'href="/breaks/" aria-current="page"' in text(visit(alice).get(url))
