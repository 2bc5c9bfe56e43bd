"""Documents from what the apps below hold."""

from apps.reporting.services.checking import check_package
from apps.reporting.services.evidence import export_document, produce_evidence

__all__ = ["check_package", "export_document", "produce_evidence"]
