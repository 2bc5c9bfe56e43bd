from typing import Final

from apps.common.roles import AUDITOR, CONTROLLER, READERS

VIEW_EVIDENCE: Final = "compliance.view_evidence"
BUILD_EVIDENCE: Final = "compliance.build_evidence"
DOWNLOAD_EVIDENCE: Final = "compliance.download_evidence"
MANAGE_CONTROLS: Final = "compliance.manage_controls"

HOLDERS = {
    VIEW_EVIDENCE: READERS,
    BUILD_EVIDENCE: (CONTROLLER,),
    DOWNLOAD_EVIDENCE: (CONTROLLER, AUDITOR),
    MANAGE_CONTROLS: (CONTROLLER,),
}
