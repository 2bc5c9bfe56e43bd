"""Digests of texts that the document prints word for word."""

from __future__ import annotations

import hashlib


def digest_of_text(text: str) -> str:
    """SHA-256 of a text as UTF-8, lower-case hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
