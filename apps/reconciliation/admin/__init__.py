"""Reconciliation in the admin: looked at here, set up and started through the services."""

from apps.reconciliation.admin import outcomes, setup, work

__all__ = ["outcomes", "setup", "work"]
