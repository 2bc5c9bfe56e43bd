"""What this person was told; opening the page reads it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.selectors import notices_for, unread_notices
from apps.approvals.services import read_notices
from apps.common.access import authorize
from apps.identity.context import actor_of

SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def notices_page(request: HttpRequest) -> HttpResponse:
    """The newest notices; the button says that they are read."""
    actor: Any = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    if request.method == "POST":
        seen = request.POST.get("up_to_id", "")
        if seen.isdecimal():
            read_notices(up_to_id=int(seen), actor=actor)
        return redirect("approvals:notices")
    context = {
        "page_title": "Notices",
        "tab": "notices",
        "notices": list(notices_for(actor)[:SHOWN]),
        "unread": unread_notices(actor),
    }
    return render(request, "approvals/notices.html", context)
