"""Rules under approval: proposed, approved by somebody else, and only then in force."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from apps.approvals.errors import ApprovalUsed
from apps.approvals.models import Request
from apps.approvals.services import decide, define_policy, revoke
from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible, Refusal, StaleVersion
from apps.identity.models import User
from apps.operations.models import OutboxMessage
from apps.reconciliation.errors import (
    MatchTypeInvalid,
    RulesNotApproved,
    RulesOutdated,
    RulesUntried,
    RunSuperseded,
)
from apps.reconciliation.matching import ItemsInvalid
from apps.reconciliation.models import RuleSetAdoption, RuleSetVersion, Run
from apps.reconciliation.selectors import rule_changes, rule_set_status, rules_in_force
from apps.reconciliation.services import (
    adopt_rules,
    change_rules,
    define_match_type,
    preview_rules,
    propose_learned,
    settle_rules,
)
from apps.reconciliation.services import preview as preview_module
from apps.reconciliation.tasks import settle_rules as settle_rules_task
from tests.approvals.test_races import Call, race, sorted_out
from tests.pages import text
from tests.reconciliation.conftest import RULES, Pair

WIDER = {**RULES, "awaited_days": 7}
WIDEST = {**RULES, "awaited_days": 9}
STRICT = {**RULES, "passes": RULES["passes"][:1]}
SEEN = {"seen_version": 1}


@pytest.fixture
def policy(entity: Any, connie: User) -> Any:
    return define_policy(
        entity_id=entity.pk,
        item_type="matching_rules",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )


def propose(pair: Pair, actor: User, rules: Any = WIDER) -> RuleSetVersion:
    return change_rules(match_type_id=pair.match_type.pk, rules=rules, actor=actor)


def request_about(version: RuleSetVersion) -> Request:
    return Request.objects.get(subject_id=str(version.pk), item_type="matching_rules")


def decided(version: RuleSetVersion, actor: User, verdict: str = "approve") -> Request:
    request = request_about(version)
    return decide(
        request_id=request.pk,
        verdict=verdict,
        comment="Seen",
        attested=False,
        expected_version=request.version,
        actor=actor,
    )


def test_without_a_policy_rules_take_effect_at_once_and_say_so(pair: Pair, connie: User) -> None:
    version = propose(pair, connie)
    assert rules_in_force(pair.match_type) == version
    assert rule_set_status(version) == "in_force"
    assert version.adoption.basis == "no_policy"
    assert not Request.objects.exists()


def test_with_a_policy_they_wait_for_somebody_else(
    pair: Pair, policy: Any, connie: User, bob: User
) -> None:
    version = propose(pair, connie)
    assert rule_set_status(version) == "proposed"
    assert rules_in_force(pair.match_type).number == 1
    assert pair.start().rule_set.number == 1
    request = request_about(version)
    assert (request.subject_hash, request.maker) == (version.digest, connie)
    assert request.title == "Matching rules: Bank to ledger, version 2"
    decided(version, bob)
    message = OutboxMessage.objects.get(task="apps.reconciliation.tasks.settle_rules")
    settle_rules_task(**message.arguments)
    assert rules_in_force(pair.match_type) == version
    adoption = RuleSetAdoption.objects.get(version=version)
    assert (adoption.basis, adoption.request) == ("approved", request)
    assert pair.run(starts_on=pair.run().starts_on, ends_on=pair.run().ends_on)
    event = Event.objects.filter(action="reconciliation.rule_set.adopt").latest("id")
    assert event.details["basis"] == "approved"
    first = pair.match_type.rule_sets.get(number=1)
    assert rule_set_status(first) == "former"


class TestFirstRules:
    """The first rules of a match type are under the same approval as every change of them."""

    @pytest.fixture
    def fresh(
        self, sources: Any, policy: Any, entity: Any, connie: User, alice: User, bob: User
    ) -> Pair:
        left, right = sources
        made = define_match_type(
            entity_id=entity.pk,
            code="bank_gl",
            name="Bank to ledger",
            left_source_id=left.pk,
            right_source_id=right.pk,
            rules=RULES,
            actor=connie,
        )
        return Pair(made, left, right, alice)

    def first(self, fresh: Pair) -> RuleSetVersion:
        version: RuleSetVersion = fresh.match_type.rule_sets.get(number=1)
        return version

    def test_no_run_starts_before_somebody_else_approved_them(
        self, fresh: Pair, bob: User, table_counts: Any
    ) -> None:
        assert rules_in_force(fresh.match_type) is None
        assert rule_set_status(self.first(fresh)) == "proposed"
        before = table_counts()
        with pytest.raises(RulesNotApproved):
            fresh.start()
        assert table_counts() == before
        request = decided(self.first(fresh), bob)
        assert request.title == "Matching rules: Bank to ledger, version 1"
        assert settle_rules(request_id=request.pk) is not None
        assert self.first(fresh).adoption.basis == "approved"
        assert fresh.run().status == "completed"

    def test_rejected_ones_never_take_effect_and_others_are_proposed(
        self, fresh: Pair, connie: User, bob: User
    ) -> None:
        request = decided(self.first(fresh), bob, "reject")
        assert settle_rules(request_id=request.pk) is None
        assert rules_in_force(fresh.match_type) is None
        second = propose(fresh, connie, RULES)
        assert (second.number, rule_set_status(second)) == (2, "proposed")
        assert propose(fresh, connie, RULES) == second
        settle_rules(request_id=decided(second, bob).pk)
        assert rules_in_force(fresh.match_type) == second

    def test_nothing_is_learned_under_rules_that_are_not_in_force(
        self, fresh: Pair, connie: User
    ) -> None:
        with pytest.raises(RulesNotApproved):
            propose_learned(match_type_id=fresh.match_type.pk, actor=connie)

    def test_the_page_says_that_no_run_starts(
        self, fresh: Pair, visit: Any, connie: User, bob: User
    ) -> None:
        import json

        shown = page(visit(connie), fresh)
        assert "<strong>No rules are in force</strong>, so no run starts" in shown
        assert "Version 1 waits" in shown
        assert "Thresholds of version 1, not in force" in shown
        assert "passes[2].tolerance.absolute" in shown
        url = f"/reconciliations/rules/{fresh.match_type.pk}/change/"
        done = visit(connie).post(url, {**SEEN, "rules": json.dumps(WIDER)}, follow=True)
        assert b"Version 2 waits for somebody else to approve it." in done.content

    def test_rest_refuses_the_run_and_the_administration_shows_the_rules(
        self, fresh: Pair, api: Any, alice: User, connie: User, visit: Any
    ) -> None:
        body = {"match_type": "bank_gl", "starts_on": "2023-04-01", "ends_on": "2023-04-30"}
        answer = api(alice).post("/api/reconciliation/start", body, format="json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "RULES_NOT_APPROVED")
        client = visit(connie)
        assert b"none in force" in client.get("/admin/reconciliation/matchtype/").content
        detail = client.get(f"/admin/reconciliation/matchtype/{fresh.match_type.pk}/change/")
        assert b"awaited_days" in detail.content


def test_settling_again_changes_nothing(
    pair: Pair, policy: Any, connie: User, bob: User, table_counts: Any
) -> None:
    version = propose(pair, connie)
    request = decided(version, bob)
    first = settle_rules(request_id=request.pk)
    before = table_counts()
    assert settle_rules(request_id=request.pk) == first
    assert table_counts() == before


def test_the_author_does_not_approve(
    pair: Pair, policy: Any, connie: User, bob: User, system: User, entity: Any
) -> None:
    from apps.identity.services import grant_role

    grant_role(user_id=connie.pk, role="approver", entity_id=entity.pk, actor=system)
    version = propose(pair, User.objects.get(pk=connie.pk))
    with pytest.raises(NotPermitted):
        decided(version, User.objects.get(pk=connie.pk))
    assert rules_in_force(pair.match_type).number == 1


@pytest.mark.parametrize("verdict", ["reject", "return"])
def test_what_is_not_approved_never_takes_effect(
    verdict: str, pair: Pair, policy: Any, connie: User, bob: User
) -> None:
    version = propose(pair, connie)
    request = decided(version, bob, verdict)
    assert settle_rules(request_id=request.pk) is None
    assert rule_set_status(version) == "not_approved"
    assert rules_in_force(pair.match_type).number == 1
    again = propose(pair, connie)
    assert (again.number, rule_set_status(again)) == (3, "proposed")


def test_a_newer_proposal_ends_the_request_about_the_older(
    pair: Pair, policy: Any, connie: User, bob: User
) -> None:
    older = propose(pair, connie)
    newer = propose(pair, connie, WIDEST)
    assert request_about(older).status == "superseded"
    assert rule_set_status(older) == "not_approved"
    assert rule_set_status(newer) == "proposed"


def test_what_waits_or_stands_already_is_not_proposed_again(
    pair: Pair, policy: Any, connie: User, bob: User, table_counts: Any
) -> None:
    waiting = propose(pair, connie)
    before = table_counts()
    assert propose(pair, connie) == waiting
    assert propose(pair, connie, RULES).number == 1
    assert table_counts() == before


def test_an_approval_that_comes_after_newer_rules_does_not_bring_the_old_ones_back(
    pair: Pair, policy: Any, connie: User, bob: User, table_counts: Any
) -> None:
    from apps.approvals.services import retire_policy

    version = propose(pair, connie)
    request = decided(version, bob)  # approved, but not settled yet
    retire_policy(policy_id=policy.pk, actor=connie)
    newer = propose(pair, connie, WIDEST)
    before = table_counts()
    with pytest.raises(RulesOutdated):
        adopt_rules(version_id=version.pk, actor=connie)
    assert settle_rules(request_id=request.pk) is None
    assert rules_in_force(pair.match_type) == newer
    assert table_counts() == before


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("connie", RulesNotApproved),
        ("alice", NotPermitted),
        ("rita", NotPermitted),
        ("bob", NotPermitted),
        ("otto", NotPermitted),
        ("ada", NotPermitted),
        ("ivy", NotPermitted),
        ("charlie", NotVisible),
        ("victor", NotVisible),
    ],
)
def test_nobody_puts_rules_in_force_without_the_approval(
    who: str,
    refusal: type[Refusal],
    request: Any,
    pair: Pair,
    policy: Any,
    connie: User,
    table_counts: Any,
) -> None:
    version = propose(pair, connie)
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        adopt_rules(version_id=version.pk, actor=actor)
    assert table_counts() == before


@pytest.mark.django_db(transaction=True)
def test_two_proposals_at_once_leave_one_that_waits(
    pair: Pair, policy: Any, connie: User, bob: User
) -> None:
    barrier = threading.Barrier(2)

    def one(rules: Any) -> None:
        try:
            barrier.wait(timeout=30)
            propose(pair, connie, rules)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=[rules]) for rules in (WIDER, WIDEST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert list(pair.match_type.rule_sets.values_list("number", flat=True)) == [3, 2, 1]
    assert sorted(Request.objects.values_list("status", flat=True)) == ["pending", "superseded"]


# --- Differences and previews -------------------------------------------------------------------


def test_the_settings_that_differ_are_named_by_path() -> None:
    after = {
        **RULES,
        "awaited_days": 7,
        "passes": [
            RULES["passes"][0],
            {**RULES["passes"][1], "tolerance": {"absolute": "0.10"}},
        ],
        "causes": {"split_keys": ["reference", "account"]},
    }
    changes = {change.path: (change.before, change.after) for change in rule_changes(RULES, after)}
    assert changes == {
        "passes[2].tolerance.absolute": ("0.05", "0.1"),
        "awaited_days": ("5", "7"),
        "causes.split_keys": ("reference", "reference, account"),
    }
    assert [c.path for c in rule_changes(RULES, STRICT)][:1] == ["passes[2].name"]


def test_a_preview_shows_what_would_differ_and_stores_nothing(
    april: Run, bob: User, table_counts: Any
) -> None:
    before = table_counts()
    tried = preview_rules(run_id=april.pk, rules=STRICT, actor=bob)
    assert table_counts() == before
    assert (tried.groups_before, tried.groups_after, tried.same_groups) == (2, 1, 1)
    assert (tried.groups_gone, tried.groups_new) == (1, 0)
    (gone,) = tried.gone
    assert (gone.pass_name, str(gone.difference), len(gone.records)) == ("Near", "-0.0300", 2)
    assert (str(tried.match_rate_before), str(tried.match_rate_after)) == ("30.76", "15.38")
    assert tried.breaks_after > tried.breaks_before
    assert not tried.is_same
    assert {line.cause for line in tried.causes} >= {"fee", "sign"}


def test_the_same_rules_come_to_the_same(april: Run, alice: User) -> None:
    tried = preview_rules(run_id=april.pk, rules=RULES, actor=alice)
    assert tried.is_same
    assert tried.match_rate_after == tried.match_rate_before


def test_a_preview_takes_what_the_run_compared_not_what_came_since(
    april: Run, pair: Pair, alice: User
) -> None:
    pair.bring("left", ("INV-7", "09", "13.00"))
    assert preview_rules(run_id=april.pk, rules=RULES, actor=alice).item_count == 13


def test_an_empty_run_is_matched_as_a_whole(pair: Pair, alice: User) -> None:
    tried = preview_rules(run_id=pair.run().pk, rules=STRICT, actor=alice)
    assert (tried.item_count, str(tried.match_rate_after), tried.is_same) == (0, "100.00", True)


def test_items_that_do_not_fit_are_said(
    april: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any, **named: Any) -> None:
        raise ItemsInvalid("left items: no")

    monkeypatch.setattr(preview_module, "reconcile", refuse)
    with pytest.raises(RulesUntried, match="left items"):
        preview_rules(run_id=april.pk, rules=RULES, actor=alice)


def test_only_a_run_that_stands_is_tried(april: Run, pair: Pair, alice: User) -> None:
    pair.bring("left", ("INV-7", "09", "13.00"))
    pair.run()
    with pytest.raises(RunSuperseded):
        preview_rules(run_id=april.pk, rules=RULES, actor=alice)
    with pytest.raises(MatchTypeInvalid, match="passes"):
        preview_rules(run_id=Run.objects.live().get().pk, rules={"version": "1"}, actor=alice)


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("otto", NotPermitted),
        ("ada", NotVisible),
        ("ivy", NotPermitted),
        ("charlie", NotVisible),
        ("victor", NotVisible),
    ],
)
def test_who_may_not_try_rules(who: str, refusal: type[Refusal], request: Any, april: Run) -> None:
    with pytest.raises(refusal):
        preview_rules(run_id=april.pk, rules=RULES, actor=request.getfixturevalue(who))


# --- Doors --------------------------------------------------------------------------------------


def test_rest_lists_proposes_and_previews(
    april: Run, pair: Pair, policy: Any, api: Any, connie: User, bob: User
) -> None:
    url = f"/api/reconciliation/match-types/{pair.match_type.pk}"
    answer = api(connie).post(f"{url}/rules", {"rules": WIDER}, format="json")
    assert answer.status_code == 201, answer.content
    assert (answer.json()["number"], answer.json()["status"]) == (2, "proposed")
    listed = api(bob).get(f"{url}/rules").json()
    assert [(each["number"], each["status"], each["basis"]) for each in listed] == [
        (2, "proposed", None),
        (1, "in_force", "no_policy"),
    ]
    body = {"rules": STRICT, "run": april.pk}
    tried = api(bob).post(f"{url}/preview", body, format="json")
    assert tried.status_code == 200, tried.content
    assert tried.json()["groups_gone"] == 1
    assert tried.json()["gone"][0]["difference"] == "-0.03"
    assert (
        api(bob).post(f"{url}/preview", {**body, "run": 1 << 40}, format="json").status_code == 404
    )
    assert api(connie).post(f"{url}/rules", {"rules": []}, format="json").status_code == 422
    assert api(bob).post(f"{url}/rules", {"rules": WIDER}, format="json").status_code == 403


def page(client: Client, pair: Pair, query: str = "") -> str:
    answer = client.get(f"/reconciliations/rules/{pair.match_type.pk}/{query}")
    assert answer.status_code == 200
    return text(answer)


def test_the_page_shows_thresholds_and_takes_a_proposal(
    april: Run, pair: Pair, policy: Any, visit: Any, connie: User, bob: User, otto: User
) -> None:
    import json

    url = f"/reconciliations/rules/{pair.match_type.pk}/change/"
    client = visit(connie)
    assert "passes[2].tolerance.absolute" in page(client, pair)
    tried = client.post(url, {**SEEN, "rules": json.dumps(STRICT), "run": april.pk, "try": "1"})
    assert tried.status_code == 200
    assert b"1 match would go, 0 would come" in tried.content
    same = client.post(url, {**SEEN, "rules": json.dumps(RULES), "run": april.pk, "try": "1"})
    assert b"Nothing would differ" in same.content
    assert client.post(url, {**SEEN, "rules": json.dumps(RULES), "try": "1"}).status_code == 422
    assert client.post(url, {**SEEN, "rules": "{"}).status_code == 422
    refused = client.post(url, {**SEEN, "rules": json.dumps({**RULES, "awaited_days": -1})})
    assert (refused.status_code, b"awaited_days" in refused.content) == (422, True)
    done = client.post(url, {**SEEN, "rules": json.dumps(WIDER)}, follow=True)
    assert b"Version 2 waits for somebody else to approve it." in done.content
    shown = page(visit(bob), pair, "?version=2")
    assert "What version 2 changes" in shown
    assert "Proposed by" in shown
    again = client.post(url, {**SEEN, "rules": json.dumps(RULES)}, follow=True)
    assert b"nothing changed" in again.content
    assert "Other rules" not in page(visit(otto), pair, "?version=x")


def test_without_a_policy_the_page_says_so(pair: Pair, visit: Any, connie: User) -> None:
    import json

    url = f"/reconciliations/rules/{pair.match_type.pk}/change/"
    done = visit(connie).post(url, {**SEEN, "rules": json.dumps(WIDER)}, follow=True)
    assert b"Version 2 is in force: no policy asks for an approval." in done.content


def test_rules_of_others_are_not_there(pair: Pair, visit: Any, charlie: User, victor: User) -> None:
    assert visit(charlie).get(f"/reconciliations/rules/{pair.match_type.pk}/").status_code == 404
    assert visit(victor).get(f"/reconciliations/rules/{pair.match_type.pk}/").status_code == 403


def test_adoptions_are_facts(pair: Pair) -> None:
    from django.db import DatabaseError

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        RuleSetAdoption.objects.update(basis="approved")


def test_rules_whose_approval_is_revoked_in_time_stay_off(
    pair: Pair, policy: Any, connie: User, bob: User
) -> None:
    version = propose(pair, connie)
    request = decided(version, bob)
    revoke(request_id=request.pk, reason="too wide", actor=bob)
    assert settle_rules(request_id=request.pk) is None
    with pytest.raises(RulesNotApproved):
        adopt_rules(version_id=version.pk, actor=connie)
    assert rule_set_status(version) == "not_approved"


def test_rules_in_force_keep_their_approval(
    pair: Pair, policy: Any, connie: User, bob: User
) -> None:
    version = propose(pair, connie)
    request = decided(version, bob)
    settle_rules(request_id=request.pk)
    assert version.adoption.request == request
    with pytest.raises(ApprovalUsed, match="acted upon"):
        revoke(request_id=request.pk, reason="too wide", actor=bob)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [2, 8])
def test_adopting_against_revoking_the_approval(
    pair: Pair, policy: Any, connie: User, bob: User, size: int
) -> None:
    version = propose(pair, connie)
    request = decided(version, bob)
    half = size // 2
    adopt: Call = lambda: settle_rules(request_id=request.pk)  # noqa: E731
    take_back: Call = lambda: revoke(request_id=request.pk, reason="x", actor=bob)  # noqa: E731
    _, refusals = sorted_out(race([*[adopt] * half, *[take_back] * half]))
    request.refresh_from_db()
    is_revoked = request.status == "revoked"
    assert RuleSetAdoption.objects.filter(version=version).exists() != is_revoked
    assert len(refusals) == half - is_revoked


class TestTwoPeoplePropose:
    """Who was slower is told, and the rules that the other one proposed stay."""

    def test_the_service(self, pair: Pair, connie: User, table_counts: Any) -> None:
        first = propose(pair, connie)
        before = table_counts()
        with pytest.raises(StaleVersion):
            change_rules(
                match_type_id=pair.match_type.pk, rules=RULES, actor=connie, expected_version=1
            )
        assert table_counts() == before
        assert rules_in_force(pair.match_type) == first
        same = change_rules(
            match_type_id=pair.match_type.pk, rules=WIDER, actor=connie, expected_version=1
        )
        assert same == first

    @pytest.mark.parametrize("door", ["page", "administration"])
    def test_the_pages(self, door: str, pair: Pair, visit: Any, connie: User) -> None:
        import json

        client, number = visit(connie), pair.match_type.pk
        url = f"/admin/reconciliation/matchtype/{number}/change/"
        shown, sent_to = (
            (f"/reconciliations/rules/{number}/", f"/reconciliations/rules/{number}/change/")
            if door == "page"
            else (url, url)
        )
        assert 'name="seen_version" value="1"' in text(client.get(shown))
        first = propose(pair, connie)
        answer = client.post(sent_to, {"rules": json.dumps(STRICT), "seen_version": 1})
        assert "This has changed since you opened it." in text(answer)
        assert rules_in_force(pair.match_type) == first
        client.post(sent_to, {"rules": json.dumps(STRICT), "seen_version": 2})
        assert pair.match_type.rule_sets.latest("number").number == 3

    def test_rest(self, pair: Pair, api: Any, connie: User) -> None:
        propose(pair, connie)
        url = f"/api/reconciliation/match-types/{pair.match_type.pk}/rules"
        sent = {"rules": STRICT, "expected_version": 1}
        answer = api(connie).post(url, sent, format="json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "STALE_VERSION")
        sent["expected_version"] = 2
        assert api(connie).post(url, sent, format="json").status_code == 201
