"""What fuzzy passes learn: kept with the run, used by later ones, never part of approved rules.

Weights that the rules do not give are estimated from the items of a run. Those that the first run
under a version of the rules learned hold for every run under it, so that a rerun changes nothing.
They become rules only if somebody proposes them, which is a change of the rules like any other.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.identity.models import User
from apps.reconciliation.errors import NothingLearned
from apps.reconciliation.locks import match_type_for_update
from apps.reconciliation.matching import Outcome, RuleSet
from apps.reconciliation.models import LearnedWeights, RuleSetVersion, Run
from apps.reconciliation.permissions import MANAGE_MATCH_TYPES
from apps.reconciliation.selectors.learning import learned_under, weights_by_pass
from apps.reconciliation.services.rule_sets import change_rules, read_rules, require_rules


def rules_to_run(version: RuleSetVersion) -> RuleSet:
    """The version's rules for the kernel, with what runs learned under them.

    Raises:
        MatchTypeInvalid: names the path of the fault.
    """
    return read_rules(version.rules).with_learned(weights_by_pass(learned_under(version)))


def keep_learned(run: Run, outcome: Outcome) -> None:
    """Write down the weights that the run estimated; its match type is locked meanwhile."""
    if not outcome.learned:
        return
    for name, weights in sorted(outcome.learned.items()):
        LearnedWeights.objects.create(
            run=run, rule_set=run.rule_set, pass_name=name, weights=weights
        )
    record(
        actor=run.requested_by,
        action="reconciliation.run.learn",
        subject=run,
        rule_set=run.rule_set.number,
        weights=outcome.learned,
    )


@transaction.atomic
def propose_learned(*, match_type_id: int, actor: User) -> RuleSetVersion:
    """Propose the rules in force with the weights which runs learned under them.

    Returns:
        The version that waits for its approval, or that is in force (see `change_rules`).

    Raises:
        NotVisible, NotPermitted: not this actor.
        RulesNotApproved: no rules are in force.
        NothingLearned: no run learned anything under them.
    """
    match_type = match_type_for_update(match_type_id, actor=actor)
    authorize(actor, MANAGE_MATCH_TYPES, entity_id=match_type.entity_id)
    version = require_rules(match_type)
    learned = weights_by_pass(learned_under(version))
    if not learned:
        raise NothingLearned
    rules = _given(version.rules, learned)
    return change_rules(match_type_id=match_type.pk, rules=rules, actor=actor)


def _given(rules: dict[str, Any], learned: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The rules with these weights written into their passes."""
    changed = deepcopy(rules)
    for step in changed["passes"]:
        if step["name"] in learned:
            step["likeness"]["weights"] = learned[step["name"]]
    return changed
