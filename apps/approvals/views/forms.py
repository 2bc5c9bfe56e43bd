"""What the pages with forms share."""

from __future__ import annotations

from django.http import HttpRequest


def version_seen(request: HttpRequest) -> int | None:
    """The version that the page with the button showed; None if it told none."""
    seen = request.POST.get("expected_version", "")
    return int(seen) if seen.isdecimal() else None
