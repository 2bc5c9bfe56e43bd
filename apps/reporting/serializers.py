"""What is asked for of a report, and the report as a file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO

from django.http import FileResponse

from apps.common.errors import Invalid
from apps.reporting.services import ReportFile
from apps.reporting.states import MEDIA_TYPES, ReportKind, ReportType


def kind_in(query: Mapping[str, str]) -> ReportKind:
    """The kind of report that is asked for; the full one if none is named.

    Raises:
        Invalid: there is no such kind.
    """
    try:
        return ReportKind(query.get("kind", ReportKind.FULL))
    except ValueError:
        raise Invalid(f"kind: one of {', '.join(ReportKind)}.", field="kind") from None


def type_in(query: Mapping[str, str]) -> ReportType:
    """The type of file that is asked for; a workbook if none is named.

    Raises:
        Invalid: there is no such type.
    """
    try:
        return ReportType(query.get("type", ReportType.XLSX))
    except ValueError:
        raise Invalid(f"type: one of {', '.join(ReportType)}.", field="type") from None


def as_download(report: ReportFile) -> FileResponse:
    """The report as a file to keep; its digest travels along (RFC 9530)."""
    digest = base64.b64encode(bytes.fromhex(report.sha256)).decode()
    return FileResponse(
        BytesIO(report.content),
        as_attachment=True,
        filename=report.name,
        content_type=MEDIA_TYPES[report.type],
        headers={"Cache-Control": "private, no-store", "Repr-Digest": f"sha-256=:{digest}:"},
    )
