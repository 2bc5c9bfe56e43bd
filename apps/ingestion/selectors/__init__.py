"""Reads: `batches` tells what came in, `findings` whether it is whole, `feeds` sums up each source,
`frames` hands records over in columns, `parts` some of them, `showing` shows them to people."""

from apps.ingestion.selectors.batches import (
    balanced,
    balanced_statements,
    batches_between,
    batches_for,
    failed_imports_for,
    latest_original,
    latest_reading,
    original_of,
    source_named,
    sources_for,
)
from apps.ingestion.selectors.columns import RECORD_SCHEMA
from apps.ingestion.selectors.corrections import (
    changes_shown,
    corrections_for,
    open_rejections,
    rejected_lines_for,
)
from apps.ingestion.selectors.feeds import Feed, feeds
from apps.ingestion.selectors.findings import Finding, validation_findings
from apps.ingestion.selectors.frames import (
    record_ids,
    record_shards,
    records_frame,
    records_in_shards,
    records_named,
)
from apps.ingestion.selectors.parts import Shards, agreeing_ids, batch_ids
from apps.ingestion.selectors.progress import ImportProgress, imports_under_way
from apps.ingestion.selectors.pulls import Circuit, circuit_of, pulls_for
from apps.ingestion.selectors.showing import (
    account_shown,
    holds_bank_accounts,
    lines_shown,
    reading_shown,
    record_shown,
)
from apps.ingestion.selectors.stated import closing_balances

__all__ = [
    "RECORD_SCHEMA",
    "Circuit",
    "Feed",
    "Finding",
    "ImportProgress",
    "Shards",
    "account_shown",
    "agreeing_ids",
    "balanced",
    "balanced_statements",
    "batch_ids",
    "batches_between",
    "batches_for",
    "changes_shown",
    "circuit_of",
    "closing_balances",
    "corrections_for",
    "failed_imports_for",
    "feeds",
    "holds_bank_accounts",
    "imports_under_way",
    "latest_original",
    "latest_reading",
    "lines_shown",
    "open_rejections",
    "original_of",
    "pulls_for",
    "reading_shown",
    "record_ids",
    "record_shards",
    "record_shown",
    "records_frame",
    "records_in_shards",
    "records_named",
    "rejected_lines_for",
    "source_named",
    "sources_for",
    "validation_findings",
]
