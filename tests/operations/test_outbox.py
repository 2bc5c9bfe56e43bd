"""The outbox: queued with the change, delivered after the commit, once enough and never lost."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from apps.operations import services, tasks
from apps.operations.models import IdempotentAnswer, OutboxMessage
from apps.operations.services import enqueue, relay_outbox


class Broker:
    """Takes what is published, or is down."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.is_down = False
        self._lock = threading.Lock()

    def send_task(self, name: str, **options: Any) -> None:
        if self.is_down:
            raise OperationalError("no broker")
        with self._lock:
            self.taken.append({"name": name, **options})


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    monkeypatch.setattr(services, "current_app", made)
    return made


def queue(number: int = 1) -> OutboxMessage:
    with transaction.atomic():
        return enqueue("apps.ledger.tasks.post_approved_entry", request_id=number)


@pytest.mark.django_db(transaction=True)
def test_a_message_of_a_rolled_back_change_never_was(broker: Broker) -> None:
    with transaction.atomic():
        enqueue("a.b", x=1)
        transaction.set_rollback(True)
    assert relay_outbox() == 0
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_message_needs_the_transaction_of_its_change(broker: Broker) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        enqueue("a.b")


@pytest.mark.django_db(transaction=True)
def test_delivery_is_marked_and_not_repeated(broker: Broker) -> None:
    message = queue()
    assert relay_outbox() == 1
    assert relay_outbox() == 0
    (sent,) = broker.taken
    assert sent["name"] == "apps.ledger.tasks.post_approved_entry"
    assert sent["kwargs"] == {"request_id": 1}
    assert sent["task_id"] == str(message.key)


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_loses_nothing(broker: Broker, settings: Any) -> None:
    settings.OUTBOX_RELAY_ON_COMMIT = True
    broker.is_down = True
    queue()
    assert OutboxMessage.objects.get().delivered_at is None
    with pytest.raises(OperationalError):
        relay_outbox()
    broker.is_down = False
    tasks.relay_outbox()
    assert len(broker.taken) == 1


@pytest.mark.django_db(transaction=True)
def test_the_commit_delivers_at_once(broker: Broker, settings: Any) -> None:
    settings.OUTBOX_RELAY_ON_COMMIT = True
    queue()
    assert len(broker.taken) == 1


@pytest.mark.django_db(transaction=True)
def test_eight_relays_share_the_work_and_send_nothing_twice(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_BATCH", 7)
    for number in range(60):
        queue(number)
    barrier = threading.Barrier(8)

    def relay() -> None:
        try:
            barrier.wait(timeout=20)
            relay_outbox()
        finally:
            connection.close()

    threads = [threading.Thread(target=relay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    relay_outbox()
    assert sorted(sent["kwargs"]["request_id"] for sent in broker.taken) == list(range(60))


def test_what_is_long_delivered_is_dropped_and_what_waits_is_kept(alice: Any) -> None:
    long_ago = timezone.now() - timedelta(days=40)
    OutboxMessage.objects.create(task="old", delivered_at=long_ago)
    OutboxMessage.objects.create(task="waiting")
    OutboxMessage.objects.create(task="new", delivered_at=timezone.now())
    answer = IdempotentAnswer.objects.create(actor=alice, key="k", request_hash="h", status=201)
    IdempotentAnswer.objects.filter(pk=answer.pk).update(answered_at=long_ago)
    assert str(answer) == "k (201)"
    tasks.drop_delivered()
    assert set(OutboxMessage.objects.values_list("task", flat=True)) == {"waiting", "new"}
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.parametrize(("who", "count"), [("ada", 1), ("connie", 1), ("alice", 0)])
def test_who_sees_the_outbox(request: pytest.FixtureRequest, who: str, count: int) -> None:
    actor = request.getfixturevalue(who)
    message = OutboxMessage.objects.create(task="x")
    assert OutboxMessage.objects.visible_to(actor).filter(pk=message.pk).count() == count
    assert str(message).startswith("x #")
