"""Idempotency keys: a repeated POST is answered with the first answer, never carried out twice."""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from apps.common.advisory import try_lock_exclusive
from apps.operations.errors import (
    IdempotencyKeyMalformed,
    IdempotencyKeyReused,
    RequestInProgress,
)
from apps.operations.models import IdempotentAnswer

HEADER = "Idempotency-Key"


class IdempotentMixin:
    """For REST views: honours `Idempotency-Key` on every POST.

    The answer is stored in the transaction of the change, under (actor, key). Only answers
    below 400 are kept: a refusal changed nothing and may be tried again.

    Attributes:
        keeps_refusals: True for a view whose service puts its refusals on record: what it wrote
            before it answered 4xx stays.
        shown_once: fields of the answer that are not kept: a repeated request gets null for them.
    """

    request: Any  # as the view has it that this is mixed into
    keeps_refusals: ClassVar[bool] = False
    shown_once: ClassVar[tuple[str, ...]] = ()

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the handler inside the transaction that also keeps its answer."""
        if request.method != "POST" or HEADER not in request.headers:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        with transaction.atomic():
            response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
            least_undone = 500 if self.keeps_refusals else 400
            if response.status_code >= least_undone:
                transaction.set_rollback(True)
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After authentication: find the key's earlier answer, or claim the key."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        key = request.headers.get(HEADER)
        if request.method != "POST" or key is None:
            return
        self._claim = _Claim.of(request, key)
        earlier = self._claim.earlier_answer()
        if earlier is not None:
            raise _Replay(earlier)

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, _Replay):
            response = Response(exc.answer.body, status=exc.answer.status)
            response["Idempotent-Replay"] = "true"
            response.exception = False
            self._claim = None
            return response
        return super().handle_exception(exc)  # type: ignore[misc]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        claim: _Claim | None = getattr(self, "_claim", None)
        if claim is not None and response.status_code < 400:
            claim.keep(response, but=self.shown_once)
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]

    _claim: _Claim | None = None


class _Replay(Exception):
    """Carries the earlier answer out of DRF's dispatch."""

    def __init__(self, answer: IdempotentAnswer) -> None:
        self.answer = answer
        super().__init__("an earlier answer stands")


class _Claim:
    """One actor's claim on one key for one request."""

    def __init__(self, actor_id: int, key: str, request_hash: str) -> None:
        self.actor_id, self.key, self.request_hash = actor_id, key, request_hash

    @classmethod
    def of(cls, request: Request, key: str) -> _Claim:
        if not 1 <= len(key) <= 200 or not key.isascii() or not key.isprintable():
            raise IdempotencyKeyMalformed(field=HEADER)
        return cls(int(request.user.pk or 0), key, _request_hash(request))

    def earlier_answer(self) -> IdempotentAnswer | None:
        """The stored answer, after making sure that no twin is at work at this moment."""
        number = int.from_bytes(hashlib.sha256(f"{self.actor_id}:{self.key}".encode()).digest()[:7])
        if not try_lock_exclusive("operations.idempotency", number):
            raise RequestInProgress
        answer = IdempotentAnswer.objects.filter(actor_id=self.actor_id, key=self.key).first()
        if answer is not None and answer.request_hash != self.request_hash:
            raise IdempotencyKeyReused(field=HEADER)
        return answer

    def keep(self, response: Any, *, but: tuple[str, ...]) -> None:
        """Store the answer, with null for the fields that are shown once."""
        body = json.loads(json.dumps(response.data, cls=JSONEncoder))
        if but:
            body |= {name: None for name in but if name in body}
        IdempotentAnswer.objects.create(
            actor_id=self.actor_id,
            key=self.key,
            request_hash=self.request_hash,
            status=response.status_code,
            body=body,
        )


def _request_hash(request: Request) -> str:
    """SHA-256 over method, path, fields and the content of uploaded files."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    fields: Any = request.data
    files = request.FILES
    plain = {name: fields[name] for name in fields if name not in files} if fields else {}
    digest.update(json.dumps(plain, cls=JSONEncoder, sort_keys=True).encode())
    for name in sorted(files):
        digest.update(f"\n{name}:{files[name].name}:".encode())
        for chunk in files[name].chunks():
            digest.update(chunk)
        files[name].seek(0)
    return digest.hexdigest()
