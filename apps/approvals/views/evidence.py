"""Add evidence to a request, and look at it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.approvals import selectors
from apps.approvals.forms.deciding import EvidenceForm
from apps.approvals.models import Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.serializers import as_content
from apps.approvals.services import attach, hand_out_attachment
from apps.approvals.views.decision import page_of
from apps.approvals.views.forms import complain
from apps.approvals.views.lists import person
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.identity.models import User


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def attach_page(request: HttpRequest, request_id: int) -> HttpResponse:
    """Add a file or a text; what is refused comes back with the page."""
    actor: User = person(request)
    authorize(actor, VIEW_REQUESTS)
    asked = selectors.request_seen_by(actor, request_id)
    address = reverse("approvals:request", args=[request_id])
    if request.method != "POST":
        return redirect(f"{address}#evidence")
    form = EvidenceForm(
        request.POST, request.FILES, policy=asked.policy, missing=selectors.kinds_missing(asked)
    )
    status = _attached(request, asked, form, actor)
    if status == 201:
        return redirect(f"{address}#evidence")
    now = selectors.request_seen_by(actor, request_id)
    return page_of(request, now, form=form, status=status)


@require_safe
@login_required
def content(request: HttpRequest, attachment_id: int) -> FileResponse:
    """The content as it was attached; who looks at it is on record."""
    actor: User = person(request)
    authorize(actor, VIEW_REQUESTS)
    return as_content(*hand_out_attachment(attachment_id=attachment_id, actor=actor))


def _attached(request: HttpRequest, asked: Request, form: EvidenceForm, actor: User) -> int:
    """Carry it out; the status to answer with."""
    if not form.is_valid():
        return 422
    try:
        attachment = attach(request_id=asked.pk, evidence=form.evidence(), actor=actor)
    except Refusal as refusal:
        complain(form, refusal)
        return refusal.status
    messages.success(request, f"{attachment.get_kind_display()} added: {attachment.filename}.")
    return 201
