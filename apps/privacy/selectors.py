"""The key ring in force."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from apps.privacy.keyring import KeyRing


def key_ring() -> KeyRing:
    """The ring that the settings name; read once."""
    return _read(settings.FINFLOW_KEY_RING)


@cache
def _read(text: str) -> KeyRing:
    return KeyRing.from_text(text)
