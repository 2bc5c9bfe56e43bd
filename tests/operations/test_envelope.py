"""One shape for every refusal: codes, statuses, request ids, and nothing of our insides."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions

from apps.common.errors import Conflict, Invalid
from apps.operations.envelope import answer_exception, as_refusal


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (Conflict("Busy."), 409, "CONFLICT"),
        (Invalid("Bad.", field="amount"), 422, "INVALID"),
        (Http404("secret"), 404, "NOT_FOUND"),
        (PermissionDenied("secret"), 403, "NOT_PERMITTED"),
        (RequestDataTooBig("secret"), 413, "TOO_LARGE"),
        (SuspiciousOperation("secret"), 400, "MALFORMED"),
        (exceptions.NotAuthenticated(), 401, "NOT_AUTHENTICATED"),
        (exceptions.ParseError("Not JSON."), 400, "MALFORMED"),
        (exceptions.MethodNotAllowed("PUT"), 405, "METHOD_NOT_ALLOWED"),
        (exceptions.UnsupportedMediaType("text/x"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (exceptions.Throttled(wait=3), 429, "TOO_MANY_REQUESTS"),
        (exceptions.ValidationError({"a": ["is missing"]}), 422, "INVALID"),
        (exceptions.ValidationError(["is missing"]), 422, "INVALID"),
        (exceptions.APIException({"a": ["first words"]}), 500, "ERROR"),
        (exceptions.APIException([]), 500, "ERROR"),
        (ZeroDivisionError("secret"), 500, "INTERNAL_ERROR"),
    ],
)
def test_every_refusal_has_the_same_shape(raised: Exception, status: int, code: str) -> None:
    answer = answer_exception(raised, {})
    error = answer.data["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert set(error) == {"code", "message", "details", "timestamp", "request_id"}
    assert "secret" not in str(answer.data)


def test_details_name_field_and_remedy_and_facts() -> None:
    answer = answer_exception(Invalid("Bad.", field="amount", remedy="Mend it.", line=3), {})
    assert answer.data["error"]["details"] == {"line": 3, "field": "amount", "remedy": "Mend it."}


def test_waiting_times_and_challenges_travel_in_headers() -> None:
    assert answer_exception(exceptions.Throttled(wait=3), {})["Retry-After"] == "4"
    unknown = exceptions.NotAuthenticated()
    unknown.auth_header = "Bearer"
    assert answer_exception(unknown, {})["WWW-Authenticate"] == "Bearer"


def test_while_developing_the_insides_are_shown(settings: Any) -> None:
    settings.DEBUG = True
    assert "secret" in answer_exception(ZeroDivisionError("secret"), {}).data["error"]["details"]


def test_what_is_no_refusal_is_none() -> None:
    assert as_refusal(ValueError()) is None


def test_an_answer_carries_our_own_id_whatever_the_caller_claims(api: Any, db: None) -> None:
    answer = api().get("/api/audit/events", HTTP_X_REQUEST_ID="abc-123")
    assert str(UUID(answer.json()["error"]["request_id"])) != "abc-123"


@pytest.mark.parametrize("path", ["/api/nothing/here", "/api/audit/events/999999"])
def test_paths_that_do_not_exist_answer_in_the_envelope(api: Any, otto: Any, path: str) -> None:
    answer = api(otto).get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("charset", ["hex", "base64", "idna", "utf-16", "latin-1"])
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json"])
def test_what_is_not_sent_as_utf_8_is_refused(
    api: Any, alice: Any, charset: str, kind: str
) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="source"\r\n\r\n7\r\n--x--\r\n'
    answer = api(alice).generic(
        "POST", "/api/transactions/upload", body, content_type=f"{kind}; charset={charset}"
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (415, "CHARSET_UNSUPPORTED")


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "us-ascii", "nothing-known"])
def test_utf_8_by_any_of_its_names_is_read(api: Any, alice: Any, charset: str) -> None:
    kind = f"application/json; charset={charset}"
    answer = api(alice).generic("POST", "/api/transactions/upload", b"{}", content_type=kind)
    assert answer.json()["error"]["code"] != "CHARSET_UNSUPPORTED"


def test_a_form_in_another_charset_is_refused_on_a_page(client: Any, alice: Any) -> None:
    client.force_login(alice)
    kind = "application/x-www-form-urlencoded; charset=utf-7"
    answer = client.post("/breaks/1/accept/", "comment=x", content_type=kind)
    assert answer.status_code == 415
    assert "Texts of requests are read as UTF-8" in answer.content.decode()


def test_a_refusal_on_a_page_is_a_page(client: Any, alice: Any) -> None:
    client.force_login(alice)
    answer = client.get("/close/runs/999999/")
    assert answer.status_code == 404
    assert b'id="refusal"' in answer.content
