"""REST: /api/approvals/requests and /api/approvals/policies."""
