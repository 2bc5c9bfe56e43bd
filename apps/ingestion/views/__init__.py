"""Pages of the imports."""

from apps.ingestion.views.correcting import correct, rejected_line_page
from apps.ingestion.views.feeds import (
    batch_page,
    failure_page,
    pull,
    reread,
    retry,
    source_page,
    sources_page,
    upload,
)
from apps.ingestion.views.mapping import mapping_page, try_mapping
from apps.ingestion.views.mapping_rows import act_on_rows, rows_page
from apps.ingestion.views.progress import source_progress, upload_progress

__all__ = [
    "act_on_rows",
    "batch_page",
    "correct",
    "failure_page",
    "mapping_page",
    "pull",
    "rejected_line_page",
    "reread",
    "retry",
    "rows_page",
    "source_page",
    "source_progress",
    "sources_page",
    "try_mapping",
    "upload",
    "upload_progress",
]
