from typing import Final

from apps.common.roles import APPROVER, CONTROLLER, FINANCE

READ_CONFIDENTIAL: Final = "privacy.read_confidential"
READ_RESTRICTED: Final = "privacy.read_restricted"

HOLDERS = {
    READ_CONFIDENTIAL: FINANCE,
    READ_RESTRICTED: (CONTROLLER, APPROVER),
}
