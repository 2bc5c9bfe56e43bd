"""Names that templates and documents share."""

from typing import Final

from django.db.models import TextChoices

# The close task that makes the package. What it is doing itself is no fact of the close: it is
# still at work when the document is made, and would otherwise make every package differ.
EVIDENCE_HANDLER: Final = "reporting.evidence"

# The close task that holds a reconciliation's variance against a limit; its parameters say which.
VARIANCE_HANDLER: Final = "reconciliation.variance"


class ReportKind(TextChoices):
    """How much of a reconciliation a report tells; the labels are the titles of the reports."""

    FULL = "full", "Reconciliation report"
    UNMATCHED = "unmatched", "Unmatched items"
    SUMMARY = "summary", "Reconciliation summary"


class ReportType(TextChoices):
    """What kind of file a report is."""

    XLSX = "xlsx", "XLSX workbook"
    PDF = "pdf", "PDF"


MEDIA_TYPES: Final = {
    ReportType.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ReportType.PDF: "application/pdf",
}
