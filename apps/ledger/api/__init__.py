"""The REST door of the ledger."""

from apps.ledger.api.analyses import AnalysisView, ThresholdView
from apps.ledger.api.balances import AccountBalancesView, TrialBalanceView
from apps.ledger.api.chart import AccountView, PeriodView
from apps.ledger.api.entries import EntryView
from apps.ledger.api.reopenings import ReopeningView

__all__ = [
    "AccountBalancesView",
    "AccountView",
    "AnalysisView",
    "EntryView",
    "PeriodView",
    "ReopeningView",
    "ThresholdView",
    "TrialBalanceView",
]
