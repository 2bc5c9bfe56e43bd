"""Many people at the same moment: one wins, the others are told, nothing is done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection

from apps.approvals.models import Decision, Limit, Policy, Request
from apps.approvals.services import (
    decide,
    define_limit,
    define_policy,
    recheck_requests,
    settle_policy,
    withdraw,
)
from apps.approvals.states import RequestStatus
from apps.audit.models import Event
from apps.common.errors import Conflict, Refusal
from apps.identity.models import User
from apps.identity.services import revoke_role
from apps.operations.models import OutboxMessage
from tests.approvals.conftest import ONE_APPROVER, OTHER_HASH, subject

pytestmark = pytest.mark.django_db(transaction=True)
Call = Callable[[], Any]


def race(calls: Sequence[Call]) -> list[Any]:
    """Start all calls at the same moment, each on its own connection; results and refusals."""
    barrier = threading.Barrier(len(calls))
    outcomes: list[Any] = [None] * len(calls)

    def run(number: int, call: Call) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=20)
            outcomes[number] = call()
        except Exception as error:  # noqa: BLE001  (told to the test, which looks at it)
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return outcomes


def sorted_out(outcomes: Sequence[Any]) -> tuple[list[Any], list[Refusal]]:
    """What succeeded, and what was refused; anything else is a fault."""
    refusals = [one for one in outcomes if isinstance(one, Refusal)]
    done = [one for one in outcomes if not isinstance(one, Exception)]
    assert len(refusals) + len(done) == len(outcomes), outcomes
    return done, refusals


def deciding(request: Request, actor: Any, verdict: str = "approve") -> Call:
    return lambda: decide(
        request_id=request.pk,
        verdict=verdict,
        comment="x",
        attested=True,
        expected_version=1,
        actor=User.objects.get(pk=actor.pk),
    )


@pytest.fixture
def approvers(person: Any, entity: Any) -> list[Any]:
    return [person(f"ann{number}", "approver", on=entity) for number in range(8)]


@pytest.mark.parametrize("size", [2, 8])
def test_one_of_many_approvers_decides(define: Any, ask: Any, approvers: Any, size: int) -> None:
    define()
    made = ask(notify_task="apps.close.tasks.note_decision")
    done, refusals = sorted_out(race([deciding(made, one) for one in approvers[:size]]))
    assert (len(done), len(refusals)) == (1, size - 1)
    assert {refusal.code for refusal in refusals} == {"ILLEGAL_MOVE"}
    made.refresh_from_db()
    assert (made.status, made.version) == (RequestStatus.APPROVED, 2)
    assert Decision.objects.count() == 1
    assert OutboxMessage.objects.count() == 1


@pytest.mark.parametrize("size", [2, 8])
def test_where_several_are_needed_each_has_to_look_at_what_the_one_before_did(
    define: Any, ask: Any, approvers: Any, size: int
) -> None:
    define(stages=[{"role": "approver", "count": 3}])
    made = ask()
    done, refusals = sorted_out(race([deciding(made, one) for one in approvers[:size]]))
    assert (len(done), len(refusals)) == (1, size - 1)
    assert {refusal.code for refusal in refusals} == {"STALE_VERSION"}
    made.refresh_from_db()
    assert (made.status, made.version) == (RequestStatus.PENDING, 2)
    assert Decision.objects.count() == 1


def test_a_double_click_decides_once(define: Any, ask: Any, approvers: Any) -> None:
    define(stages=[{"role": "approver", "count": 2}])
    made = ask()
    done, refusals = sorted_out(race([deciding(made, approvers[0])] * 4))
    assert (len(done), len(refusals)) == (1, 3)
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("verdict", ["approve", "reject", "return"])
def test_deciding_and_withdrawing_exclude_each_other(
    define: Any, ask: Any, approvers: Any, alice: Any, verdict: str
) -> None:
    define()
    made = ask(notify_task="apps.close.tasks.note_decision")
    take_back: Call = lambda: withdraw(  # noqa: E731
        request_id=made.pk, reason="x", actor=User.objects.get(pk=alice.pk)
    )
    calls = [deciding(made, approvers[0], verdict), take_back, take_back]
    done, refusals = sorted_out(race(calls))
    assert (len(done), len(refusals)) == (1, 2)
    assert all(isinstance(refusal, Conflict) for refusal in refusals)
    made.refresh_from_db()
    is_withdrawn = made.status == RequestStatus.WITHDRAWN
    assert Decision.objects.count() == (0 if is_withdrawn else 1)
    assert OutboxMessage.objects.count() == 1


@pytest.mark.parametrize("size", [2, 8])
def test_asking_many_times_at_once_makes_one_request(
    define: Any, ask: Any, bob: Any, size: int
) -> None:
    define()
    done, refusals = sorted_out(race([ask] * size))
    assert refusals == []
    assert len({made.pk for made in done}) == 1
    assert Request.objects.count() == 1


def test_asking_for_two_contents_at_once_leaves_one_of_them_open(
    define: Any, ask: Any, bob: Any
) -> None:
    define()
    _, refusals = sorted_out(race([ask, lambda: ask(subject_hash=OTHER_HASH)] * 2))
    assert refusals == []
    assert Request.objects.open().count() == 1
    assert set(Request.objects.values_list("status", flat=True)) <= {"pending", "superseded"}


def test_other_content_and_a_decision_on_the_old_one_do_not_both_stand(
    define: Any, ask: Any, approvers: Any
) -> None:
    define()
    made = ask()
    outcomes = race([deciding(made, approvers[0]), lambda: ask(subject_hash=OTHER_HASH)])
    done, _ = sorted_out(outcomes)
    assert done
    made.refresh_from_db()
    assert made.status == RequestStatus.SUPERSEDED  # the approval came first and fell, or never was
    assert Request.objects.get(subject_hash=OTHER_HASH).status == RequestStatus.PENDING


@pytest.mark.parametrize("size", [2, 8])
def test_policies_defined_at_once_follow_one_another(entity: Any, connie: Any, size: int) -> None:
    def put_in_force() -> Policy:
        return define_policy(
            entity_id=entity.pk,
            item_type="reconciliation",
            stages=ONE_APPROVER,
            actor=User.objects.get(pk=connie.pk),
        )

    done, refusals = sorted_out(race([put_in_force] * size))
    assert refusals == []
    assert sorted(policy.version for policy in done) == list(range(1, size + 1))
    assert Policy.objects.in_force().count() == 1


@pytest.mark.parametrize("size", [2, 8])
def test_limits_defined_at_once_replace_one_another(entity: Any, connie: Any, size: int) -> None:
    def define() -> Limit:
        return define_limit(
            entity_id=entity.pk,
            role="approver",
            item_type="journal_entry",
            amount=Decimal(10_000),
            currency="EUR",
            starts_on=date(2023, 1, 1),
            actor=User.objects.get(pk=connie.pk),
        )

    done, refusals = sorted_out(race([define] * size))
    assert (len(done), refusals) == (size, [])
    assert Limit.objects.standing().count() == 1


@pytest.mark.parametrize("size", [2, 8])
def test_pieces_asked_for_at_once_are_all_counted(
    define: Any, ask: Any, bob: Any, size: int
) -> None:
    define("journal_entry")
    facts = {
        "item_type": "journal_entry",
        "amount": Decimal(1_000),
        "currency": "EUR",
        "split_key": "Acme",
    }
    calls: list[Call] = [partial(ask, subject(number), **facts) for number in range(size)]
    done, refusals = sorted_out(race(calls))
    assert (len(done), refusals) == (size, [])
    beside = sorted(Request.objects.values_list("split_amount", flat=True))
    assert beside == [Decimal(1_000 * number) for number in range(size)]


def test_thirty_two_at_once_leave_one_outcome(
    define: Any, ask: Any, approvers: Any, alice: Any, entity: Any
) -> None:
    define()
    made = ask(notify_task="apps.close.tasks.note_decision")
    take_back: Call = lambda: withdraw(  # noqa: E731
        request_id=made.pk, reason="x", actor=User.objects.get(pk=alice.pk)
    )
    calls = [
        *(deciding(made, one) for one in approvers),
        *(deciding(made, one, "reject") for one in approvers),
        *[take_back] * 8,
        *[partial(recheck_requests, entity_id=entity.pk)] * 8,
    ]
    done, refusals = sorted_out(race(calls))
    assert (len(done), len(refusals)) == (1 + 8, 23)
    made.refresh_from_db()
    assert made.status in {"approved", "rejected", "withdrawn"}
    assert Decision.objects.count() == (made.status != "withdrawn")
    assert OutboxMessage.objects.filter(task="apps.close.tasks.note_decision").count() == 1


def test_a_role_that_is_taken_while_its_holder_decides(
    define: Any, ask: Any, approvers: Any, entity: Any, system: Any
) -> None:
    """Either he was in time, or the request waits for the next; never half of both."""
    define(stages=[{"role": "approver", "count": 2}])
    made = ask()
    take: Call = lambda: revoke_role(  # noqa: E731
        user_id=approvers[0].pk, role="approver", entity_id=entity.pk, actor=system
    )
    recheck: Call = partial(recheck_requests, entity_id=entity.pk)
    race([take, deciding(made, approvers[0]), recheck, recheck])
    recheck()
    made.refresh_from_db()
    assert made.status == RequestStatus.PENDING
    assert made.version == 1 + Decision.objects.count()


def test_blocking_and_releasing_at_once_notes_each_change_once(
    define: Any, ask: Any, person: Any, entity: Any
) -> None:
    define()
    made = ask()
    assert made.status == RequestStatus.BLOCKED
    person("bella", "approver", on=entity)
    done, refusals = sorted_out(race([partial(recheck_requests, entity_id=entity.pk)] * 8))
    assert refusals == []
    assert sorted(done) == [[]] * 7 + [[made.pk]]
    assert Event.objects.filter(action="approvals.request.release").count() == 1


@pytest.mark.parametrize("size", [2, 8])
def test_a_policy_settled_many_times_at_once_takes_effect_once(
    define: Any, person: Any, entity: Any, connie: Any, size: int
) -> None:
    carla = person("carla", "controller", on=entity)
    define("policy", stages=[{"role": "controller", "count": 1}])
    proposed = define()
    request = Request.objects.get()
    deciding(request, carla)()
    done, refusals = sorted_out(race([partial(settle_policy, request_id=request.pk)] * size))
    assert (len(done), refusals) == (size, [])
    proposed.refresh_from_db()
    assert proposed.in_force_at is not None
    assert (
        Event.objects.filter(action="approvals.policy.define", subject_id=str(proposed.pk)).count()
        == 1
    )
