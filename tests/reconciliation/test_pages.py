"""Runs and their matches, as pages; and what of all pages others do not see."""

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
from apps.reconciliation.models import Break, Run
from apps.reconciliation.selectors import groups as groups_module
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
        assert f'hx-get="{RUNS}{run.pk}/"' in text(answer)
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
        page = opened(client, "run", run.pk)
        assert 'hx-trigger="every 2s"' in page.split('id="run"')[1]
        runs_module.execute_run(run_id=run.pk)
        page = opened(client, "run", run.pk)
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

    def test_a_pass_that_is_none_lists_nothing(self, visit: Visit, april: Run, alice: User) -> None:
        page = opened(visit(alice), "groups", april.pk, query="?pass_name=nonsense")
        assert "Nothing is listed: a filter was not understood" in page
        assert "data-item" not in page

    @pytest.mark.parametrize("most", [0, 1, 100], ids=["walked", "some walked", "looked up"])
    @pytest.mark.parametrize(
        ("words", "shown"), [("inv-", ["INV-1", "INV-2"]), ("INV-2", ["INV-2"]), ("inv-9", [])]
    )
    def test_a_name_is_found_however_many_have_it(
        self,
        words: str,
        shown: list[str],
        most: int,
        visit: Visit,
        april: Run,
        alice: User,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(groups_module, "_MOST_NAMED", most)
        page = opened(visit(alice), "groups", april.pk, query=f"?q={words}")
        assert [name for name in ("INV-1", "INV-2") if f">{name}</a>" in page] == shown

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


def test_reconciliations_belong_to_the_menu_entry_of_breaks(
    visit: Visit, april: Run, alice: User
) -> None:
    for url in (
        BREAKS,
        reverse("reconciliation:runs"),
        reverse("reconciliation:run", args=[april.pk]),
    ):
        assert 'href="/breaks/" aria-current="page"' in text(visit(alice).get(url))
