"""`kill -9` around a delivery: what happened is told at least once, always under the same id."""

from __future__ import annotations

import pytest

from apps.outbound.models import Delivery
from apps.outbound.services import queue_due_deliveries
from tests.faults import Trap, die_at
from tests.outbound.conftest import Receiver, attempt
from tests.outbound.test_deliver import make_due

pytestmark = pytest.mark.django_db(transaction=True)

DELIVERING = "apps.outbound.services.delivering"
# Where it dies, and how often the other side has got it by then.
POINTS = {
    "before the try is counted": (Trap(DELIVERING, "signed_headers", is_after=False), 0),
    "counted, nothing sent": (Trap(DELIVERING, "post", is_after=False), 0),
    "sent and taken, nothing on record": (Trap(DELIVERING, "post"), 1),
    "about to be put on record": (Trap(DELIVERING, "_settle", is_after=False), 1),
}


@pytest.mark.parametrize("point", POINTS)
def test_it_is_sent_again_under_the_same_id(
    delivery: Delivery, receiver: Receiver, point: str
) -> None:
    trap, sent = POINTS[point]
    die_at(trap, "apps.outbound.services.deliver", delivery_id=delivery.pk)
    assert len(receiver.got) == sent
    seen = Delivery.objects.get()
    assert (seen.status, seen.attempts.count()) == ("waiting", 0)
    make_due(delivery)
    assert queue_due_deliveries() == 1
    seen = attempt(delivery)
    assert seen.status == "delivered"
    assert len(receiver.got) == sent + 1
    assert {got.headers["webhook-id"] for got in receiver.got} == {delivery.event.message_id}
    assert {got.body for got in receiver.got} == {delivery.event.body.encode()}
    assert seen.attempts.count() == seen.attempt_count


def test_once_it_is_on_record_it_is_not_sent_again(delivery: Delivery, receiver: Receiver) -> None:
    die_at(Trap(DELIVERING, "_settle"), "apps.outbound.services.deliver", delivery_id=delivery.pk)
    seen = Delivery.objects.get()
    assert (seen.status, seen.attempts.count()) == ("delivered", 1)
    make_due(delivery)
    assert queue_due_deliveries() == 0
    attempt(delivery)
    assert len(receiver.got) == 1
