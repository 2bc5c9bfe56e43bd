from typing import Final

from apps.common.roles import APPROVER, AUDITOR, CONTROLLER, FINANCE, PREPARER, READERS, REVIEWER

VIEW_REQUESTS: Final = "approvals.view_requests"
REQUEST_APPROVAL: Final = "approvals.request_approval"
DECIDE_REQUEST: Final = "approvals.decide_request"
WITHDRAW_REQUEST: Final = "approvals.withdraw_request"
VIEW_POLICIES: Final = "approvals.view_policies"
MANAGE_POLICIES: Final = "approvals.manage_policies"
VIEW_LIMITS: Final = "approvals.view_limits"
MANAGE_LIMITS: Final = "approvals.manage_limits"

HOLDERS = {
    VIEW_REQUESTS: READERS,
    REQUEST_APPROVAL: (PREPARER, REVIEWER, CONTROLLER),
    DECIDE_REQUEST: (REVIEWER, APPROVER, CONTROLLER),
    WITHDRAW_REQUEST: FINANCE,
    VIEW_POLICIES: (*FINANCE, AUDITOR),
    MANAGE_POLICIES: (CONTROLLER,),
    VIEW_LIMITS: (*FINANCE, AUDITOR),
    MANAGE_LIMITS: (CONTROLLER,),
}
