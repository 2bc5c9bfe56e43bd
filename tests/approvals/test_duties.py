"""Who did both sides, and who could."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.approvals.errors import DaysInvalid
from apps.approvals.models import Conflict, Decision, Request, Waiver
from apps.approvals.selectors.duties import PREPARE, ROLES, RULES, duties_report, pairings
from apps.approvals.services import decide, define_limit
from apps.common.errors import NotPermitted
from apps.identity.services import grant_role, revoke_role
from tests.approvals.conftest import subject
from tests.approvals.test_absence import today

pytestmark = pytest.mark.django_db


def report(entity: Any, actor: Any, first: date | None = None, last: date | None = None) -> Any:
    return duties_report(entity, first or today(), last or today(), actor=actor)


def pair(found: Any, name: str, who: Any) -> Any:
    return next(
        (one for one in found.pairs if one.pairing.name == name and one.person == who), None
    )


def decided(request: Request, who: Any, behalf: Any = None, **facts: Any) -> Decision:
    """A decision that no service would have taken."""
    wanted = {
        "verdict": "approve",
        "stage": 0,
        "role_at_time": "approver",
        "subject_hash": "a" * 64,
    }
    return Decision.objects.create(
        request=request, approver=who, on_behalf_of=behalf, **(wanted | facts)
    )


def test_every_pairing_is_of_roles_that_there_are() -> None:
    found = pairings.__wrapped__()  # anew, whoever asked for them before
    assert found == pairings()
    assert {one.name for one in found} == {PREPARE, RULES, ROLES}
    assert all(one.first_roles and one.second_roles for one in found)


def test_nothing_is_found_where_the_rule_is_kept(
    define: Any, ask: Any, entity: Any, bob: Any, otto: Any
) -> None:
    define()
    made = ask(amount=Decimal(100), currency="EUR")
    decide(
        request_id=made.pk, verdict="approve", comment="", attested=True, expected_version=1,
        actor=bob,
    )  # fmt: skip
    assert report(entity, otto).violations == ()


@pytest.mark.parametrize(
    ("who", "part"),
    [("alice", "made it"), ("rita", "had a hand in it")],
)
@pytest.mark.parametrize("is_behalf", [False, True])
def test_a_decision_of_whoever_had_a_hand_in_it_is_found(
    request: Any,
    define: Any,
    ask: Any,
    entity: Any,
    bob: Any,
    rita: Any,
    otto: Any,
    who: str,
    part: str,
    is_behalf: bool,
) -> None:
    define()
    made = ask(conflicted=[rita], amount=Decimal(-40), currency="EUR")
    person = request.getfixturevalue(who)
    decision = decided(made, bob if is_behalf else person, person if is_behalf else None)
    (found,) = report(entity, otto).violations
    assert (found.request, found.decision, found.person, found.part) == (
        made,
        decision,
        person,
        part,
    )
    assert (found.is_later, found.remark) == (False, "against the rule")


def test_both_the_delegate_and_the_delegator_are_found(
    define: Any, ask: Any, entity: Any, bob: Any, rita: Any, otto: Any
) -> None:
    define()
    decided(ask(conflicted=[rita, bob]), bob, rita)
    assert [one.person for one in report(entity, otto).violations] == [bob, rita]


def test_taking_part_after_having_decided_is_told_apart(
    define: Any, ask: Any, entity: Any, bob: Any, otto: Any
) -> None:
    define()
    made = ask()
    decided(made, bob)
    Conflict.objects.create(request=made, user=bob)
    (found,) = report(entity, otto).violations
    assert (found.is_later, found.remark) == (True, "took part after he had decided")
    other = ask(subject(1))
    Conflict.objects.bulk_create([Conflict(request=other, user=bob, noted_at=None)])
    decided(other, bob)
    assert not report(entity, otto).violations[1].is_later


def test_a_waiver_is_named_and_is_no_breach(
    define: Any, ask: Any, entity: Any, bob: Any, connie: Any, otto: Any, system: Any
) -> None:
    define()
    waiver = Waiver.objects.create(
        entity=entity, person=bob, item_type="reconciliation", starts_on=today(), ends_on=today(),
        proposed_by=connie, signed_by=system, signed_at=timezone.now(),
    )  # fmt: skip
    decided(ask(conflicted=[bob]), bob, waiver=waiver)
    (found,) = report(entity, otto).violations
    assert not found.is_breach
    assert found.remark == f"under waiver {waiver.pk}, signed by Connie and {system}"


def test_days_and_entities_are_kept_apart(
    define: Any, ask: Any, entity: Any, other_entity: Any, alice: Any, otto: Any, charlie: Any
) -> None:
    define()
    decided(ask(), alice)
    tomorrow = today() + timedelta(days=1)
    assert report(entity, otto, tomorrow, tomorrow).violations == ()
    assert report(other_entity, charlie, today() - timedelta(days=1), tomorrow).violations == ()
    with pytest.raises(NotPermitted):
        report(entity, charlie)
    with pytest.raises(NotPermitted):
        report(entity, alice)
    with pytest.raises(DaysInvalid):
        report(entity, otto, tomorrow, today())


def test_who_did_both_on_different_documents_is_told_with_how_much(
    define: Any, ask: Any, entity: Any, rita: Any, connie: Any, otto: Any, bob: Any
) -> None:
    define(stages=[{"role": "reviewer", "count": 1}])
    ask(subject(1), maker=rita, actor=rita, amount=Decimal(-300), currency="EUR")
    ask(subject(2), maker=rita, actor=rita, amount=Decimal(7), currency="USD")
    made = ask(amount=Decimal(100), currency="EUR")
    decide(
        request_id=made.pk, verdict="approve", comment="", attested=True, expected_version=1,
        actor=rita,
    )  # fmt: skip
    found = report(entity, otto)
    both = pair(found, PREPARE, rita)
    assert (both.did, both.could.roles) == (True, ("reviewer",))
    assert (both.first.number, both.first.amounts) == (
        2,
        {"EUR": Decimal(300), "USD": Decimal(7)},
    )
    assert (both.second.number, both.second.amounts) == (1, {"EUR": Decimal(100)})
    assert found.pairs[0] == both  # who did comes first
    could = pair(found, PREPARE, connie)
    assert (could.did, could.could.roles) == (False, ("controller",))
    assert pair(found, PREPARE, bob) is None


def test_a_stand_in_s_decision_counts_for_both(
    define: Any, ask: Any, entity: Any, bob: Any, rita: Any, otto: Any
) -> None:
    define()
    ask(subject(1), maker=rita, actor=rita)
    decided(ask(amount=Decimal(5), currency="EUR"), bob, rita)
    found = report(entity, otto)
    assert pair(found, PREPARE, rita).second.number == 1


def test_rules_and_roles_are_duties_too(
    define: Any, ask: Any, entity: Any, connie: Any, otto: Any, ada: Any, bob: Any, system: Any
) -> None:
    define()
    define_limit(
        entity_id=entity.pk, item_type="x", amount=Decimal(5), currency="EUR",
        starts_on=today(), role="approver", actor=connie,
    )  # fmt: skip
    decided(ask(), connie)
    grant_role(user_id=ada.pk, role="approver", entity_id=entity.pk, actor=system)
    grant_role(user_id=bob.pk, role="reviewer", entity_id=entity.pk, actor=ada)
    decided(ask(subject(1)), ada)
    revoke_role(user_id=ada.pk, role="approver", entity_id=entity.pk, actor=system)
    found = report(entity, otto)
    assert pair(found, RULES, connie).first.number == 2
    gave = pair(found, ROLES, ada)
    assert (gave.did, gave.first.number) == (True, 1)
    assert gave.could.roles == ("administrator", "approver")
    assert gave.could.until <= timezone.now()


def test_nobody_could_do_anything_in_days_to_come(entity: Any, connie: Any, otto: Any) -> None:
    assert pair(report(entity, otto), PREPARE, connie).could.until <= timezone.now()
    tomorrow = today() + timedelta(days=1)
    assert report(entity, otto, tomorrow, tomorrow).pairs == ()


def test_who_decided_without_such_a_role_is_told_too(
    define: Any, ask: Any, entity: Any, alice: Any, otto: Any
) -> None:
    define()
    decided(ask(), alice)
    both = pair(report(entity, otto), PREPARE, alice)
    assert (both.did, both.could) == (True, None)


def test_it_takes_the_same_queries_however_much_there_is(
    define: Any, ask: Any, entity: Any, alice: Any, rita: Any, otto: Any
) -> None:
    define()
    decided(ask(), alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as run:
            report(entity, otto)
        return len(run)

    queries()  # whoever asks is looked up once
    first = queries()
    for number in range(1, 5):
        decided(ask(subject(number), conflicted=[rita]), rita)
    assert queries() == first <= 12
