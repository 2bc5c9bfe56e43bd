"""What the embedded environment refuses with: one line that says what is wrong and what to do."""

from __future__ import annotations


class EmbeddedUnavailable(RuntimeError):
    """The embedded servers cannot be had on this machine, with the reason as its text."""
