"""Approvals in the admin."""

from apps.approvals.admin import absence, requests, setup, waivers

__all__ = ["absence", "requests", "setup", "waivers"]
