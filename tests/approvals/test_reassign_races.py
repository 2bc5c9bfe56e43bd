"""Seats that are moved while somebody decides, or moves them elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from apps.approvals.models import Decision, Reassignment, Request
from apps.approvals.services import reassign
from apps.approvals.states import RequestStatus
from apps.identity.models import User
from tests.approvals.test_races import Call, deciding, race, sorted_out

pytestmark = pytest.mark.django_db(transaction=True)


def moving(request: Request, giver: Any, taker: Any, actor: Any) -> Call:
    return lambda: reassign(
        request_id=request.pk,
        from_person_id=giver.pk,
        to_person_id=taker.pk,
        reason="x",
        expected_version=1,
        actor=User.objects.get(pk=actor.pk),
    )


@pytest.fixture
def others(person: Any, entity: Any) -> list[Any]:
    return [person(f"rob{number}", "reviewer", on=entity) for number in range(8)]


@pytest.mark.parametrize("size", [2, 8, 32])
def test_a_seat_goes_to_one_of_them(
    define: Any, ask: Any, bob: Any, connie: Any, others: Any, size: int
) -> None:
    define()
    made = ask()
    calls = [moving(made, bob, others[number % 8], connie) for number in range(size)]
    done, refusals = sorted_out(race(calls))
    assert (len(done), len(refusals)) == (1, size - 1)
    assert {one.code for one in refusals} == {"STALE_VERSION"}
    assert Reassignment.objects.count() == 1
    made.refresh_from_db()
    assert made.version == 2


@pytest.mark.parametrize("size", [2, 8, 32])
def test_either_the_holder_decides_or_his_seat_is_gone(
    define: Any, ask: Any, bob: Any, connie: Any, others: Any, size: int
) -> None:
    define()
    made = ask()
    half = size // 2
    calls = [*[deciding(made, bob)] * half, *[moving(made, bob, others[0], connie)] * half]
    done, refusals = sorted_out(race(calls))
    assert (len(done), len(refusals)) == (1, size - 1)
    made.refresh_from_db()
    is_decided = made.status == RequestStatus.APPROVED
    assert Decision.objects.count() == is_decided
    assert Reassignment.objects.count() == (not is_decided)
    codes = {one.code for one in refusals}
    assert codes <= ({"ILLEGAL_MOVE"} if is_decided else {"STALE_VERSION"})
