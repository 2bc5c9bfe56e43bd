from typing import Final

from apps.common.roles import ADMINISTRATOR, AUDITOR, CONTROLLER

VIEW_ENDPOINTS: Final = "outbound.view_endpoints"
MANAGE_ENDPOINTS: Final = "outbound.manage_endpoints"

HOLDERS = {
    VIEW_ENDPOINTS: (ADMINISTRATOR, CONTROLLER, AUDITOR),
    MANAGE_ENDPOINTS: (ADMINISTRATOR, CONTROLLER),
}
