"""What tests read of a page."""

from __future__ import annotations

from typing import Any


def text(answer: Any) -> str:
    """The page as it was sent, with its white space folded."""
    return " ".join(answer.content.decode().split())
