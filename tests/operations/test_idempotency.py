"""A repeated POST is answered, not repeated; a key belongs to one actor and one request."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from apps.common.errors import Conflict
from apps.operations.idempotency import IdempotentMixin
from apps.operations.models import IdempotentAnswer, OutboxMessage
from apps.operations.services import enqueue

KEY = "3f2c-1"


class Door(IdempotentMixin, APIView):
    """Queues one message a POST, or refuses after having queued it."""

    def post(self, request: Any) -> Response:
        with transaction.atomic():
            enqueue("a.b", text=str(request.data.get("text", "")))
            if request.data.get("refuse"):
                raise Conflict("Not now.")
        return Response({"queued": request.data.get("text")}, status=201)

    def get(self, request: Any) -> Response:
        return Response({"hello": "there"})


def post(actor: Any, data: Any, key: str | None = KEY, form: str = "json") -> Any:
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key is not None else {}
    request = APIRequestFactory().post("/door", data, format=form, **headers)
    force_authenticate(request, actor)
    return Door.as_view()(request)


def test_the_same_request_again_gets_the_first_answer(alice: Any) -> None:
    first, second = post(alice, {"text": "x"}), post(alice, {"text": "x"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data == {"queued": "x"}
    assert "Idempotent-Replay" not in first
    assert second["Idempotent-Replay"] == "true"
    assert OutboxMessage.objects.count() == 1


def test_another_body_under_the_same_key_is_refused(alice: Any) -> None:
    post(alice, {"text": "x"})
    answer = post(alice, {"text": "y"})
    assert answer.status_code == 422
    assert answer.data["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert OutboxMessage.objects.count() == 1


def test_keys_of_different_people_are_different_keys(alice: Any, bob: Any) -> None:
    post(alice, {"text": "x"})
    assert post(bob, {"text": "x"}).status_code == 201
    assert OutboxMessage.objects.count() == 2


def test_without_a_key_every_request_counts(alice: Any) -> None:
    post(alice, {"text": "x"}, key=None)
    post(alice, {"text": "x"}, key=None)
    assert OutboxMessage.objects.count() == 2
    assert not IdempotentAnswer.objects.exists()


def test_a_refusal_leaves_nothing_and_may_be_tried_again(alice: Any) -> None:
    assert post(alice, {"text": "x", "refuse": True}).status_code == 409
    assert not OutboxMessage.objects.exists()
    assert not IdempotentAnswer.objects.exists()
    assert post(alice, {"text": "x"}).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "schlüssel", "a\tb"])
def test_a_malformed_key_is_refused(alice: Any, key: str) -> None:
    answer = post(alice, {"text": "x"}, key=key)
    assert answer.data["error"]["code"] == "IDEMPOTENCY_KEY_MALFORMED"
    assert not OutboxMessage.objects.exists()


def test_uploaded_files_belong_to_the_request(alice: Any) -> None:
    def send(content: bytes) -> Any:
        data = {"text": "x", "file": SimpleUploadedFile("a.csv", content)}
        return post(alice, data, form="multipart")

    assert send(b"one").status_code == 201
    assert send(b"one")["Idempotent-Replay"] == "true"
    assert send(b"two").status_code == 422


def test_reading_needs_no_key(alice: Any) -> None:
    request = APIRequestFactory().get("/door", HTTP_IDEMPOTENCY_KEY=KEY)
    force_authenticate(request, alice)
    assert Door.as_view()(request).data == {"hello": "there"}


def test_a_stranger_claims_nothing(db: None) -> None:
    request = APIRequestFactory().post("/door", {}, format="json", HTTP_IDEMPOTENCY_KEY=KEY)
    assert Door.as_view()(request).status_code == 401
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_twins_at_once_are_carried_out_once(alice: Any) -> None:
    barrier = threading.Barrier(6)
    codes: list[int] = []

    def send() -> None:
        try:
            barrier.wait(timeout=20)
            codes.append(post(alice, {"text": "x"}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert OutboxMessage.objects.count() == 1
    assert 201 in codes
    assert set(codes) <= {201, 409}
