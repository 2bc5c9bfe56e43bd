"""The register of pass kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from apps.reconciliation.matching.classes import PassSide
from apps.reconciliation.matching.found import Found
from apps.reconciliation.matching.pass_rules import Pass

Matcher: TypeAlias = Callable[[PassSide, PassSide, Pass], Found]

_MATCHERS: dict[str, Matcher] = {}


def pass_kind(name: str) -> Callable[[Matcher], Matcher]:
    """Register a function as the one that runs passes of this kind."""

    def register(matcher: Matcher) -> Matcher:
        _MATCHERS[name] = matcher
        return matcher

    return register


def match_by(step: Pass, left: PassSide, right: PassSide) -> Found:
    """Run one pass over the open items of both sides."""
    return _MATCHERS[step.kind](left, right, step)


def registered_kinds() -> tuple[str, ...]:
    """The names of all kinds, sorted."""
    return tuple(sorted(_MATCHERS))
