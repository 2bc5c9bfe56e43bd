"""Add evidence to a request, and look at it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.approvals import selectors
from apps.approvals.forms.deciding import EvidenceForm
from apps.approvals.models import Attachment, Request
from apps.approvals.permissions import VIEW_REQUESTS
from apps.approvals.serializers import as_content
from apps.approvals.services import attach, carry_evidence, hand_out_attachment
from apps.approvals.views.decision import page_of
from apps.common.access import authorize
from apps.common.errors import Invalid, Refusal
from apps.common.forms import complain
from apps.identity.context import actor_of
from apps.identity.models import User


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def attach_page(request: HttpRequest, request_id: int) -> HttpResponse:
    """Add a file or a text; what is refused comes back with the page."""
    actor: User = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    asked = selectors.request_seen_by(actor, request_id)
    address = reverse("approvals:request", args=[request_id])
    if request.method != "POST":
        return redirect(f"{address}#evidence")
    form = EvidenceForm(
        request.POST, request.FILES, policy=asked.policy, missing=selectors.kinds_missing(asked)
    )
    attachment, status = _attached(request, asked, form, actor)
    if attachment is not None:  # on the request that took its place, if there is one
        return redirect(f"{reverse('approvals:request', args=[attachment.request_id])}#evidence")
    now = selectors.request_seen_by(actor, request_id)
    return page_of(request, now, form=form, status=status)


@require_POST
@login_required
def carry_now(request: HttpRequest, request_id: int) -> HttpResponse:
    """Add what was added to the request before; the button names the pieces."""
    actor: User = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    seen = request.POST.get("expected_version", "")
    if not seen.isdecimal():
        raise Invalid("This form is incomplete. Open the page again.")
    carried = carry_evidence(request_id=request_id, expected_version=int(seen), actor=actor)
    names = ", ".join(one.filename for one in carried)
    messages.success(request, f"Carried over: {names}.")
    return redirect(f"{reverse('approvals:request', args=[carried[0].request_id])}#evidence")


@require_safe
@login_required
def content(request: HttpRequest, attachment_id: int) -> FileResponse:
    """The content as it was attached; who looks at it is on record."""
    actor: User = actor_of(request)
    authorize(actor, VIEW_REQUESTS)
    return as_content(*hand_out_attachment(attachment_id=attachment_id, actor=actor))


def _attached(
    request: HttpRequest, asked: Request, form: EvidenceForm, actor: User
) -> tuple[Attachment | None, int]:
    """Carry it out: what was attached, or the status to answer with."""
    if not form.is_valid():
        return None, 422
    try:
        attachment = attach(request_id=asked.pk, evidence=form.evidence(), actor=actor)
    except Refusal as refusal:
        complain(form, refusal)
        return None, refusal.status
    messages.success(request, f"{attachment.get_kind_display()} added: {attachment.filename}.")
    return attachment, 201
