"""How much hypothesis tries where each example is costly.

Every run of `bin/test` tries others, so few a run are many a week; before a release
`TEST_EXAMPLES_TIMES=20 bin/test tests/reconciliation/matching` tries twenty times as many.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def examples(count: int) -> int:
    """This many, or as many times more as the environment asks for."""
    return count * int(os.environ.get("TEST_EXAMPLES_TIMES", "1"))


def slow(count: int) -> settings:
    """So many examples, each of which may take its time."""
    return settings(
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=examples(count),
    )
