"""Ask, decide, withdraw; and the policies that say who has to."""

from apps.approvals.services.asking import request_approval, supersede_requests, withdraw
from apps.approvals.services.deciding import decide
from apps.approvals.services.policies import define_policy, retire_policy

__all__ = [
    "decide",
    "define_policy",
    "request_approval",
    "retire_policy",
    "supersede_requests",
    "withdraw",
]
