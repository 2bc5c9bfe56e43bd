"""Ask one of allauth's headless doors on behalf of a REST request, and read its answer.

allauth keeps the rules (sessions, tokens, second factors, mail); our doors keep the shape of
input, answers and errors that the whole product has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.base.views import APIView as HeadlessView
from allauth.headless.constants import Client
from django.http import HttpRequest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.identity.errors import TooManyAttempts

_SESSION_HEADER = "HTTP_X_SESSION_TOKEN"


@dataclass(frozen=True)
class Answer:
    """What allauth answered: its status, content, tokens, and errors by code."""

    status: int
    content: Mapping[str, Any]
    meta: Mapping[str, Any]
    errors: tuple[Mapping[str, str], ...]

    def has_error(self, *codes: str) -> bool:
        """True if one of the errors has one of these codes."""
        return any(error.get("code") in codes for error in self.errors)

    def is_waiting_for(self, step: str) -> bool:
        """True if the sign-in goes on with this step."""
        flows = self.content.get("flows", ())
        return any(flow["id"] == step and flow.get("is_pending") for flow in flows)

    def require_no_error(self) -> None:
        """Refuse what allauth found wrong with the input, field by field.

        Raises:
            ValidationError: with allauth's words (they hold no secret).
        """
        if self.errors:
            problems: dict[str, list[str]] = {}
            for error in self.errors:
                field = error.get("param", "non_field_errors")
                problems.setdefault(field, []).append(error["message"])
            raise ValidationError(problems)


def ask(
    door: type[HeadlessView],
    request: Request,
    *,
    method: str,
    content: Mapping[str, Any] | None = None,
    session_token: str = "",
) -> Answer:
    """Let the door handle the request as if it had come to it.

    Args:
        method: the HTTP method that the door expects.
        content: its JSON input.
        session_token: of the sign-in that goes on; empty to take the bearer token, if any.

    Raises:
        TooManyAttempts: more tries than allauth's limits allow.
    """
    with _presented(request._request, method, content, session_token) as inner:
        try:
            response = door.as_api_view(client=Client.APP)(inner)
        except ImmediateHttpResponse as immediate:
            response = immediate.response
    body = json.loads(response.content)
    answer = Answer(
        status=response.status_code,
        content=body.get("data", {}),
        meta=body.get("meta", {}),
        errors=tuple(body.get("errors", ())),
    )
    if answer.status == 429 or answer.has_error("too_many_login_attempts", "rate_limited"):
        raise TooManyAttempts
    return answer


@contextmanager
def _presented(
    request: HttpRequest, method: str, content: Mapping[str, Any] | None, session_token: str
) -> Iterator[HttpRequest]:
    """The request with another method and body while the block runs.

    The same object and no copy: allauth and django-axes both leave their marks on it.
    """
    before = request.method
    # The parser has read the stream; this is where Django keeps a body that was read.
    request._body = json.dumps(content or {}).encode()
    request.method = method
    if session_token:
        request.META[_SESSION_HEADER] = session_token
        request.__dict__.pop("headers", None)  # read again, with the token
    try:
        yield request
    finally:
        request.method = before
