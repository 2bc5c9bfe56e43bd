"""Small breaks booked by a rule: off by default, approved by somebody else, posted by people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.approvals.errors import ApprovalUsed
from apps.approvals.models import Request
from apps.approvals.services import decide, define_policy, revoke
from apps.common.errors import IllegalMove, Invalid, NotPermitted, NotVisible, Refusal
from apps.identity.models import User
from apps.ledger.models import JournalEntry
from apps.ledger.services import close_period
from apps.operations.models import OutboxMessage
from apps.reconciliation.errors import ResolutionInvalid
from apps.reconciliation.models import BreakReview, MatchType, ResolutionRule, Run, WriteOff
from apps.reconciliation.services import (
    accept_break,
    explain_break,
    propose_resolution,
    retire_resolution,
    settle_resolution,
)
from apps.reconciliation.tasks import resolve_small_breaks
from apps.reconciliation.tasks import settle_resolution as settle_task
from tests.pages import text
from tests.reconciliation.conftest import Pair
from tests.reconciliation.test_adjustments import booked


def propose(pair: Pair, actor: User, **changes: Any) -> ResolutionRule:
    asked: dict[str, Any] = {
        "match_type_id": pair.match_type.pk,
        "cause": "fee",
        "currency": "EUR",
        "limit": Decimal("10.00"),
        "expense_account": "5400",
        "actor": actor,
    }
    return propose_resolution(**(asked | changes))


@pytest.fixture
def policy(entity: Any, connie: User) -> Any:
    return define_policy(
        entity_id=entity.pk,
        item_type="resolution_rule",
        stages=[{"role": "approver", "count": 1}],
        actor=connie,
    )


def decided(rule: ResolutionRule, actor: User, verdict: str) -> Request:
    request = Request.objects.get(item_type="resolution_rule", subject_id=str(rule.pk))
    return decide(
        request_id=request.pk,
        verdict=verdict,
        comment="Seen",
        attested=False,
        expected_version=request.version,
        actor=actor,
    )


def test_by_default_nothing_is_booked(april: Run, table_counts: Any) -> None:
    assert not OutboxMessage.objects.filter(task__endswith="resolve_small_breaks").exists()
    before = table_counts()
    resolve_small_breaks(april.pk)
    assert table_counts() == before


def test_a_rule_in_force_proposes_one_entry_and_explains_the_breaks(
    pair: Pair, books: Any, connie: User, system: User, rita: User
) -> None:
    assert propose(pair, connie).status == "in_force"  # no policy asks for an approval
    pair.bring("left", ("A", "03", "92.50"), ("B", "04", "42.50"), ("C", "05", "10.00"))
    pair.bring("right", ("A", "03", "100.00"), ("B", "04", "50.00"), ("D", "05", "900.00"))
    run = pair.run()
    message = OutboxMessage.objects.get(task__endswith="resolve_small_breaks")
    resolve_small_breaks(**message.arguments)
    entry = JournalEntry.objects.get()
    assert (entry.status, entry.prepared_by, entry.kind) == ("draft", system, "adjustment")
    assert booked(entry) == {"5400": Decimal(15), "1000": Decimal(-15)}
    assert WriteOff.objects.filter(rule__number=1, entry=entry).count() == 2
    reviews = BreakReview.objects.filter(broken__run=run)
    assert {(r.status, r.explained_by) for r in reviews} == {("explained", system)}
    assert "rule 1: Fee up to 10.00 EUR" in reviews[0].comment.replace("10.0000", "10.00")
    accept_break(break_id=reviews[0].broken_id, comment="", actor=rita)  # people have the last word
    resolve_small_breaks(run.pk)
    assert JournalEntry.objects.count() == 1


def test_what_is_large_material_or_spoken_about_is_left_to_people(
    april: Run, pair: Pair, books: Any, connie: User, alice: User
) -> None:
    propose(pair, connie, limit=Decimal("7.49"))
    propose(pair, connie, cause="amount", limit=Decimal(9999))
    propose(pair, connie, cause="sign", limit=Decimal(9999))
    explain_break(break_id=april.breaks.get(cause="sign").pk, comment="Refund", actor=alice)
    resolve_small_breaks(april.pk)
    assert not JournalEntry.objects.exists()


def test_where_the_books_refuse_nothing_is_done(
    april: Run, pair: Pair, books: Any, connie: User, system: User, table_counts: Any
) -> None:
    from apps.ledger.models import Period

    propose(pair, connie)
    close_period(period_id=Period.objects.get(name="2023-04").pk, actor=system)
    before = table_counts()
    resolve_small_breaks(april.pk)
    assert table_counts() == before


def test_only_a_run_that_stands_is_worked(april: Run, pair: Pair, books: Any, connie: User) -> None:
    propose(pair, connie)
    pair.bring("left", ("INV-7", "09", "13.00"))
    pair.run()
    resolve_small_breaks(april.pk)
    assert not JournalEntry.objects.exists()


def test_a_run_anew_does_not_book_again(april: Run, pair: Pair, books: Any, connie: User) -> None:
    propose(pair, connie)
    resolve_small_breaks(april.pk)
    pair.bring("left", ("INV-7", "09", "13.00"))
    newer = pair.run()
    resolve_small_breaks(newer.pk)
    assert JournalEntry.objects.count() == 1
    assert WriteOff.objects.get(run=newer).rule is not None


# --- Under approval -----------------------------------------------------------------------------


def test_with_a_policy_a_rule_waits_for_somebody_else(
    april: Run, pair: Pair, books: Any, policy: Any, connie: User, bob: User
) -> None:
    rule = propose(pair, connie)
    assert rule.status == "proposed"
    resolve_small_breaks(april.pk)
    assert not JournalEntry.objects.exists()
    request = decided(rule, bob, "approve")
    settle_task(request.pk)
    rule.refresh_from_db()
    assert rule.status == "in_force"
    assert settle_resolution(request_id=request.pk) is None
    resolve_small_breaks(april.pk)
    assert JournalEntry.objects.count() == 1


def test_a_newer_rule_takes_the_place_of_the_former(pair: Pair, books: Any, connie: User) -> None:
    first, second = propose(pair, connie), propose(pair, connie, limit=Decimal(5))
    first.refresh_from_db()
    assert (first.status, second.status) == ("retired", "in_force")
    assert propose(pair, connie, cause="rounding").status == "in_force"


@pytest.mark.parametrize("verdict", ["reject", "return"])
def test_what_is_not_approved_stays_off(
    verdict: str, pair: Pair, books: Any, policy: Any, connie: User, bob: User
) -> None:
    rule = propose(pair, connie)
    request = decided(rule, bob, verdict)
    settle_resolution(request_id=request.pk)
    rule.refresh_from_db()
    assert rule.status == "not_approved"


def test_a_proposal_that_was_taken_back_is_not_put_in_force(
    pair: Pair, books: Any, policy: Any, connie: User, bob: User
) -> None:
    rule = propose(pair, connie)
    assert retire_resolution(rule_id=rule.pk, actor=connie).status == "retired"
    assert Request.objects.get().status == "superseded"
    assert settle_resolution(request_id=Request.objects.get().pk) is None
    other = propose(pair, connie)
    from apps.approvals.services import withdraw

    request = Request.objects.get(subject_id=str(other.pk))
    withdraw(request_id=request.pk, reason="No", actor=connie)
    settle_resolution(request_id=request.pk)
    other.refresh_from_db()
    assert other.status == "proposed"
    with pytest.raises(IllegalMove):
        retire_resolution(rule_id=rule.pk, actor=connie)


def test_an_approval_revoked_in_time_keeps_the_rule_off(
    pair: Pair, books: Any, policy: Any, connie: User, bob: User
) -> None:
    rule = propose(pair, connie)
    request = decided(rule, bob, "approve")
    revoke(request_id=request.pk, reason="too much", actor=bob)
    settle_resolution(request_id=request.pk)
    rule.refresh_from_db()
    assert rule.status == "not_approved"


def test_the_approval_of_a_rule_in_force_is_not_revoked(
    pair: Pair, books: Any, policy: Any, connie: User, bob: User
) -> None:
    rule = propose(pair, connie)
    request = decided(rule, bob, "approve")
    settle_resolution(request_id=request.pk)
    with pytest.raises(ApprovalUsed) as refused:
        revoke(request_id=request.pk, reason="too much", actor=bob)
    assert refused.value.remedy == "Retire the rule."


REFUSED: list[tuple[str, dict[str, Any], type[Refusal]]] = [
    ("alice", {}, NotPermitted),
    ("rita", {}, NotPermitted),
    ("bob", {}, NotPermitted),
    ("otto", {}, NotPermitted),
    ("charlie", {}, NotVisible),
    ("connie", {"match_type_id": 0}, NotVisible),
    ("connie", {"cause": "nonsense"}, ResolutionInvalid),
    ("connie", {"limit": Decimal(0)}, ResolutionInvalid),
    ("connie", {"limit": Decimal("0.001")}, Invalid),
    ("connie", {"currency": "XXY"}, Invalid),
    ("connie", {"expense_account": "9999"}, ResolutionInvalid),
]


@pytest.mark.parametrize(("who", "changes", "refusal"), REFUSED)
def test_rules_that_are_refused(
    who: str,
    changes: dict[str, Any],
    refusal: type[Refusal],
    request: Any,
    pair: Pair,
    books: Any,
    connie: User,
    table_counts: Any,
) -> None:
    actor = request.getfixturevalue(who)
    rule = propose(pair, connie, cause="rounding")
    before = table_counts()
    with pytest.raises(refusal):
        propose(pair, actor, **changes)
    if not changes:
        with pytest.raises(refusal):
            retire_resolution(rule_id=rule.pk, actor=actor)
    assert table_counts() == before


def test_the_right_side_has_to_be_one_account(
    pair: Pair, books: Any, connie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import transaction

    from apps.audit.services import record

    with transaction.atomic():
        MatchType.objects.filter(pk=pair.match_type.pk).update(right_accounts=[])
        record(actor=connie, action="reconciliation.match_type.test", subject=pair.match_type)
    with pytest.raises(ResolutionInvalid, match="one ledger account"):
        propose(pair, connie)


# --- Doors --------------------------------------------------------------------------------------


def test_rest(pair: Pair, books: Any, api: Any, connie: User, otto: User) -> None:
    url = f"/api/reconciliation/match-types/{pair.match_type.pk}/resolution-rules"
    body = {"cause": "fee", "currency": "EUR", "limit": "10.00", "expense_account": "5400"}
    answer = api(connie).post(url, body, format="json")
    assert (answer.status_code, answer.json()["status"]) == (201, "in_force")
    assert api(connie).post(url, {**body, "limit": 10.5}, format="json").status_code == 422
    (listed,) = api(otto).get("/api/reconciliation/resolution-rules").json()["results"]
    retire = f"/api/reconciliation/resolution-rules/{listed['id']}/retire"
    assert api(otto).post(retire).status_code == 403
    assert api(connie).post(retire).json()["status"] == "retired"


def test_the_page(pair: Pair, books: Any, connie: User, alice: User, otto: User) -> None:
    client = Client()
    client.force_login(connie)
    url = f"/reconciliations/rules/{pair.match_type.pk}/"
    given = {"cause": "fee", "currency": "EUR", "limit": "10.00", "expense_account": "5400"}

    def said(name: str, data: Any) -> str:
        answer = client.post(f"{url}{name}/", data, follow=True)
        return text(answer)

    assert "Rule 1: in force." in said("small", given)
    assert "There is no such account" in said("small", {**given, "expense_account": "1"})
    assert "Up to:" in said("small", {**given, "limit": ""})
    assert "Rule 1 is retired." in said("small", {"retire": "1"})
    assert client.post(f"{url}small/", {"retire": "9"}, follow=True).status_code == 200
    work = {"owner": alice.pk, "sla_days": 3, "ageing_days": "10, 20", "carries": "open"}
    page = said("terms", work)
    assert "Noted for runs to come." in page
    assert "Owner: Alice; due after 3 business days" in page
    assert "Write days with commas" in said("terms", {**work, "ageing_days": "soon"})
    assert "ascending" in said("terms", {**work, "ageing_days": "20, 10"})
    pair.match_type.refresh_from_db()
    assert (pair.match_type.ageing_days, pair.match_type.carries) == ([10, 20], "open")
    client.force_login(otto)
    assert "You may not do this" in said("terms", work)
    assert "You may not do this" in said("small", given)
