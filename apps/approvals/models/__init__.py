"""Policies, limits, requests, decisions, evidence, and what people are told."""

from apps.approvals.models.attachments import Attachment
from apps.approvals.models.authority import ExchangeRate, Limit
from apps.approvals.models.notices import Notice
from apps.approvals.models.policies import Policy
from apps.approvals.models.requests import Conflict, Decision, Request

__all__ = [
    "Attachment",
    "Conflict",
    "Decision",
    "ExchangeRate",
    "Limit",
    "Notice",
    "Policy",
    "Request",
]
