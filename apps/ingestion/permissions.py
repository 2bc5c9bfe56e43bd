from typing import Final

from apps.common.roles import CONTROLLER, INTEGRATION, PREPARER, READERS

VIEW_SOURCES: Final = "ingestion.view_sources"
MANAGE_SOURCES: Final = "ingestion.manage_sources"
IMPORT_FILE: Final = "ingestion.import_file"
CORRECT_LINE: Final = "ingestion.correct_line"

HOLDERS = {
    VIEW_SOURCES: (*READERS, INTEGRATION),
    MANAGE_SOURCES: (CONTROLLER,),
    IMPORT_FILE: (PREPARER, CONTROLLER, INTEGRATION),
    CORRECT_LINE: (PREPARER, CONTROLLER),
}
