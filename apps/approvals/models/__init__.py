"""Policies, requests, decisions, and what people are told."""

from apps.approvals.models.notices import Notice
from apps.approvals.models.policies import Policy
from apps.approvals.models.requests import Conflict, Decision, Request

__all__ = ["Conflict", "Decision", "Notice", "Policy", "Request"]
