"""Stop the start with one clear line for each setting that is missing or malformed."""

from __future__ import annotations

import sys
from typing import Any

import django
from django.core import checks

from config.env import PROBLEMS


@checks.register("settings")
def check_environment(**kwargs: Any) -> list[checks.CheckMessage]:
    """One error per problem found while the settings were read, each a line with its remedy."""
    return [
        checks.Error(f"{problem.setting} {problem.reason}; {problem.remedy}", id="finflow.E001")
        for problem in PROBLEMS
    ]


def refuse_to_start_misconfigured() -> None:
    """End the process with status 78 (EX_CONFIG) and one line a fault.

    `manage.py` runs the checks itself; servers (granian, Celery) do not, hence this. Every check
    registered under "settings" is asked.
    """
    django.setup()
    faults = checks.run_checks(tags=["settings"])
    if not faults:
        return
    for fault in faults:
        sys.stderr.write(f"finflow: {fault.msg}\n")
    raise SystemExit(78)
