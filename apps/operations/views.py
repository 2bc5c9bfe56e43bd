"""Is it well, and how is it going; and the answers to what went wrong before any view."""

from __future__ import annotations

import hmac
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from redis.exceptions import RedisError

from apps.operations.envelope import current_request_id, envelope, speaks_json
from apps.operations.permissions import VIEW_OPERATIONS


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database and Redis answer, 503 with which of them does not."""
    answers = {"database": _database_answers(), "redis": _redis_answers()}
    healthy = all(answers.values())
    return JsonResponse(
        {"status": "ok" if healthy else "failing", "checks": answers},
        status=200 if healthy else 503,
    )


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for a bearer of METRICS_TOKEN or a signed-in administrator; else 404."""
    user = request.user
    allowed = user.is_authenticated and user.may(VIEW_OPERATIONS)
    if not allowed and not _has_metrics_token(request):
        return HttpResponse(status=404)
    return ExportToDjangoView(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: Django could not make sense of the request."""
    return _error(request, 400, code="MALFORMED", message="The request is not acceptable.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: refused before any of our services was asked."""
    return _error(request, 403, code="NOT_PERMITTED", message="You may not do this.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: no door has this address, or nothing is there for this person."""
    return _error(request, 404, code="NOT_FOUND", message="There is nothing here.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault. Asks neither the database nor the session: they may be what failed."""
    message = "Something went wrong on our side. Nothing was changed."
    return _error(request, 500, code="INTERNAL_ERROR", message=message)


def _error(request: HttpRequest, status: int, **words: Any) -> HttpResponse:
    if speaks_json(request):
        return JsonResponse(envelope(**words), status=status)
    page = render_to_string(f"{status}.html", {"request_id": current_request_id()})
    return HttpResponse(page, status=status)


def _has_metrics_token(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and hmac.compare_digest(token.encode(), offered.encode())


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        return False
    return True


def _redis_answers() -> bool:
    try:
        cache.get("healthz")
    except (RedisError, OSError):
        return False
    return True
