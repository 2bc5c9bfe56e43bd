"""Reporting shows what other apps hold, under their permissions."""

from typing import Final

HOLDERS: Final[dict[str, tuple[str, ...]]] = {}
