"""How sensitive a field is, and what each class asks for."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from apps.privacy.permissions import READ_CONFIDENTIAL, READ_RESTRICTED


class Classification(StrEnum):
    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


NEEDED: Final[dict[Classification, str | None]] = {
    Classification.PUBLIC: None,
    Classification.INTERNAL: None,
    Classification.CONFIDENTIAL: READ_CONFIDENTIAL,
    Classification.RESTRICTED: READ_RESTRICTED,
}
"""The permission that shows a value of the class in clear."""
