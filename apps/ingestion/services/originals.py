"""The bytes as they arrived, sealed before anything is decided about them."""

from __future__ import annotations

import hashlib

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.ingestion.models import Source
from apps.ingestion.states import ORIGINAL_LABEL
from apps.privacy.keyring import Unreadable
from apps.privacy.selectors import key_ring


def keep_original(source: Source, sha256: str, content: bytes) -> str:
    """Seal the bytes and store them; bytes that are stored already are not stored again.

    What lies there is opened and compared first: a process that died while it was writing may
    have left half a file, and half a file must not be taken for the original.

    Returns:
        The name under which the storage has them.
    """
    name = f"imports/{source.entity_id}/{source.pk}/{sha256}"
    if _holds(name, sha256):
        return name
    sealed = key_ring().seal(content, ORIGINAL_LABEL)
    return default_storage.save(name, ContentFile(sealed))


def _holds(name: str, sha256: str) -> bool:
    if not default_storage.exists(name):
        return False
    with default_storage.open(name) as stored:
        try:
            content = key_ring().unseal(stored.read(), ORIGINAL_LABEL)
        except Unreadable:
            return False
    return hashlib.sha256(content).hexdigest() == sha256
