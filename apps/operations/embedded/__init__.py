"""FinFlow on one machine with nothing but Python: its own PostgreSQL, Redis and secrets.

See docs/explanation/embedded-mode.md. Pure Python, free of Django: it runs before settings exist.
"""

from apps.operations.embedded.environment import Environment, ensure_environment, joined_environment
from apps.operations.embedded.errors import EmbeddedUnavailable

__all__ = [
    "EmbeddedUnavailable",
    "Environment",
    "ensure_environment",
    "joined_environment",
]
