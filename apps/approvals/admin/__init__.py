"""Approvals in the admin."""

from apps.approvals.admin import absence, requests, setup

__all__ = ["absence", "requests", "setup"]
