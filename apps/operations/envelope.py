"""The error envelope: the one shape in which every REST door answers a refusal."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.common.errors import Invalid, Malformed, NotPermitted, NotVisible, Refusal

logger = structlog.get_logger(__name__)

CODES_BY_STATUS = {
    400: "MALFORMED",
    401: "NOT_AUTHENTICATED",
    403: "NOT_PERMITTED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "INVALID",
    429: "TOO_MANY_REQUESTS",
}


def envelope(
    *, code: str, message: str, details: Any = None, request_id: str | None = None
) -> dict[str, Any]:
    """The body of an error answer.

    Args:
        details: fields at fault and facts for machines, or None.
    """
    return {
        "error": {
            "code": code,
            "message": message,
            "details": details,
            "timestamp": timezone.now().isoformat(),
            "request_id": request_id if request_id is not None else current_request_id(),
        }
    }


def speaks_json(request: HttpRequest) -> bool:
    """True for the doors that answer machines: errors there are envelopes, not pages."""
    return request.path_info.startswith(("/api/", "/auth/"))


def current_request_id() -> str:
    """The id under which this request is logged."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def answer_exception(exc: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: any exception becomes an envelope, unexpected ones a logged 500."""
    set_rollback()
    refusal = as_refusal(exc)
    if refusal is not None:
        _log_denial(refusal, context)
        return Response(refusal_body(refusal), status=refusal.status)
    if isinstance(exc, exceptions.APIException):
        return _answer_api_exception(exc)
    logger.exception("unexpected_error", view=type(context.get("view")).__name__)
    details = repr(exc) if settings.DEBUG else None
    return Response(
        envelope(
            code="INTERNAL_ERROR",
            message="Something went wrong on our side. Nothing was changed.",
            details=details,
        ),
        status=500,
    )


def as_refusal(exc: BaseException) -> Refusal | None:
    """Our refusal for what Django raises, or None for what is no refusal."""
    if isinstance(exc, Refusal):
        return exc
    if isinstance(exc, Http404):
        return NotVisible()
    if isinstance(exc, PermissionDenied):
        return NotPermitted()
    if isinstance(exc, RequestDataTooBig):
        refusal = Malformed("The body is too large.", remedy="Upload files as multipart/form-data.")
        refusal.status, refusal.code = 413, "TOO_LARGE"
        return refusal
    if isinstance(exc, SuspiciousOperation):
        return Malformed("The request is not acceptable.")
    return None


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    """The envelope of a refusal: message and remedy, field and facts."""
    details: dict[str, Any] = dict(refusal.details)
    if refusal.field:
        details["field"] = refusal.field
    if refusal.remedy:
        details["remedy"] = refusal.remedy
    return envelope(code=refusal.code, message=refusal.message, details=details or None)


def _answer_api_exception(exc: exceptions.APIException) -> Response:
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(exc, exceptions.ValidationError):
        body = envelope(
            code=Invalid.code, message="Some fields are not acceptable.", details=exc.detail
        )
        return Response(body, status=Invalid.status)
    status = exc.status_code
    body = envelope(code=CODES_BY_STATUS.get(status, "ERROR"), message=_first_words(exc.detail))
    return Response(body, status=status, headers=headers)


def _first_words(detail: Any) -> str:
    if isinstance(detail, dict):
        detail = next(iter(detail.values()), "")
    if isinstance(detail, list):
        detail = detail[0] if detail else ""
    return str(detail)


def _log_denial(refusal: Refusal, context: dict[str, Any]) -> None:
    if refusal.status in {401, 403, 404}:
        logger.info("denied", code=refusal.code, view=type(context.get("view")).__name__)
