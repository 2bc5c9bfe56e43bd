"""What the pages with forms share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from apps.common.errors import Refusal


def complain(form: Any, refusal: Refusal) -> None:
    """Say the refusal where it belongs in the form."""
    field = refusal.field if refusal.field in form.fields else None
    form.add_error(field, f"{refusal.message} {refusal.remedy}".strip())


def version_seen(request: HttpRequest) -> int | None:
    """The version that the page with the button showed; None if it told none."""
    seen = request.POST.get("expected_version", "")
    return int(seen) if seen.isdecimal() else None
