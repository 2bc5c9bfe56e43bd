"""Rules of a match type: proposed, approved where a policy asks for it, and then in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog
from django.db import transaction
from django.urls import reverse

from apps.approvals.models import Request
from apps.approvals.selectors import open_request_for
from apps.approvals.services import request_approval, supersede_requests, use_approval
from apps.approvals.states import RequestStatus
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import Refusal, StaleVersion
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.reconciliation.errors import MatchTypeInvalid, RulesNotApproved, RulesOutdated
from apps.reconciliation.locks import match_type_for_update, rule_set_for_update
from apps.reconciliation.matching import RuleSet, RulesInvalid
from apps.reconciliation.models import MatchType, RuleSetAdoption, RuleSetVersion
from apps.reconciliation.permissions import MANAGE_MATCH_TYPES
from apps.reconciliation.selectors.rule_sets import rules_in_force
from apps.reconciliation.states import AdoptionBasis

ITEM_TYPE = "matching_rules"
NOTIFY_TASK = "apps.reconciliation.tasks.settle_rules"
_LONGEST_NAME = 150  # a request's title takes 200 characters

logger = structlog.get_logger(__name__)


@transaction.atomic
def change_rules(
    *,
    match_type_id: int,
    rules: Mapping[str, Any],
    actor: User,
    expected_version: int | None = None,
) -> RuleSetVersion:
    """Propose other rules for runs to come; rules that stand or wait already change nothing.

    Where a policy asks for an approval of "matching_rules", the version waits for somebody else
    to approve it, and an earlier one that still waited is withdrawn from decision. Without a
    policy it is in force at once.

    Args:
        expected_version: number of the newest version that the actor saw; None asks nothing.

    Returns:
        The version; `selectors.rule_set_status` says whether it is in force.

    Raises:
        NotVisible, NotPermitted: not this actor.
        MatchTypeInvalid: the rules have a fault (path named).
        StaleVersion: somebody proposed other rules meanwhile.
    """
    match_type = match_type_for_update(match_type_id, actor=actor)
    authorize(actor, MANAGE_MATCH_TYPES, entity_id=match_type.entity_id)
    digest = read_rules(rules).digest
    in_force = rules_in_force(match_type)
    if in_force is not None and in_force.digest == digest:
        return in_force
    newest: RuleSetVersion = match_type.rule_sets.latest("number")
    waits = open_request_for(newest) is not None
    if waits and newest.digest == digest:
        return newest
    if expected_version is not None and newest.number != expected_version:
        raise StaleVersion(version_now=newest.number)
    if waits:
        supersede_requests(subject=newest, actor=actor)
    return add_version(match_type, rules, number=newest.number + 1, actor=actor)


@transaction.atomic
def adopt_rules(*, version_id: int, actor: User) -> RuleSetAdoption:
    """Put an approved version in force for runs to come; a second call changes nothing.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RulesNotApproved: exactly these rules are not approved.
        RulesOutdated: a newer version is in force.
    """
    version = rule_set_for_update(version_id, actor=actor)
    authorize(actor, MANAGE_MATCH_TYPES, entity_id=version.match_type.entity_id)
    known = RuleSetAdoption.objects.filter(version=version).first()
    if known is not None:
        return known
    request = use_approval(subject=version, subject_hash=version.digest, actor=actor)
    if request is None:
        raise RulesNotApproved
    in_force = rules_in_force(version.match_type)
    if in_force is not None and in_force.number > version.number:
        raise RulesOutdated
    return _adopt(version, basis=AdoptionBasis.APPROVED, request=request, actor=actor)


def settle_rules(*, request_id: int) -> RuleSetAdoption | None:
    """What the decision on a request does to its rules: approved ones take effect.

    Runs as the system after a decision; running it again changes nothing.

    Returns:
        The adoption, or None if the rules are not approved or a newer version is in force.
    """
    request = Request.objects.get(pk=request_id)
    if request.status != RequestStatus.APPROVED:
        return None
    try:
        return adopt_rules(version_id=int(request.subject_id), actor=system_user())
    except Refusal as refusal:
        logger.warning("approved_rules_not_adopted", request_id=request_id, code=refusal.code)
        return None


def add_version(
    match_type: MatchType, rules: Mapping[str, Any], *, number: int, actor: User
) -> RuleSetVersion:
    """The rules as the next version, the first included; the caller holds the match type.

    It waits for an approval where a policy asks for one, and is in force at once otherwise.

    Raises:
        MatchTypeInvalid: names the path of the fault.
    """
    version = RuleSetVersion.objects.create(
        match_type=match_type,
        number=number,
        rules=dict(rules),
        digest=read_rules(rules).digest,
        created_by=actor,
    )
    record(
        actor=actor,
        action="reconciliation.rule_set.add",
        subject=version,
        entity_id=match_type.entity_id,
        number=version.number,
        digest=version.digest,
    )
    if _ask(version, actor) is None:
        _adopt(version, basis=AdoptionBasis.NO_POLICY, actor=actor)
    return version


def require_rules(match_type: MatchType) -> RuleSetVersion:
    """The rules in force.

    Raises:
        RulesNotApproved: the first rules of the match type are not approved yet.
    """
    version = rules_in_force(match_type)
    if version is None:
        raise RulesNotApproved
    return version


def _adopt(
    version: RuleSetVersion,
    *,
    basis: AdoptionBasis,
    actor: User,
    request: Request | None = None,
) -> RuleSetAdoption:
    """Write down that the version is in force from now on, and why it may be."""
    adoption = RuleSetAdoption.objects.create(
        version=version, basis=basis, request=request, adopted_by=actor
    )
    record(
        actor=actor,
        action="reconciliation.rule_set.adopt",
        subject=version,
        entity_id=version.match_type.entity_id,
        number=version.number,
        digest=version.digest,
        basis=basis.value,
    )
    return adoption


def read_rules(rules: Mapping[str, Any]) -> RuleSet:
    """The rule set for the kernel.

    Raises:
        MatchTypeInvalid: names the path of the fault.
    """
    if not isinstance(rules, Mapping):
        raise MatchTypeInvalid("Rules are a JSON object.", field="rules")
    if "\\u0000" in json.dumps(rules, default=str):
        raise MatchTypeInvalid("A text has a character that cannot be stored.", field="rules")
    try:
        return RuleSet.from_mapping(rules)
    except RulesInvalid as error:
        raise MatchTypeInvalid(str(error), field="rules") from None


def _ask(version: RuleSetVersion, actor: User) -> Request | None:
    match_type = version.match_type
    return request_approval(
        entity_id=match_type.entity_id,
        item_type=ITEM_TYPE,
        subject=version,
        subject_hash=version.digest,
        title=f"Matching rules: {match_type.name[:_LONGEST_NAME]}, version {version.number}",
        url=reverse("reconciliation:rules", args=[match_type.pk]),
        maker=actor,
        notify_task=NOTIFY_TASK,
        actor=actor,
    )
