"""The pages of the ledger."""

from apps.ledger.views.analyses import (
    analyses_page,
    analysis_page,
    export_analyses,
    take_analysis_step,
)
from apps.ledger.views.analysing import analyse, items_part
from apps.ledger.views.balances import trial_balance_page
from apps.ledger.views.detail import entry_page, take_step
from apps.ledger.views.journal import entries_page
from apps.ledger.views.periods import (
    period_page,
    periods_page,
    propose_page,
    reopening_page,
    take_reopening_step,
)
from apps.ledger.views.writing import edit_entry, new_entry, rows_part

__all__ = [
    "analyse",
    "analyses_page",
    "analysis_page",
    "edit_entry",
    "entries_page",
    "entry_page",
    "export_analyses",
    "items_part",
    "new_entry",
    "period_page",
    "periods_page",
    "propose_page",
    "reopening_page",
    "rows_part",
    "take_analysis_step",
    "take_reopening_step",
    "take_step",
    "trial_balance_page",
]
