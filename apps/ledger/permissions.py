from typing import Final

from apps.common.roles import ADMINISTRATOR, CONTROLLER, INTEGRATION, PREPARER, READERS

VIEW_LEDGER: Final = "ledger.view_ledger"
MANAGE_CHART: Final = "ledger.manage_chart"
OPEN_PERIOD: Final = "ledger.open_period"
CLOSE_PERIOD: Final = "ledger.close_period"
REOPEN_PERIOD: Final = "ledger.reopen_period"
PREPARE_ENTRY: Final = "ledger.prepare_entry"
SUBMIT_ENTRY: Final = "ledger.submit_entry"
POST_ENTRY: Final = "ledger.post_entry"
POST_LATE: Final = "ledger.post_late"
POST_EXTRACT: Final = "ledger.post_extract"
REVERSE_ENTRY: Final = "ledger.reverse_entry"
PREPARE_ANALYSIS: Final = "ledger.prepare_analysis"
SET_THRESHOLD: Final = "ledger.set_threshold"

# Who prepares may post: where a second pair of eyes is needed, a policy of `approvals` says so.
HOLDERS = {
    VIEW_LEDGER: (*READERS, ADMINISTRATOR, INTEGRATION),
    MANAGE_CHART: (CONTROLLER, ADMINISTRATOR),
    OPEN_PERIOD: (CONTROLLER,),
    CLOSE_PERIOD: (CONTROLLER,),
    REOPEN_PERIOD: (CONTROLLER,),
    PREPARE_ENTRY: (PREPARER, CONTROLLER, INTEGRATION),
    SUBMIT_ENTRY: (PREPARER, CONTROLLER),
    POST_ENTRY: (PREPARER, CONTROLLER),
    POST_LATE: (CONTROLLER,),
    POST_EXTRACT: (PREPARER, CONTROLLER, INTEGRATION),
    REVERSE_ENTRY: (PREPARER, CONTROLLER),
    PREPARE_ANALYSIS: (PREPARER, CONTROLLER),
    SET_THRESHOLD: (CONTROLLER,),
}
