"""Signatures as the Standard Webhooks specification 1.0.0 has them (symmetric, "v1").

The secret is written as "whsec_" and the base64 of its bytes. What is signed is
"<id>.<timestamp>.<body>", by HMAC-SHA256; the header lists one signature for each secret that
holds, so that a secret can be changed without a gap.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """A fresh random secret of 32 bytes, as it is shown to people."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(
    *, message_id: str, timestamp: int, body: bytes, secrets_in_force: Iterable[str]
) -> dict[str, str]:
    """The three headers of a message.

    Args:
        message_id: stays the same however often the message is sent; has no full stop.
        timestamp: of this attempt, in seconds since 1970.
        secrets_in_force: the newest first.
    """
    signatures = (_signature(secret, message_id, timestamp, body) for secret in secrets_in_force)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
