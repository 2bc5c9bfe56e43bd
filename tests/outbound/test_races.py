"""Many workers at one delivery: one attempt at a time, and nothing twice without need."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection

from apps.operations.models import OutboxMessage
from apps.outbound.models import Delivery, Endpoint
from apps.outbound.services import deliver, queue_due_deliveries, resend_delivery, switch_off
from tests.approvals.test_races import race, sorted_out
from tests.outbound.conftest import Receiver
from tests.outbound.test_deliver import make_due

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("size", [2, 8])
def test_of_many_workers_one_sends(delivery: Delivery, receiver: Receiver, size: int) -> None:
    receiver.before_answer = lambda: time.sleep(0.2)
    _, refusals = sorted_out(race([lambda: deliver(delivery_id=delivery.pk)] * size))
    assert refusals == []
    assert len(receiver.got) == 1
    seen = Delivery.objects.get()
    assert (seen.status, seen.attempt_count, seen.attempts.count()) == ("delivered", 1, 1)


def test_sending_again_during_an_attempt_does_not_make_two_at_once(
    delivery: Delivery, receiver: Receiver, ada: Any
) -> None:
    """It is made due while it is under way: the second worker leaves it to the first."""
    at_work, most = [0], [0]
    guard = threading.Lock()

    def hold() -> None:
        with guard:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(0.3)
        with guard:
            at_work[0] -= 1

    receiver.before_answer = hold
    receiver.status = 500

    def again() -> None:
        time.sleep(0.1)
        resend_delivery(delivery_id=delivery.pk, actor=ada)
        deliver(delivery_id=delivery.pk)

    sorted_out(race([lambda: deliver(delivery_id=delivery.pk), again]))
    assert most == [1]
    assert len(receiver.got) == 1
    seen = Delivery.objects.get()
    assert (seen.status, seen.attempts.count()) == ("waiting", 1)
    make_due(seen)
    assert queue_due_deliveries() == 1  # and then it is sent again, as was asked


@pytest.mark.parametrize("size", [2, 6])
def test_many_beats_queue_a_delivery_once(delivery: Delivery, size: int) -> None:
    make_due(delivery)
    OutboxMessage.objects.all().delete()
    done, _ = sorted_out(race([queue_due_deliveries] * size))
    assert sum(done) == 1
    assert OutboxMessage.objects.count() == 1


def test_switching_off_and_sending_do_not_wait_for_ever(
    delivery: Delivery, receiver: Receiver, ada: Any
) -> None:
    receiver.status = 410
    receiver.before_answer = lambda: time.sleep(0.1)

    def off() -> None:
        time.sleep(0.1)
        switch_off(endpoint_id=delivery.endpoint_id, reason="x", actor=ada)

    outcomes = race([lambda: deliver(delivery_id=delivery.pk), off])
    sorted_out(outcomes)
    assert Endpoint.objects.get().status == "off"
    assert Delivery.objects.get().status == "dropped"


def test_asking_for_approval_does_not_wait_for_an_endpoint_at_work(
    endpoint: Endpoint, ask: Any
) -> None:
    """A row lock on the endpoint is held while somebody asks."""
    from django.db import transaction

    from apps.outbound.locks import endpoint_held

    asked = threading.Event()

    def hold() -> bool:
        with transaction.atomic():
            endpoint_held(endpoint.pk)
            return asked.wait(timeout=10)

    def ask_meanwhile() -> None:
        time.sleep(0.2)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        ask()
        asked.set()

    outcomes = race([hold, ask_meanwhile])
    assert outcomes[0] is True, outcomes
    assert Delivery.objects.count() == 1
