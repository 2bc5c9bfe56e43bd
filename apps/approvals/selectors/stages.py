"""The stages of a policy as it stores them: of a role or of named people; so many, or all.

`{"role": "approver", "count": 2}`, `{"people": ["bob", "beth"], "count": 1}`, and "all" for the
count: of a role everybody who can decide then, of named people each of them. With
`"within_limit": false` the step is a review: whoever decides at it needs no limit for the amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ALL = "all"


def people_named(stage: Mapping[str, Any]) -> frozenset[str]:
    """The user names that the stage names; empty where it asks for a role."""
    return frozenset(stage.get("people", ()))


def people_needed(stage: Mapping[str, Any]) -> int | None:
    """How many have to approve; None if it is everybody who holds the role."""
    if stage["count"] != ALL:
        return int(stage["count"])
    return len(people_named(stage)) or None


def is_within_limit(stage: Mapping[str, Any]) -> bool:
    """Whether the amount has to be within the limit of whoever decides at the stage."""
    return bool(stage.get("within_limit", True))


def least_people(stages: Iterable[Mapping[str, Any]]) -> int:
    """How many different people approve at least; everybody who holds a role may be one only."""
    return sum(people_needed(stage) or 1 for stage in stages)


def escalation_in_words(path: Sequence[Mapping[str, Any]]) -> str:
    """ "every controller, then connie may decide too"; without a path controllers are told."""
    added = [", ".join(sorted(people_named(one))) or f"every {one['role']}" for one in path]
    return f"{', then '.join(added)} may decide too" if added else "controllers are told"


def stage_in_words(stage: Mapping[str, Any]) -> str:
    """ "1 approver", "all approvers", "1 of beth, bob", "1 reviewer (whatever the amount)"."""
    whatever = "" if is_within_limit(stage) else " (whatever the amount)"
    names = ", ".join(sorted(people_named(stage)))
    if names:
        return f"{stage['count']} of {names}{whatever}"
    return f"{stage['count']} {stage['role']}{'' if stage['count'] == 1 else 's'}{whatever}"
