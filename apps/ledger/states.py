"""The life of a period and of a journal entry. The database holds the same tables as triggers."""

from datetime import timedelta
from typing import Final

from django.db.models import TextChoices

from apps.common.transitions import Moves


class PeriodStatus(TextChoices):
    PLANNED = "planned", "Planned"
    OPEN = "open", "Open"
    SOFT_CLOSED = "soft_closed", "Soft-closed"
    HARD_CLOSED = "hard_closed", "Closed"
    REOPENED = "reopened", "Reopened"
    ARCHIVED = "archived", "Archived"


class EntryStatus(TextChoices):
    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    POSTED = "posted", "Posted"
    CANCELLED = "cancelled", "Cancelled"


class EntryKind(TextChoices):
    MANUAL = "manual", "Manual"
    IMPORT = "import", "Import"
    ADJUSTMENT = "adjustment", "Adjustment"
    REVERSAL = "reversal", "Reversal"


class AnalysisStatus(TextChoices):
    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Waiting for approval"
    RETURNED = "returned", "Returned"
    APPROVED = "approved", "Approved"
    SIGNED = "signed", "Signed, no approval asked"


class ReopeningStatus(TextChoices):
    ASKED = "asked", "Waits for approval"
    OPEN = "open", "Open"
    ENDED = "ended", "Closed again"
    DROPPED = "dropped", "Dropped"


class ReopeningEnd(TextChoices):
    CLOSED = "closed", "Closed by somebody"
    EXPIRED = "expired", "Its time was over"


class AccountType(TextChoices):
    ASSET = "asset", "Asset"
    LIABILITY = "liability", "Liability"
    EQUITY = "equity", "Equity"
    REVENUE = "revenue", "Revenue"
    EXPENSE = "expense", "Expense"


class NormalBalance(TextChoices):
    DEBIT = "debit", "Debit"
    CREDIT = "credit", "Credit"


PERIOD_MOVES: Final[Moves] = {
    PeriodStatus.PLANNED: frozenset({PeriodStatus.OPEN}),
    PeriodStatus.OPEN: frozenset({PeriodStatus.SOFT_CLOSED, PeriodStatus.HARD_CLOSED}),
    PeriodStatus.SOFT_CLOSED: frozenset({PeriodStatus.HARD_CLOSED}),
    PeriodStatus.HARD_CLOSED: frozenset({PeriodStatus.ARCHIVED, PeriodStatus.REOPENED}),
    PeriodStatus.REOPENED: frozenset({PeriodStatus.HARD_CLOSED}),
}

# What was not approved, or not opened in time, is dropped: ask anew, never revive.
REOPENING_MOVES: Final[Moves] = {
    ReopeningStatus.ASKED: frozenset({ReopeningStatus.OPEN, ReopeningStatus.DROPPED}),
    ReopeningStatus.OPEN: frozenset({ReopeningStatus.ENDED}),
}
LIVE_REOPENINGS: Final = (ReopeningStatus.ASKED, ReopeningStatus.OPEN)

# How many different people approve a reopening at least, and how long one lasts at most, counted
# from when it is asked for.
REOPENING_APPROVERS: Final = 2
LONGEST_REOPENING: Final = timedelta(days=14)

# Posted is final: what was wrong is answered by a reversal, which is an entry of its own.
ENTRY_MOVES: Final[Moves] = {
    EntryStatus.DRAFT: frozenset(
        {EntryStatus.SUBMITTED, EntryStatus.POSTED, EntryStatus.CANCELLED}
    ),
    EntryStatus.SUBMITTED: frozenset(
        {EntryStatus.DRAFT, EntryStatus.POSTED, EntryStatus.CANCELLED}
    ),
}

# A new version of an analysis begins as a draft, whatever became of the one before.
ANALYSIS_MOVES: Final[Moves] = {
    AnalysisStatus.DRAFT: frozenset({AnalysisStatus.SUBMITTED, AnalysisStatus.SIGNED}),
    AnalysisStatus.SUBMITTED: frozenset(
        {AnalysisStatus.DRAFT, AnalysisStatus.RETURNED, AnalysisStatus.APPROVED}
    ),
    AnalysisStatus.RETURNED: frozenset({AnalysisStatus.DRAFT}),
    AnalysisStatus.APPROVED: frozenset({AnalysisStatus.DRAFT}),
    AnalysisStatus.SIGNED: frozenset({AnalysisStatus.DRAFT}),
}

ANALYSED: Final = frozenset({AnalysisStatus.APPROVED, AnalysisStatus.SIGNED})

# What a balance is in besides the statuses of its analysis; derived, never stored.
MISSING: Final = "missing"
OUTDATED: Final = "outdated"

# What stands on the balance sheet is to be analysed; results may be.
ANALYSED_TYPES: Final = frozenset({AccountType.ASSET, AccountType.LIABILITY, AccountType.EQUITY})

# Which kinds of entries a period takes; a status that is not named takes none.
KINDS_TAKEN: Final[dict[str, frozenset[str]]] = {
    PeriodStatus.OPEN: frozenset(EntryKind.values),
    PeriodStatus.SOFT_CLOSED: frozenset({EntryKind.ADJUSTMENT, EntryKind.REVERSAL}),
    # Within the scope of its reopening, which names kinds and accounts.
    PeriodStatus.REOPENED: frozenset(EntryKind.values),
}

# What people write themselves; imports and reversals have services of their own.
KINDS_WRITTEN: Final = frozenset({EntryKind.MANUAL, EntryKind.ADJUSTMENT})

CLOSED: Final = frozenset({PeriodStatus.HARD_CLOSED, PeriodStatus.ARCHIVED})
