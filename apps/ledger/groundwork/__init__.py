"""What `migrate` lays: the register of currencies, and the triggers that guard the books."""

from apps.ledger.groundwork.currencies import register_currencies
from apps.ledger.groundwork.guards import install_ledger_guards

__all__ = ["install_ledger_guards", "register_currencies"]
