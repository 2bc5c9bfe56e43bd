"""Whose failures count together, and what a locked-out sign-in answers."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from apps.identity.errors import LockedOut
from apps.operations.envelope import current_request_id, refusal_body, speaks_json


def client_address(request: HttpRequest) -> str | None:
    """The address failures are counted by: behind proxies, what the outermost of ours saw.

    None for who has no address, such as a command that signs in.
    """
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return None


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
