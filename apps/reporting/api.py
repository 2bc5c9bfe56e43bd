"""/api/reporting: reports as files."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import views
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from apps.identity.context import actor_of
from apps.reporting.serializers import as_download, kind_in, type_in
from apps.reporting.services import hand_out_report
from apps.reporting.states import MEDIA_TYPES, ReportKind, ReportType


class AnyFile(DefaultContentNegotiation):
    """Whatever a caller accepts: the address says which file it gets, errors are envelopes."""

    def select_renderer(
        self, _request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class RunReportView(views.APIView):
    """GET /api/reporting/runs/{run_id}/report"""

    content_negotiation_class = AnyFile

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, enum=ReportKind.values, default=ReportKind.FULL.value),
            OpenApiParameter("type", str, enum=ReportType.values, default=ReportType.XLSX.value),
        ],
        responses={(200, media_type): OpenApiTypes.BINARY for media_type in MEDIA_TYPES.values()},
    )
    def get(self, request: Request, run_id: int) -> FileResponse:
        """The report on a run. Who takes it is on record (`reporting.report.download`)."""
        actor = actor_of(request)
        query = request.query_params
        report = hand_out_report(
            run_id=run_id, kind=kind_in(query), report_type=type_in(query), actor=actor
        )
        return as_download(report)
