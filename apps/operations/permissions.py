from typing import Final

from apps.common.roles import ADMINISTRATOR, CONTROLLER

VIEW_OPERATIONS: Final = "operations.view_operations"

HOLDERS = {VIEW_OPERATIONS: (ADMINISTRATOR, CONTROLLER)}
