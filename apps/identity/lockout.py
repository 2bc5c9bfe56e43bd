"""What a locked-out sign-in answers: the envelope for REST, a page for people."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from apps.identity.errors import LockedOut
from apps.operations.envelope import current_request_id, refusal_body, speaks_json


def refuse_locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Called by django-axes instead of the sign-in view."""
    refusal = LockedOut()
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    if speaks_json(request):
        response: HttpResponse = JsonResponse(refusal_body(refusal), status=refusal.status)
    else:
        context = {"wait_minutes": seconds // 60, "request_id": current_request_id()}
        response = render(request, "429.html", context, status=refusal.status)
    response["Retry-After"] = str(seconds)
    return response
