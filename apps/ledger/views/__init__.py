"""The pages of the ledger."""

from apps.ledger.views.balances import trial_balance_page
from apps.ledger.views.detail import entry_page, take_step
from apps.ledger.views.journal import entries_page
from apps.ledger.views.writing import edit_entry, new_entry, rows_part

__all__ = [
    "edit_entry",
    "entries_page",
    "entry_page",
    "new_entry",
    "rows_part",
    "take_step",
    "trial_balance_page",
]
