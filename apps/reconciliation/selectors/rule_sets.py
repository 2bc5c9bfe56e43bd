"""Which rules are in force, which wait, and how two rule sets differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from apps.approvals.models import Request
from apps.approvals.selectors import latest_request_for
from apps.reconciliation.matching import RuleSet
from apps.reconciliation.models import MatchType, RuleSetVersion
from apps.reconciliation.states import RuleSetStatus


@dataclass(frozen=True)
class VersionLine:
    """A version of the rules, where it stands, and the request about it if there was one."""

    version: RuleSetVersion
    status: RuleSetStatus
    request: Request | None


@dataclass(frozen=True)
class RuleChange:
    """One setting that differs: its path, and its value before and after ("" for none)."""

    path: str
    before: str
    after: str


def rules_in_force(match_type: MatchType) -> RuleSetVersion | None:
    """The version that runs started now go by; None while the first rules wait for approval."""
    versions: QuerySet[RuleSetVersion] = match_type.rule_sets.filter(adoption__isnull=False)
    return versions.order_by("-number").first()


def rules_shown(match_type: MatchType) -> RuleSetVersion:
    """The rules in force, or else the newest that somebody proposed."""
    return rules_in_force(match_type) or newest_rules(match_type)


def newest_rules(match_type: MatchType) -> RuleSetVersion:
    """The rules that were proposed last, whatever became of them."""
    newest: RuleSetVersion = match_type.rule_sets.latest("number")
    return newest


def rule_set_status(version: RuleSetVersion) -> RuleSetStatus:
    """Whether the version is in force, was, waits, or never came to be."""
    if hasattr(version, "adoption"):
        is_newest = rules_in_force(version.match_type) == version
        return RuleSetStatus.IN_FORCE if is_newest else RuleSetStatus.FORMER
    request = latest_request_for(version)
    if request is not None and request.is_open:
        return RuleSetStatus.PROPOSED
    return RuleSetStatus.NOT_APPROVED


def versions_of(match_type: MatchType) -> list[VersionLine]:
    """Every version of the match type's rules, newest first."""
    versions = match_type.rule_sets.select_related(
        "created_by", "adoption", "match_type"
    ).prefetch_related("learned")
    return [
        VersionLine(version, rule_set_status(version), latest_request_for(version))
        for version in versions.order_by("-number")
    ]


def rule_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[RuleChange]:
    """The settings in which two rule sets differ, defaults written out, by path.

    Raises:
        RulesInvalid: one of them is no rule set.
    """
    old, new = (
        dict(_leaves(RuleSet.from_mapping(rules).to_mapping())) for rules in (before, after)
    )
    paths = [*old, *(path for path in new if path not in old)]
    return [
        RuleChange(path, old.get(path, ""), new.get(path, ""))
        for path in paths
        if old.get(path) != new.get(path)
    ]


def thresholds(rules: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every setting of a rule set with its value, defaults written out, in their order."""
    return list(_leaves(RuleSet.from_mapping(rules).to_mapping()))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _leaves(below, f"{path}.{name}" if path else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if value and not isinstance(value[0], Mapping):
            yield path, ", ".join(str(each) for each in value)
        for index, below in enumerate(value):
            if isinstance(below, Mapping):
                yield from _leaves(below, f"{path}[{index + 1}]")
    else:
        yield path, "" if value is None else str(value)
