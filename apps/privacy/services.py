"""Keep bytes where only the key ring opens them."""

from __future__ import annotations

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.privacy.keyring import Unreadable
from apps.privacy.selectors import key_ring, sealed_content


def keep_sealed(name: str, content: bytes, label: str) -> str:
    """Seal the bytes and store them; bytes that are stored already are not stored again.

    What lies there is opened and compared first: a process that died while it was writing may
    have left half a file, and half a file must not be taken for the whole.

    Args:
        name: where to store them; it ends in their SHA-256.
        label: what `apps.privacy.keyring.KeyRing.seal` asks for.

    Returns:
        The name under which the storage has them.
    """
    if _holds(name, content, label):
        return name
    return default_storage.save(name, ContentFile(key_ring().seal(content, label)))


def _holds(name: str, content: bytes, label: str) -> bool:
    try:
        return sealed_content(name, label) == content
    except (FileNotFoundError, Unreadable):
        return False
