"""The ledger in the admin."""

from apps.ledger.admin import analyses, chart, entries, periods

__all__ = ["analyses", "chart", "entries", "periods"]
