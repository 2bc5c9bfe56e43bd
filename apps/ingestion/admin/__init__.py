"""The imports in the admin: looked at here, set up through the services."""

from apps.ingestion.admin import outcomes, setup

__all__ = ["outcomes", "setup"]
