"""Deliveries: taken, tried again, given up, dropped, sent again."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.audit.models import Event
from apps.common.errors import NotPermitted, NotVisible
from apps.operations.models import OutboxMessage
from apps.outbound import tasks
from apps.outbound.errors import EndpointNotActive
from apps.outbound.models import Delivery, DeliveryAttempt, Endpoint, EndpointNotice
from apps.outbound.posting import Answer
from apps.outbound.services import (
    change_endpoint,
    delivering,
    queue_due_deliveries,
    read_endpoint_notices,
    resend_delivery,
    retire_endpoint,
    rotate_secret,
    switch_off,
)
from apps.outbound.states import MOST_TRIES
from tests.outbound.conftest import Receiver, attempt

pytestmark = pytest.mark.django_db


def make_due(delivery: Delivery) -> None:
    """As if its wait were over."""
    now = timezone.now()
    Delivery.objects.filter(pk=delivery.pk).update(due_at=now, queued_until=now)


def tried(delivery: Delivery, times: int) -> Delivery:
    for _ in range(times):
        make_due(delivery)
        delivery = attempt(delivery)
    return delivery


def test_it_is_sent_signed_and_put_on_record(delivery: Delivery, receiver: Receiver) -> None:
    receiver.body = b"thanks"
    seen = attempt(delivery)
    assert (seen.status, seen.try_count, seen.attempt_count) == ("delivered", 1, 1)
    assert seen.settled_at
    (got,) = receiver.got
    assert got.body == delivery.event.body.encode()
    assert got.headers["webhook-id"] == delivery.event.message_id
    assert got.headers["webhook-signature"].startswith("v1,")
    assert abs(int(got.headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    (row,) = seen.attempts.all()
    assert (row.number, row.status_code, row.error, row.answer) == (1, 200, "", "thanks")
    assert row.duration_ms is not None


def test_what_is_delivered_is_not_sent_again_by_itself(
    delivery: Delivery, receiver: Receiver
) -> None:
    attempt(delivery)
    make_due(delivery)
    assert queue_due_deliveries() == 0
    assert attempt(delivery).attempt_count == 1
    assert len(receiver.got) == 1


def test_the_task_does_it(delivery: Delivery, receiver: Receiver) -> None:
    tasks.deliver(delivery_id=delivery.pk)
    tasks.queue_due_deliveries()
    assert len(receiver.got) == 1
    assert 0 < tasks.deliver.time_limit <= 60


def test_what_fails_waits_twice_as_long_each_time(delivery: Delivery, receiver: Receiver) -> None:
    receiver.status = 503
    for count in range(1, 5):
        make_due(delivery)
        delivery = attempt(delivery)
        assert (delivery.status, delivery.try_count) == ("waiting", count)
        wait = delivery.due_at - timezone.now()
        middle = timedelta(seconds=42) * 2 ** (count - 1)
        assert middle * 0.79 < wait < middle * 1.21
        assert attempt(delivery).try_count == count  # not before its time
    ids = {got.headers["webhook-id"] for got in receiver.got}
    assert (len(receiver.got), ids) == (4, {delivery.event.message_id})
    assert {got.body for got in receiver.got} == {delivery.event.body.encode()}


def test_the_waits_make_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering.random, "uniform", lambda least, most: (least + most) / 2)
    waits = [delivering._wait(count) for count in range(1, MOST_TRIES)]
    assert timedelta(hours=23) < sum(waits, timedelta()) < timedelta(hours=25)


@pytest.mark.parametrize(
    ("asked", "least", "most"), [("600", 595, 605), ("999999", 6 * 3600 - 5, 6 * 3600 + 5)]
)
def test_the_other_side_may_ask_for_a_longer_wait(
    delivery: Delivery, receiver: Receiver, asked: str, least: int, most: int
) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": asked}
    seen = attempt(delivery)
    assert least < (seen.due_at - timezone.now()).total_seconds() < most


def test_a_shorter_one_it_may_not(delivery: Delivery, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "1"}
    assert (attempt(delivery).due_at - timezone.now()).total_seconds() > 30


def test_in_the_end_it_is_given_up_and_the_managers_are_told(
    delivery: Delivery, receiver: Receiver, ada: Any, connie: Any, otto: Any
) -> None:
    receiver.status = 500
    seen = tried(delivery, MOST_TRIES)
    assert (seen.status, seen.attempts.count()) == ("given_up", MOST_TRIES)
    make_due(delivery)
    attempt(delivery)
    assert len(receiver.got) == MOST_TRIES
    assert {one.person for one in EndpointNotice.objects.all()} == {ada, connie}
    assert set(EndpointNotice.objects.values_list("kind", flat=True)) == {"given_up"}


def test_they_are_told_once_a_day(
    delivery: Delivery, receiver: Receiver, ask: Any, connie: Any
) -> None:
    receiver.status = 500
    ask(1)
    for one in Delivery.objects.all():
        tried(one, MOST_TRIES)
    assert EndpointNotice.objects.filter(person=connie).count() == 1


def test_a_notice_is_read_up_to_the_one_that_was_seen(
    delivery: Delivery, receiver: Receiver, ada: Any, connie: Any, alice: Any
) -> None:
    receiver.status = 500
    tried(delivery, MOST_TRIES)
    newest = EndpointNotice.objects.order_by("-pk").first()
    assert newest is not None
    assert read_endpoint_notices(up_to_id=newest.pk, actor=ada) == 1
    assert read_endpoint_notices(up_to_id=newest.pk, actor=ada) == 0
    assert EndpointNotice.objects.get(person=connie).read_at is None
    with pytest.raises(NotPermitted):
        read_endpoint_notices(up_to_id=newest.pk, actor=alice)


def test_gone_switches_the_endpoint_off(
    delivery: Delivery, receiver: Receiver, ask: Any, ada: Any, connie: Any, system: Any
) -> None:
    ask(1)
    receiver.status = 410
    seen = attempt(delivery)
    endpoint = Endpoint.objects.get()
    assert (seen.status, endpoint.status) == ("dropped", "off")
    assert "410" in endpoint.off_reason
    assert set(Delivery.objects.values_list("status", flat=True)) == {"dropped"}
    event = Event.objects.get(action="outbound.endpoint.switch_off")
    assert event.actor == system
    assert EndpointNotice.objects.get(person=connie).kind == "switched_off"


def test_gone_twice_is_told_once(delivery: Delivery, receiver: Receiver, ada: Any) -> None:
    """Two deliveries were on their way when the first answer came."""
    receiver.status = 410
    receiver.before_answer = lambda: None
    attempt(delivery)
    begun = delivering._begin
    resent = Delivery.objects.get()
    Delivery.objects.filter(pk=resent.pk).update(status="waiting")
    Endpoint.objects.update(status="active")
    make_due(resent)
    order = begun(resent.pk)
    assert order is not None
    Endpoint.objects.update(status="off")
    delivering._settle(order, Answer(410, 5, "gone"))
    assert Event.objects.filter(action="outbound.endpoint.switch_off").count() == 1
    assert Delivery.objects.get().status == "dropped"


def test_an_endpoint_switched_off_meanwhile_gets_nothing(
    delivery: Delivery, receiver: Receiver
) -> None:
    """The delivery was queued by a change that had not seen it."""
    Endpoint.objects.update(status="off")
    assert attempt(delivery).status == "dropped"
    assert receiver.got == []


@pytest.mark.parametrize(("status", "ends"), [(200, "delivered"), (500, "dropped")])
def test_what_is_on_its_way_while_it_is_switched_off_ends_as_it_does(
    delivery: Delivery, receiver: Receiver, ada: Any, status: int, ends: str
) -> None:
    order = delivering._begin(delivery.pk)
    assert order is not None
    switch_off(endpoint_id=delivery.endpoint_id, reason="x", actor=ada)
    answer = Answer(status, 5, "" if status == 200 else "no")
    delivering._settle(order, answer)
    seen = Delivery.objects.get()
    assert (seen.status, seen.attempts.count()) == (ends, 1)


def test_a_host_that_is_no_longer_listed_is_refused_at_delivery(
    delivery: Delivery, receiver: Receiver, settings: Any
) -> None:
    settings.EGRESS_HOSTS = []
    seen = attempt(delivery)
    assert receiver.got == []
    (row,) = seen.attempts.all()
    assert (seen.status, row.status_code) == ("waiting", None)
    assert "does not connect to that host" in row.error


def test_what_waits_goes_to_the_new_url(delivery: Delivery, receiver: Receiver, ada: Any) -> None:
    change_endpoint(endpoint_id=delivery.endpoint_id, url=f"{receiver.url}/new", actor=ada)
    attempt(delivery)
    assert receiver.got[0].path == "/hook/new"


def test_both_secrets_sign_during_the_overlap(
    delivery: Delivery, receiver: Receiver, ada: Any
) -> None:
    rotate_secret(endpoint_id=delivery.endpoint_id, actor=ada)
    attempt(delivery)
    assert len(receiver.got[0].headers["webhook-signature"].split(" ")) == 2


# --- Sending again --------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["waiting", "delivered", "given_up", "dropped"])
def test_it_can_be_sent_again_whatever_became_of_it(
    delivery: Delivery, receiver: Receiver, connie: Any, before: str
) -> None:
    Delivery.objects.update(status=before, try_count=7, due_at=timezone.now() + timedelta(hours=5))
    OutboxMessage.objects.all().delete()
    resend_delivery(delivery_id=delivery.pk, actor=connie)
    assert OutboxMessage.objects.get().arguments == {"delivery_id": delivery.pk}
    seen = attempt(delivery)
    assert (seen.status, seen.try_count) == ("delivered", 1)
    assert receiver.got[0].headers["webhook-id"] == delivery.event.message_id
    event = Event.objects.get(action="outbound.delivery.resend")
    assert (event.actor, event.entity_id) == (connie, delivery.endpoint.entity_id)


def test_attempts_are_counted_on(delivery: Delivery, receiver: Receiver, connie: Any) -> None:
    attempt(delivery)
    resend_delivery(delivery_id=delivery.pk, actor=connie)
    seen = attempt(delivery)
    assert [one.number for one in seen.attempts.all()] == [2, 1]
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]


@pytest.mark.parametrize(
    ("who", "refusal"), [("alice", NotVisible), ("otto", NotPermitted), ("charlie", NotVisible)]
)
def test_who_may_not_send_again(
    request: pytest.FixtureRequest, delivery: Delivery, table_counts: Any, who: str, refusal: Any
) -> None:
    actor = request.getfixturevalue(who)
    before = table_counts()
    with pytest.raises(refusal):
        resend_delivery(delivery_id=delivery.pk, actor=actor)
    assert table_counts() == before


@pytest.mark.parametrize("end", ["off", "retired"])
def test_nothing_is_sent_again_to_an_endpoint_that_is_not_active(
    delivery: Delivery, ada: Any, table_counts: Any, end: str
) -> None:
    if end == "off":
        switch_off(endpoint_id=delivery.endpoint_id, reason="x", actor=ada)
    else:
        retire_endpoint(endpoint_id=delivery.endpoint_id, actor=ada)
    before = table_counts()
    with pytest.raises(EndpointNotActive):
        resend_delivery(delivery_id=delivery.pk, actor=ada)
    assert table_counts() == before
    assert Delivery.objects.get().status == "dropped"


# --- What gets lost -------------------------------------------------------------------------


def test_what_is_due_is_queued_once_for_a_while(delivery: Delivery, receiver: Receiver) -> None:
    OutboxMessage.objects.all().delete()
    assert queue_due_deliveries() == 0  # its task is on its way
    receiver.status = 500
    attempt(delivery)
    assert queue_due_deliveries() == 0  # it waits
    make_due(delivery)
    assert queue_due_deliveries() == 1
    assert queue_due_deliveries() == 0
    assert OutboxMessage.objects.get().arguments == {"delivery_id": delivery.pk}


def test_a_try_that_died_is_on_record_and_counts(delivery: Delivery, receiver: Receiver) -> None:
    assert delivering._begin(delivery.pk) is not None  # and then the process is gone
    make_due(delivery)
    seen = attempt(delivery)
    assert (seen.status, seen.try_count) == ("delivered", 2)
    second, first = seen.attempts.all()
    assert (first.number, first.status_code) == (1, None)
    assert "whether it arrived is not known" in first.error
    assert (second.number, second.status_code) == (2, 200)


def test_what_kills_its_process_each_time_is_given_up(
    delivery: Delivery, receiver: Receiver, ada: Any
) -> None:
    for _ in range(MOST_TRIES):
        make_due(delivery)
        assert delivering._begin(delivery.pk) is not None
    make_due(delivery)
    seen = attempt(delivery)
    assert (seen.status, seen.attempts.count()) == ("given_up", MOST_TRIES)
    assert receiver.got == []


def test_who_was_declared_dead_settles_nothing(delivery: Delivery, receiver: Receiver) -> None:
    late = delivering._begin(delivery.pk)
    assert late is not None
    make_due(delivery)
    attempt(delivery)
    delivering._settle(late, Answer(500, 5, "late"))
    seen = Delivery.objects.get()
    assert (seen.status, seen.attempts.count()) == ("delivered", 2)


def test_attempts_are_facts(delivery: Delivery, receiver: Receiver) -> None:
    attempt(delivery)
    for change in (
        lambda: DeliveryAttempt.objects.update(status_code=500),
        lambda: DeliveryAttempt.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


# --- What is kept to itself -----------------------------------------------------------------


def test_no_secret_is_in_logs_queues_or_records(
    delivery: Delivery, receiver: Receiver, caplog: pytest.LogCaptureFixture, ada: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    former = Endpoint.objects.get().secret
    secret = rotate_secret(endpoint_id=delivery.endpoint_id, actor=ada).secret
    receiver.status = 500
    tried(delivery, MOST_TRIES)
    told = [
        caplog.text,
        json.dumps(list(OutboxMessage.objects.values_list("arguments", flat=True))),
    ]
    with connection.cursor() as cursor:
        for table in ("outbound_deliveryattempt", "audit_event", "outbound_webhookevent"):
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t")
            told += [row[0] for row in cursor.fetchall()]
    for one in (secret, former):
        assert not any(one in text or one.removeprefix("whsec_") in text for text in told)
