"""The evidence that was made: whether it is still what was signed, and how to check it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.common.access import authorize
from apps.common.models import ScopedQuerySet
from apps.compliance.models import EvidencePackage
from apps.compliance.permissions import DOWNLOAD_EVIDENCE, VIEW_EVIDENCE
from apps.compliance.selectors import file_name, package_seen_by, packages_for, verdict_on
from apps.compliance.serializers import as_download
from apps.compliance.services import hand_out_package
from apps.compliance.states import Verdict
from apps.identity.context import entity_in_view, show_times_of
from apps.identity.selectors import people_who_may

_PAGE = 12  # each that counts is opened and checked


@require_safe
@login_required
def packages_page(request: HttpRequest) -> HttpResponse:
    """Evidence packages, newest first, each that counts checked now."""
    actor = _person(request)
    authorize(actor, VIEW_EVIDENCE)
    entity = entity_in_view(request)
    found = packages_for(actor)
    if entity is not None:
        found = found.filter(entity=entity)
    packages, previous_url, next_url = _page_of(found, request.GET)
    rows = [_row(package, actor) for package in packages]
    verdicts = [row["verdict"] for row in rows if not row["newer"]]
    context = {
        "page_title": "Evidence",
        "rows": rows,
        "entity": entity,
        "checked": len(verdicts),
        "faulty": sum(verdict != Verdict.VALID for verdict in verdicts),
        "previous_url": previous_url,
        "next_url": next_url,
    }
    return render(request, "compliance/packages.html", context)


@require_safe
@login_required
def package_page(request: HttpRequest, package_id: int) -> HttpResponse:
    """One package: what it holds, and how an auditor checks it without us."""
    actor = _person(request)
    authorize(actor, VIEW_EVIDENCE)
    package = package_seen_by(actor, package_id)
    show_times_of(package.entity)
    may_download = actor.may(DOWNLOAD_EVIDENCE, package.entity_id)
    context = {
        "page_title": f"Evidence of {package.close_run.period.name}, version {package.version}",
        "breadcrumbs": [{"label": "Evidence", "url": reverse("compliance:packages")}],
        "package": package,
        "newer": getattr(package, "superseded_by", None),
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
    package, content = hand_out_package(package_id=package_id, actor=_person(request))
    return as_download(package, content)


def _person(request: HttpRequest) -> Any:
    """Who looks; `login_required` lets nobody else in."""
    return request.user


def _row(package: EvidencePackage, actor: Any) -> dict[str, Any]:
    """A package that counts is checked now; one that was superseded, on its own page."""
    newer = getattr(package, "superseded_by", None)
    return {
        "package": package,
        "newer": newer,
        "verdict": None if newer else verdict_on(package),
        "may_download": actor.may(DOWNLOAD_EVIDENCE, package.entity_id),
    }


def _page_of(
    packages: ScopedQuerySet, query: QueryDict
) -> tuple[list[EvidencePackage], str | None, str | None]:
    """One page by id, so that new packages move nothing: rows, and the way back and on."""
    before, after = _key(query, "before"), _key(query, "after")
    if after is not None:
        rows = list(packages.filter(pk__gt=after).order_by("pk")[: _PAGE + 1])
        has_newer, has_older = len(rows) > _PAGE, True
        rows = rows[:_PAGE][::-1]
    else:
        older = packages.filter(pk__lt=before) if before is not None else packages
        rows = list(older[: _PAGE + 1])
        has_newer, has_older = before is not None, len(rows) > _PAGE
        rows = rows[:_PAGE]
    if not rows:
        return [], None, None
    return (
        rows,
        f"?after={rows[0].pk}" if has_newer else None,
        f"?before={rows[-1].pk}" if has_older else None,
    )


def _key(query: QueryDict, name: str) -> int | None:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
