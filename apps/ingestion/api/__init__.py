"""REST: /api/transactions/upload and /api/ingestion/."""
