"""Reporting shows what other apps hold, under their permissions.

Taking a report out of the house is a right of its own, since nobody sees what is done with it.
"""

from typing import Final

from apps.common.roles import READERS

DOWNLOAD_REPORTS: Final = "reporting.download_reports"

HOLDERS: Final[dict[str, tuple[str, ...]]] = {DOWNLOAD_REPORTS: READERS}
