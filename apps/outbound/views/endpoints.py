"""Pages: the endpoints, one of them, and one delivery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.common.access import authorize, one_visible
from apps.common.errors import NotPermitted, NotVisible, Refusal
from apps.common.forms import complain
from apps.common.paging import newest_first, row_id
from apps.identity.context import actor_of, entity_in_view, show_times_of
from apps.outbound.context import secret_shown
from apps.outbound.forms import EndpointForm, OffForm, RegisterForm, RotateForm
from apps.outbound.models import Delivery, Endpoint
from apps.outbound.permissions import MANAGE_ENDPOINTS, VIEW_ENDPOINTS
from apps.outbound.registry import KIND_LABELS
from apps.outbound.selectors import deliveries_for, endpoint_notices_for, endpoints_for
from apps.outbound.services import (
    change_endpoint,
    read_endpoint_notices,
    register_endpoint,
    resend_delivery,
    retire_endpoint,
    rotate_secret,
    switch_off,
    switch_on,
)
from apps.outbound.states import EndpointStatus

_SHOWN = 50
_BY_ID = newest_first(_SHOWN)
_LABELS = dict(KIND_LABELS)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def endpoints_page(request: HttpRequest) -> HttpResponse:
    """Every endpoint, and the form for a new one; POST registers it and shows its secret."""
    actor = _viewer(request)
    if request.method != "POST":
        return _endpoints(request, RegisterForm(actor=actor))
    authorize(actor, MANAGE_ENDPOINTS)
    form = RegisterForm(request.POST, actor=actor)
    if form.is_valid():
        facts = dict(form.cleaned_data)
        entity = facts.pop("entity")
        endpoint = _tried(
            form, lambda: register_endpoint(entity_id=entity.pk, **facts, actor=actor)
        )
        if endpoint is not None:
            return secret_shown(request, endpoint)
    return _endpoints(request, form, status=422)


@require_POST
@login_required
def read_notices(request: HttpRequest) -> HttpResponse:
    """The person has read what he was told about endpoints."""
    actor = _viewer(request)
    newest = row_id(request.POST.get("up_to_id", ""))
    if newest is not None:
        read_endpoint_notices(up_to_id=newest, actor=actor)
    return redirect("outbound:endpoints")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def endpoint_page(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """One endpoint: what it is told, its last deliveries; POST changes it."""
    endpoint = _endpoint(request, endpoint_id)
    if request.method != "POST":
        return _shown(request, endpoint)
    form = EndpointForm(request.POST)
    if form.is_valid():
        facts = form.cleaned_data
        changed = _tried(
            form,
            lambda: change_endpoint(endpoint_id=endpoint.pk, **facts, actor=actor_of(request)),
        )
        if changed is not None:
            messages.success(request, "Changed.")
            return redirect("outbound:endpoint", endpoint.pk)
    return _shown(request, endpoint, form, status=422)


@require_POST
@login_required
def rotate(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Give it another secret, and show it."""
    endpoint = _endpoint(request, endpoint_id)
    form = RotateForm(request.POST)
    if form.is_valid():
        facts = form.cleaned_data
        changed = _tried(
            form, lambda: rotate_secret(endpoint_id=endpoint.pk, **facts, actor=actor_of(request))
        )
        if changed is not None:
            return secret_shown(request, changed)
    return _told(request, endpoint.pk, *_first_fault(form))


