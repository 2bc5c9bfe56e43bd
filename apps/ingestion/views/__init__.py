"""Pages of the imports."""

from apps.ingestion.views.feeds import (
    batch_page,
    failure_page,
    pull,
    retry,
    source_page,
    sources_page,
    upload,
)
from apps.ingestion.views.mapping import mapping_page, try_mapping

__all__ = [
    "batch_page",
    "failure_page",
    "mapping_page",
    "pull",
    "retry",
    "source_page",
    "sources_page",
    "try_mapping",
    "upload",
]
