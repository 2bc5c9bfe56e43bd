"""Ask, decide, withdraw, act upon it, revoke; and the policies that say who has to."""

from apps.approvals.services.absence import (
    cancel_leave,
    delegate,
    plan_leave,
    revoke_delegation,
)
from apps.approvals.services.asking import (
    request_approval,
    supersede_approval,
    supersede_requests,
    withdraw,
)
from apps.approvals.services.bulk import Outcome, approve_many
from apps.approvals.services.consulting import answer, consult
from apps.approvals.services.deciding import decide
from apps.approvals.services.evidence import attach, bring, carry_evidence, hand_out_attachment
from apps.approvals.services.hours import end_hours, set_hours
from apps.approvals.services.limits import define_limit, enter_rate, retire_limit
from apps.approvals.services.notices import read_notices
from apps.approvals.services.openings import note_opening
from apps.approvals.services.policies import define_policy, retire_policy, settle_policy
from apps.approvals.services.reassigning import reassign
from apps.approvals.services.staffing import queue_recheck, recheck_all, recheck_requests
from apps.approvals.services.tending import tend_request, tend_requests
from apps.approvals.services.using import revoke, use_approval, use_requests
from apps.approvals.services.waivers import propose_waiver, revoke_waiver, sign_waiver

__all__ = [
    "Outcome",
    "answer",
    "approve_many",
    "attach",
    "bring",
    "cancel_leave",
    "carry_evidence",
    "consult",
    "decide",
    "define_limit",
    "define_policy",
    "delegate",
    "end_hours",
    "enter_rate",
    "hand_out_attachment",
    "note_opening",
    "plan_leave",
    "propose_waiver",
    "queue_recheck",
    "read_notices",
    "reassign",
    "recheck_all",
    "recheck_requests",
    "request_approval",
    "retire_limit",
    "retire_policy",
    "revoke",
    "revoke_delegation",
    "revoke_waiver",
    "set_hours",
    "settle_policy",
    "sign_waiver",
    "supersede_approval",
    "supersede_requests",
    "tend_request",
    "tend_requests",
    "use_approval",
    "use_requests",
    "withdraw",
]
