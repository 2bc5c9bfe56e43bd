"""What automated tasks do, for the apps that close may use; called from `CloseConfig.ready`."""

from apps.close.handlers import books, imports, matching
from apps.close.registry import LOCK, register


def register_handlers() -> None:
    """Offer the handlers under the names that templates use."""
    register(imports.COLLECT, imports.collect)
    register(imports.VALIDATE, imports.validate)
    register("ledger.post_extract", books.post_ledger_extract)
    register("ledger.trial_balance", books.tie_out, follows_books=True)
    register(
        "ledger.request_approval",
        books.request_entry_approvals,
        settle=books.post_approved_entries,
    )
    register(
        "ledger.account_analyses",
        books.await_analyses,
        settle=books.await_analyses,
        follows_books=True,
    )
    register(LOCK, books.request_lock, settle=books.lock, follows_books=True)
    register(matching.RUN, matching.run)
    register("reconciliation.classify", matching.classify)
    register("reconciliation.variance", matching.check_variance)
    register(books.PROPOSE, matching.propose_adjustments)
    register("reconciliation.request_approval", matching.request_approvals)
    register(
        "reconciliation.certify", matching.certify, settle=matching.certify, follows_books=True
    )
