"""What is answered when Django itself refuses, or when something of ours breaks."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from apps.operations import views
from config import urls


def broken(request: HttpRequest) -> Any:
    raise ZeroDivisionError("the secret 4711")


urlpatterns = [*urls.urlpatterns, path("broken/", broken), path("api/broken", broken)]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500

ANSWERS = [
    (400, views.bad_request, SuspiciousOperation("x"), "MALFORMED", "could not be understood"),
    (403, views.permission_denied, PermissionDenied("x"), "NOT_PERMITTED", "You may not do this"),
    (404, views.page_not_found, Exception("x"), "NOT_FOUND", "There is nothing here"),
]


@pytest.mark.parametrize(("status", "handler", "error", "code", "words"), ANSWERS)
def test_refusals_of_django_are_pages_for_people_and_envelopes_for_machines(
    status: int, handler: Any, error: Exception, code: str, words: str
) -> None:
    page = handler(RequestFactory().get("/journal/"), error)
    assert page.status_code == status
    assert words in page.content.decode()
    answer = handler(RequestFactory().get("/api/journal"), error)
    assert answer.status_code == status
    assert f'"code": "{code}"' in answer.content.decode()


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("address", ["/broken/", "/api/broken"])
def test_a_fault_of_ours_tells_the_request_and_nothing_else(db: None, address: str) -> None:
    answer = Client(raise_request_exception=False).get(address)
    assert answer.status_code == 500
    text = answer.content.decode()
    assert "4711" not in text
    assert "Nothing" in text or "nothing" in text
    if address.startswith("/api/"):
        assert answer.json()["error"]["code"] == "INTERNAL_ERROR"
        assert answer.json()["error"]["request_id"]
    else:
        assert "<code>" in text


@override_settings(ROOT_URLCONF=__name__)
def test_a_host_that_is_not_ours_is_refused(db: None) -> None:
    browser = Client(raise_request_exception=False)
    assert browser.get("/accounts/login/", headers={"Host": "evil.example"}).status_code == 400
    answer = browser.get("/api/identity/me", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "MALFORMED"
