"""Pages about webhooks."""
