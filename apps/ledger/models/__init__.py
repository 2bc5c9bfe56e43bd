"""What the ledger keeps: the books, and what people say of them."""

from apps.ledger.models.analyses import (
    AccountAnalysis,
    AnalysisItem,
    AnalysisThreshold,
    AnalysisVersion,
)
from apps.ledger.models.books import (
    MONTHS,
    Account,
    Currency,
    FiscalCalendar,
    JournalEntry,
    JournalLine,
    Period,
)
from apps.ledger.models.reopenings import PeriodReopening

__all__ = [
    "MONTHS",
    "Account",
    "AccountAnalysis",
    "AnalysisItem",
    "AnalysisThreshold",
    "AnalysisVersion",
    "Currency",
    "FiscalCalendar",
    "JournalEntry",
    "JournalLine",
    "Period",
    "PeriodReopening",
]
