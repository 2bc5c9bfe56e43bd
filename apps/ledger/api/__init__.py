"""The REST door of the ledger."""

from apps.ledger.api.analyses import AnalysisView, ThresholdView
from apps.ledger.api.balances import AccountBalancesView, TrialBalanceView
from apps.ledger.api.chart import AccountView, PeriodView
from apps.ledger.api.entries import EntryView

__all__ = [
    "AccountBalancesView",
    "AccountView",
    "AnalysisView",
    "EntryView",
    "PeriodView",
    "ThresholdView",
    "TrialBalanceView",
]
