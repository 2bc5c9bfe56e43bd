from typing import Final

from apps.common.roles import ADMINISTRATOR, AUDITOR, CONTROLLER

VIEW_EVENTS: Final = "audit.view_events"

HOLDERS = {VIEW_EVENTS: (AUDITOR, CONTROLLER, ADMINISTRATOR)}
