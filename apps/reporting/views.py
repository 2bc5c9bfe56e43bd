"""Reports from the pages."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest
from django.views.decorators.http import require_safe

from apps.identity.context import actor_of
from apps.reporting.serializers import as_download, kind_in, type_in
from apps.reporting.services import hand_out_report


@require_safe
@login_required
def run_report(request: HttpRequest, run_id: int) -> FileResponse:
    """The report on a run as a file; who takes it is on record."""
    actor = actor_of(request)
    query = request.GET
    report = hand_out_report(
        run_id=run_id, kind=kind_in(query), report_type=type_in(query), actor=actor
    )
    return as_download(report)
