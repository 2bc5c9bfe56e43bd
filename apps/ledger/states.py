"""The life of a period and of a journal entry. The database holds the same tables as triggers."""

from typing import Final

from django.db.models import TextChoices

from apps.common.transitions import Moves


class PeriodStatus(TextChoices):
    PLANNED = "planned", "Planned"
    OPEN = "open", "Open"
    SOFT_CLOSED = "soft_closed", "Soft-closed"
    HARD_CLOSED = "hard_closed", "Closed"
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
    PeriodStatus.HARD_CLOSED: frozenset({PeriodStatus.ARCHIVED}),
}

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
}

# What people write themselves; imports and reversals have services of their own.
KINDS_WRITTEN: Final = frozenset({EntryKind.MANUAL, EntryKind.ADJUSTMENT})

CLOSED: Final = frozenset({PeriodStatus.HARD_CLOSED, PeriodStatus.ARCHIVED})
