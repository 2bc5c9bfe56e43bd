"""The evidence that was made: whether it is still what was signed, and how to check it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.common.access import authorize
from apps.common.paging import newest_first
from apps.compliance.models import EvidencePackage
from apps.compliance.permissions import DOWNLOAD_EVIDENCE, VIEW_EVIDENCE
from apps.compliance.selectors import (
    file_name,
    package_seen_by,
    packages_for,
    reopening_after,
    verdict_on,
)
from apps.compliance.serializers import as_download
from apps.compliance.services import hand_out_package
from apps.compliance.states import Verdict
from apps.identity.context import actor_of, entity_in_view, show_times_of
from apps.identity.selectors import people_who_may

_BY_ID = newest_first(12)  # each that counts is opened and checked


@require_safe
@login_required
def packages_page(request: HttpRequest) -> HttpResponse:
    """Evidence packages, newest first, each that counts checked now."""
    actor = actor_of(request)
    authorize(actor, VIEW_EVIDENCE)
    entity = entity_in_view(request)
    found = packages_for(actor)
    if entity is not None:
        found = found.filter(entity=entity)
    page = _BY_ID.page(found, request.GET)
    rows = [_row(package, actor) for package in page.rows]
    verdicts = [row["verdict"] for row in rows if row["verdict"]]
    context = {
        "page_title": "Evidence",
        "rows": rows,
        "entity": entity,
        "checked": len(verdicts),
        "faulty": sum(verdict != Verdict.VALID for verdict in verdicts),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }
    return render(request, "compliance/packages.html", context)


@require_safe
@login_required
def package_page(request: HttpRequest, package_id: int) -> HttpResponse:
    """One package: what it holds, and how an auditor checks it without us."""
    actor = actor_of(request)
    authorize(actor, VIEW_EVIDENCE)
    package = package_seen_by(actor, package_id)
    show_times_of(package.entity)
    may_download = actor.may(DOWNLOAD_EVIDENCE, package.entity_id)
    context = {
        "page_title": f"Evidence of {package.close_run.period.name}, version {package.version}",
        "breadcrumbs": [{"label": "Evidence", "url": reverse("compliance:packages")}],
        "package": package,
        "newer": getattr(package, "superseded_by", None),
        "reopening": reopening_after(package),
        "verdict": verdict_on(package),
        "file_name": file_name(package),
        "may_download": may_download,
        "could_download": []
        if may_download
        else people_who_may(DOWNLOAD_EVIDENCE, entity_id=package.entity_id),
    }
    return render(request, "compliance/package.html", context)


@require_safe
@login_required
def document(request: HttpRequest, package_id: int) -> FileResponse:
    """The signed PDF as a file; who takes it is on record."""
    package, content = hand_out_package(package_id=package_id, actor=actor_of(request))
    return as_download(package, content)


def _row(package: EvidencePackage, actor: Any) -> dict[str, Any]:
    """A package that counts is checked now; one that was superseded, on its own page."""
    newer = getattr(package, "superseded_by", None)
    is_superseded = newer is not None or package.reopening_since is not None
    return {
        "package": package,
        "newer": newer,
        "is_superseded": is_superseded,
        "verdict": None if is_superseded else verdict_on(package),
        "may_download": actor.may(DOWNLOAD_EVIDENCE, package.entity_id),
    }