@require_POST
@login_required
def off(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Switch it off."""
    endpoint = _endpoint(request, endpoint_id)
    form = OffForm(request.POST)
    if not form.is_valid():
        return _told(request, endpoint.pk, *_first_fault(form))
    return _done(
        request,
        endpoint.pk,
        lambda actor: switch_off(endpoint_id=endpoint.pk, **form.cleaned_data, actor=actor),
        "Switched off. What happens meanwhile is not kept for it.",
    )


@require_POST
@login_required
def on(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Switch it on."""
    endpoint = _endpoint(request, endpoint_id)
    return _done(
        request,
        endpoint.pk,
        lambda actor: switch_on(endpoint_id=endpoint.pk, actor=actor),
        "Switched on. It is told what happens from now on.",
    )


@require_POST
@login_required
def retire(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Retire it."""
    endpoint = _endpoint(request, endpoint_id)
    return _done(
        request,
        endpoint.pk,
        lambda actor: retire_endpoint(endpoint_id=endpoint.pk, actor=actor),
        "Retired. Its deliveries stay on record.",
    )


@require_safe
@login_required
def delivery_page(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """One delivery: what is sent, and every attempt."""
    delivery = _delivery(request, delivery_id)
    endpoint = delivery.endpoint
    show_times_of(endpoint.entity)
    context = {
        "page_title": _LABELS.get(delivery.event.kind, delivery.event.kind),
        "breadcrumbs": [
            _home(),
            {"label": endpoint.name, "url": reverse("outbound:endpoint", args=[endpoint.pk])},
        ],
        "delivery": delivery,
        "attempts": delivery.attempts.all(),
        "may_resend": endpoint.is_active
        and actor_of(request).may(MANAGE_ENDPOINTS, endpoint.entity_id),
    }
    return render(request, "outbound/delivery.html", context)


@require_POST
@login_required
def resend(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Send it again."""
    delivery = _delivery(request, delivery_id)
    return _done(
        request,
        delivery.endpoint_id,
        lambda actor: resend_delivery(delivery_id=delivery_id, actor=actor),
        "Sent again. What comes of it appears here in a moment.",
    )


def _endpoints(request: HttpRequest, form: forms.Form, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    found = endpoints_for(actor)
    entity = entity_in_view(request)
    if entity is not None:
        found = found.filter(entity=entity)
    listed = list(found.exclude(status=EndpointStatus.RETIRED))
    context = {
        "page_title": "Webhooks",
        "endpoints": listed,
        "active": sum(one.is_active for one in listed),
        "given_up": sum(one.given_up_count for one in listed),
        "notices": list(endpoint_notices_for(actor).filter(read_at__isnull=True)[:_SHOWN]),
        "form": form if actor.may(MANAGE_ENDPOINTS) else None,
        "are_several": entity is None,
    }
    return render(request, "outbound/endpoints.html", context, status=status)


def _shown(
    request: HttpRequest, endpoint: Any, form: forms.Form | None = None, status: int = 200
) -> HttpResponse:
    actor = actor_of(request)
    show_times_of(endpoint.entity)
    is_manager = actor.may(MANAGE_ENDPOINTS, endpoint.entity_id)
    is_standing = endpoint.status != EndpointStatus.RETIRED
    facts = {"name": endpoint.name, "url": endpoint.url, "kinds": endpoint.kinds}
    page = _BY_ID.page(deliveries_for(actor).filter(endpoint=endpoint), request.GET)
    context = {
        "page_title": endpoint.name,
        "breadcrumbs": [_home()],
        "endpoint": endpoint,
        "kinds": [_LABELS.get(name, name) for name in endpoint.kinds],
        "deliveries": [
            {"row": one, "label": _LABELS.get(one.event.kind, one.event.kind), "last": _last(one)}
            for one in page.rows
        ],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "is_manager": is_manager and is_standing,
        "form": form or EndpointForm(facts),
        "rotate_form": RotateForm(),
        "off_form": OffForm(),
        "retire_title": f"Retire {endpoint.name}",
        "retire_consequences": [
            f"What waits for it is dropped: {endpoint.waiting_count} now.",
            "Its secrets are forgotten; it is never switched on again.",
            "Its deliveries stay on record.",
        ],
    }
    return render(request, "outbound/endpoint.html", context, status=status)


def _last(delivery: Delivery) -> Any:
    """The last attempt, which is read already."""
    return next(iter(delivery.attempts.all()), None)


def _tried(form: forms.Form, call: Callable[[], Endpoint]) -> Endpoint | None:
    """What the service made, or None with its refusal in the form."""
    try:
        return call()
    except (NotVisible, NotPermitted):
        raise
    except Refusal as refusal:
        complain(form, refusal)
        return None


def _done(
    request: HttpRequest, endpoint_id: int, call: Callable[[Any], Any], words: str
) -> HttpResponse:
    try:
        call(actor_of(request))
    except (NotVisible, NotPermitted):
        raise
    except Refusal as refusal:
        return _told(request, endpoint_id, refusal.words)
    messages.success(request, words)
    return redirect("outbound:endpoint", endpoint_id)


def _told(request: HttpRequest, endpoint_id: int, *faults: str) -> HttpResponse:
    for fault in faults:
        messages.error(request, fault)
    return redirect("outbound:endpoint", endpoint_id)


def _first_fault(form: forms.Form) -> list[str]:
    return [str(problem) for problems in form.errors.values() for problem in problems][:1]


def _endpoint(request: HttpRequest, endpoint_id: int) -> Endpoint:
    found: Endpoint = one_visible(endpoints_for(_viewer(request)).filter(pk=endpoint_id))
    return found


def _delivery(request: HttpRequest, delivery_id: int) -> Delivery:
    found: Delivery = one_visible(deliveries_for(_viewer(request)).filter(pk=delivery_id))
    return found


def _viewer(request: HttpRequest) -> Any:
    actor = actor_of(request)
    authorize(actor, VIEW_ENDPOINTS)
    return actor


def _home() -> dict[str, str]:
    return {"label": "Webhooks", "url": reverse("outbound:endpoints")}
