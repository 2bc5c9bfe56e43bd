"""REST: /api/reconciliation/."""
