"""Policies, limits, requests, decisions and their use, evidence, absence, waivers, notices."""

from apps.approvals.models.absence import Delegation, Leave
from apps.approvals.models.attachments import Attachment
from apps.approvals.models.authority import ExchangeRate, Limit
from apps.approvals.models.clocks import Escalation, StageClock
from apps.approvals.models.hours import WorkingHours
from apps.approvals.models.notices import Notice
from apps.approvals.models.openings import Opening
from apps.approvals.models.policies import Policy
from apps.approvals.models.requests import (
    Conflict,
    Consultation,
    Decision,
    Opinion,
    Request,
)
from apps.approvals.models.seats import Reassignment
from apps.approvals.models.uses import Use
from apps.approvals.models.waivers import Waiver

__all__ = [
    "Attachment",
    "Conflict",
    "Consultation",
    "Decision",
    "Delegation",
    "Escalation",
    "ExchangeRate",
    "Leave",
    "Limit",
    "Notice",
    "Opening",
    "Opinion",
    "Policy",
    "Reassignment",
    "Request",
    "StageClock",
    "Use",
    "Waiver",
    "WorkingHours",
]
