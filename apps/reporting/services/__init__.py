"""Documents from what the apps below hold."""

from apps.reporting.services.checking import check_package
from apps.reporting.services.evidence import export_document, produce_evidence
from apps.reporting.services.handing_out import ReportFile, hand_out_report

__all__ = [
    "ReportFile",
    "check_package",
    "export_document",
    "hand_out_report",
    "produce_evidence",
]
