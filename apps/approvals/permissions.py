from typing import Final

from apps.common.roles import APPROVER, AUDITOR, CONTROLLER, FINANCE, PREPARER, READERS, REVIEWER

VIEW_REQUESTS: Final = "approvals.view_requests"
REQUEST_APPROVAL: Final = "approvals.request_approval"
DECIDE_REQUEST: Final = "approvals.decide_request"
WITHDRAW_REQUEST: Final = "approvals.withdraw_request"
REVOKE_APPROVAL: Final = "approvals.revoke_approval"
REASSIGN_SEAT: Final = "approvals.reassign_seat"
VIEW_POLICIES: Final = "approvals.view_policies"
MANAGE_POLICIES: Final = "approvals.manage_policies"
VIEW_LIMITS: Final = "approvals.view_limits"
MANAGE_LIMITS: Final = "approvals.manage_limits"
VIEW_ABSENCES: Final = "approvals.view_absences"
PLAN_LEAVE: Final = "approvals.plan_leave"
DELEGATE: Final = "approvals.delegate"
MANAGE_ABSENCES: Final = "approvals.manage_absences"
VIEW_CONTROLS: Final = "approvals.view_controls"
SIGN_WAIVERS: Final = "approvals.sign_waivers"

HOLDERS = {
    VIEW_REQUESTS: READERS,
    REQUEST_APPROVAL: (PREPARER, REVIEWER, CONTROLLER),
    DECIDE_REQUEST: (REVIEWER, APPROVER, CONTROLLER),
    WITHDRAW_REQUEST: FINANCE,
    REVOKE_APPROVAL: (CONTROLLER,),
    REASSIGN_SEAT: (CONTROLLER,),
    VIEW_POLICIES: (*FINANCE, AUDITOR),
    MANAGE_POLICIES: (CONTROLLER,),
    VIEW_LIMITS: (*FINANCE, AUDITOR),
    MANAGE_LIMITS: (CONTROLLER,),
    VIEW_ABSENCES: (*FINANCE, AUDITOR),
    PLAN_LEAVE: (REVIEWER, APPROVER, CONTROLLER),
    DELEGATE: (REVIEWER, APPROVER, CONTROLLER),
    MANAGE_ABSENCES: (CONTROLLER,),
    VIEW_CONTROLS: (CONTROLLER, AUDITOR),
    SIGN_WAIVERS: (CONTROLLER, APPROVER),
}
