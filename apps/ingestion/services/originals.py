"""The bytes as they arrived, sealed before anything is decided about them."""

from __future__ import annotations

from apps.ingestion.models import Source
from apps.ingestion.states import ORIGINAL_LABEL
from apps.privacy.services import keep_sealed


def keep_original(source: Source, sha256: str, content: bytes) -> str:
    """Seal the bytes and store them; bytes that are stored already are not stored again.

    Returns:
        The name under which the storage has them.
    """
    return keep_sealed(f"imports/{source.entity_id}/{source.pk}/{sha256}", content, ORIGINAL_LABEL)
