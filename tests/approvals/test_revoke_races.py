"""Revoking and acting at the same moment: one of the two happens, whatever the order."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.models import Request, Use
from apps.approvals.services import (
    define_policy,
    revoke,
    settle_policy,
    use_approval,
    use_requests,
)
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.identity.models import User
from tests.approvals.conftest import HASH, OTHER_HASH, subject
from tests.approvals.test_races import Call, deciding, race, sorted_out

pytestmark = pytest.mark.django_db(transaction=True)


def revoking(request: Request, actor: Any) -> Call:
    return lambda: revoke(request_id=request.pk, reason="x", actor=User.objects.get(pk=actor.pk))


@pytest.fixture
def approved(define: Any, ask: Any, bob: Any) -> Request:
    define()
    made: Request = ask(notify_task="apps.close.tasks.note_decision")
    deciding(made, bob)()
    made.refresh_from_db()
    return made


@pytest.mark.parametrize("size", [2, 8, 32])
def test_revoking_and_acting_exclude_each_other(
    approved: Request, bob: Any, alice: Any, size: int
) -> None:
    act: Call = lambda: use_approval(  # noqa: E731
        subject=subject(), subject_hash=HASH, actor=User.objects.get(pk=alice.pk)
    )
    half = size // 2
    outcomes = race([*[revoking(approved, bob)] * half, *[act] * half])
    revoked, acted = outcomes[:half], outcomes[half:]
    approved.refresh_from_db()
    if approved.status == RequestStatus.REVOKED:
        done, refusals = sorted_out(revoked)
        assert (len(done), {one.code for one in refusals}) == (1, {"ILLEGAL_MOVE"} - _none(half))
        assert acted == [None] * half
        assert not Use.objects.exists()
    else:
        done, refusals = sorted_out(revoked)
        assert (done, {one.code for one in refusals}) == ([], {"APPROVAL_USED"})
        assert acted == [approved] * half
        assert Use.objects.count() == 1
    events = Event.objects.filter(action__in=["approvals.request.use", "approvals.request.revoke"])
    assert events.count() == 1


def _none(half: int) -> set[str]:
    """One alone is refused nothing."""
    return {"ILLEGAL_MOVE"} if half == 1 else set()


@pytest.mark.parametrize("size", [2, 8])
def test_several_approvals_are_acted_upon_together_or_not_at_all(
    define: Any, ask: Any, bob: Any, alice: Any, size: int
) -> None:
    define()
    made = [ask(subject(number)) for number in range(3)]
    for one in made:
        deciding(one, bob)()
    forth = [one.pk for one in made]
    acts: list[Call] = [
        lambda: use_requests(request_ids=forth, actor=User.objects.get(pk=alice.pk)),
        lambda: use_requests(request_ids=forth[::-1], actor=User.objects.get(pk=alice.pk)),
    ] * (size // 2)
    outcomes = race([revoking(made[2], bob), *acts])
    statuses = set(Request.objects.values_list("status", flat=True))
    if "revoked" in statuses:
        assert set(outcomes[1:]) == {False}
        assert Use.objects.count() == 0
    else:
        assert set(outcomes[1:]) == {True}
        assert Use.objects.count() == 3


@pytest.mark.parametrize("size", [2, 8])
def test_other_content_and_acting_on_the_old_one(
    approved: Request, ask: Any, alice: Any, size: int
) -> None:
    """The old approval was acted upon and then fell, or fell and was not acted upon."""
    act: Call = lambda: use_approval(  # noqa: E731
        subject=subject(), subject_hash=HASH, actor=User.objects.get(pk=alice.pk)
    )
    outcomes = race([lambda: ask(subject_hash=OTHER_HASH), *[act] * (size - 1)])
    done, refusals = sorted_out(outcomes)
    assert refusals == []
    approved.refresh_from_db()
    assert approved.status == RequestStatus.SUPERSEDED
    is_used = any(one is not None for one in done[1:])
    assert Use.objects.count() == is_used


@pytest.mark.parametrize("size", [2, 8])
def test_a_policy_is_put_in_force_or_its_approval_is_revoked(
    define: Any, person: Any, entity: Any, connie: Any, size: int
) -> None:
    carla = person("carla", "controller", on=entity)
    define("policy", stages=[{"role": "controller", "count": 1}])
    proposed = define_policy(
        entity_id=entity.pk,
        item_type="reconciliation",
        stages=[{"role": "controller", "count": 1}],
        actor=connie,
    )
    request = Request.objects.get()
    deciding(request, carla)()
    half = size // 2
    settle: Call = lambda: settle_policy(request_id=request.pk)  # noqa: E731
    race([*[revoking(request, carla)] * half, *[settle] * half])
    request.refresh_from_db()
    settle()
    proposed.refresh_from_db()
    is_revoked = request.status == RequestStatus.REVOKED
    assert (proposed.in_force_at is None) == is_revoked
    assert (proposed.retired_at is not None) == is_revoked
    assert Use.objects.count() == (not is_revoked)
