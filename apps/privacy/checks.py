"""A key ring that cannot be read stops the start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from apps.privacy.keyring import KeyRing, KeyRingMalformed


@checks.register("settings")
def check_key_ring(**kwargs: Any) -> list[checks.CheckMessage]:
    """One error that names the part at fault."""
    if not settings.FINFLOW_KEY_RING:
        return []  # reported as missing by config.checks
    try:
        KeyRing.from_text(settings.FINFLOW_KEY_RING)
    except KeyRingMalformed as error:
        return [
            checks.Error(
                f"FINFLOW_KEY_RING is malformed: {error};"
                " set FINFLOW_KEY_RING=1:<base64 of 32 random bytes>",
                id="finflow.E003",
            )
        ]
    return []
