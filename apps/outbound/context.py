"""What pages and the admin both answer with."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from apps.outbound.models import Endpoint


def secret_shown(request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
    """The page that shows a new secret, this once; nobody on the way may keep it."""
    context = {
        "page_title": endpoint.name,
        "breadcrumbs": [{"label": "Webhooks", "url": reverse("outbound:endpoints")}],
        "endpoint": endpoint,
    }
    page = render(request, "outbound/secret.html", context)
    page["Cache-Control"] = "no-store"
    return page
