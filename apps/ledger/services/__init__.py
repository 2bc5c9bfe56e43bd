"""Change the books."""

from apps.ledger.services.analyses import AnalysisDraft, ItemDraft, prepare_analysis
from apps.ledger.services.calendars import add_fiscal_year, define_calendar
from apps.ledger.services.chart import (
    define_account,
    reinstate_account,
    rename_account,
    retire_account,
)
from apps.ledger.services.drafts import EntryDraft, LineDraft
from apps.ledger.services.entries import cancel_entry, draft_entry, revise_entry
from apps.ledger.services.extracts import PostedExtract, post_extract
from apps.ledger.services.periods import (
    archive_period,
    close_period,
    open_period,
    request_period_lock,
    soft_close_period,
)
from apps.ledger.services.posting import (
    post_entry,
    reverse_entry,
    submit_entry,
    withdraw_entry,
)
from apps.ledger.services.reopening import (
    end_expired_reopenings,
    end_reopening,
    propose_reopening,
    reopen_period,
    settle_reopening,
)
from apps.ledger.services.settling import settle_request
from apps.ledger.services.signing import settle_analysis, submit_analysis, withdraw_analysis
from apps.ledger.services.thresholds import set_threshold

__all__ = [
    "AnalysisDraft",
    "EntryDraft",
    "ItemDraft",
    "LineDraft",
    "PostedExtract",
    "add_fiscal_year",
    "archive_period",
    "cancel_entry",
    "close_period",
    "define_account",
    "define_calendar",
    "draft_entry",
    "end_expired_reopenings",
    "end_reopening",
    "open_period",
    "post_entry",
    "post_extract",
    "prepare_analysis",
    "propose_reopening",
    "reinstate_account",
    "rename_account",
    "reopen_period",
    "request_period_lock",
    "retire_account",
    "reverse_entry",
    "revise_entry",
    "set_threshold",
    "settle_analysis",
    "settle_reopening",
    "settle_request",
    "soft_close_period",
    "submit_analysis",
    "submit_entry",
    "withdraw_analysis",
    "withdraw_entry",
]
