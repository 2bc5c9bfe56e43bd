from typing import Final

from apps.common.roles import CONTROLLER, FINANCE, INTEGRATION, READERS

VIEW_CLOSE: Final = "close.view_close"
MANAGE_TEMPLATES: Final = "close.manage_templates"
OPEN_RUN: Final = "close.open_run"
RETRY_TASK: Final = "close.retry_task"
COMPLETE_TASK: Final = "close.complete_task"

HOLDERS = {
    VIEW_CLOSE: (*READERS, INTEGRATION),
    MANAGE_TEMPLATES: (CONTROLLER,),
    OPEN_RUN: (CONTROLLER,),
    RETRY_TASK: FINANCE,
    COMPLETE_TASK: FINANCE,
}
