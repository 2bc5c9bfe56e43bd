"""The key ring in force, and what was sealed by it."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.core.files.storage import default_storage

from apps.privacy.keyring import KeyRing


def key_ring() -> KeyRing:
    """The ring that the settings name; read once."""
    return _read(settings.FINFLOW_KEY_RING)


def sealed_content(name: str, label: str) -> bytes:
    """What `keep_sealed` stored under the name.

    Raises:
        FileNotFoundError: nothing is stored there.
        Unreadable: it was altered, belongs elsewhere, or its key is gone.
    """
    with default_storage.open(name) as stored:
        return key_ring().unseal(stored.read(), label)


@cache
def _read(text: str) -> KeyRing:
    return KeyRing.from_text(text)
