"""The seven roles. Each app's `permissions.py` says which of them hold which permission."""

from typing import Final

PREPARER: Final = "preparer"
REVIEWER: Final = "reviewer"
APPROVER: Final = "approver"
CONTROLLER: Final = "controller"
AUDITOR: Final = "auditor"
INTEGRATION: Final = "integration"
ADMINISTRATOR: Final = "administrator"

ROLES: Final = (
    PREPARER,
    REVIEWER,
    APPROVER,
    CONTROLLER,
    AUDITOR,
    INTEGRATION,
    ADMINISTRATOR,
)

# Everybody who works on the close and may therefore look at its figures.
FINANCE: Final = (PREPARER, REVIEWER, APPROVER, CONTROLLER)
READERS: Final = (*FINANCE, AUDITOR)
