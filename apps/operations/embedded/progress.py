"""Words for the person who waits: on standard error, so that a command's output stays clean."""

from __future__ import annotations

import sys


def tell(message: str) -> None:
    """Print one line of progress."""
    print(f"finflow: {message}", file=sys.stderr, flush=True)  # noqa: T201
