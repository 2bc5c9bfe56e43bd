"""Around every request: the content security policy, and refusals as pages."""

from __future__ import annotations

from codecs import lookup
from collections.abc import Callable
from typing import Any, Final

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from apps.common.errors import Refusal
from apps.operations.envelope import (
    as_refusal,
    current_request_id,
    refusal_body,
    speaks_json,
)
from apps.operations.errors import CharsetUnsupported

_CHARSETS: Final = {"utf-8", "ascii"}


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """django-csp with one difference: /admin has a policy of its own (its theme evaluates)."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and request.path_info.startswith("/admin/"):
            parts.config = dict(settings.ADMIN_CONTENT_SECURITY_POLICY)
        return parts


class RefusalMiddleware:
    """A refusal that a page did not handle becomes a designed page, with the way on.

    REST has its own handler; plain Django views below /api and /auth answer with the envelope.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        charset = request.encoding  # as its content type says, if there is such a codec
        if charset is not None and lookup(charset).name not in _CHARSETS:
            return _answer(request, CharsetUnsupported(field="Content-Type"))
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> Any:
        refusal = as_refusal(exception)
        return None if refusal is None else _answer(request, refusal)


def _answer(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    if speaks_json(request):
        return JsonResponse(refusal_body(refusal), status=refusal.status)
    context = {"refusal": refusal, "request_id": current_request_id()}
    return render(request, "refusal.html", context, status=refusal.status)
