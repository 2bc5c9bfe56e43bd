"""Row locks of this app, in this order: match type, run, shard plan, shard, review."""

from __future__ import annotations

from apps.common.access import Actor, one_visible
from apps.reconciliation.models import (
    Break,
    BreakReview,
    MatchGroup,
    MatchType,
    ResolutionRule,
    RuleSetVersion,
    Run,
    ShardPlan,
)

# Session locks (apps.common.advisory) of the process at work on a shard, and on a run's end.
SHARD_AT_WORK = "reconciliation.shard"
FINISHING = "reconciliation.finish"


def match_type_for_update(match_type_id: int, *, actor: Actor) -> MatchType:
    """The match type's row, locked: runs of one match type take turns.

    Raises:
        NotVisible: no such match type for this actor.
    """
    return one_visible(
        MatchType.objects.granted_to(actor).select_for_update().filter(pk=match_type_id)
    )


def rule_set_for_update(version_id: int, *, actor: Actor) -> RuleSetVersion:
    """A version of rules with its match type, which is locked: versions take effect in turn.

    Raises:
        NotVisible: no such version for this actor.
    """
    version: RuleSetVersion = one_visible(
        RuleSetVersion.objects.granted_to(actor).filter(pk=version_id)
    )
    version.match_type = match_type_for_update(version.match_type_id, actor=actor)
    return version


def resolution_rule_for_update(rule_id: int, *, actor: Actor) -> ResolutionRule:
    """A resolution rule with its match type, which is locked: rules move in turn.

    Raises:
        NotVisible: no such rule for this actor.
    """
    match_type_id = one_visible(
        ResolutionRule.objects.granted_to(actor)
        .filter(pk=rule_id)
        .values_list("match_type_id", flat=True)
    )
    match_type = match_type_for_update(match_type_id, actor=actor)
    rule: ResolutionRule = ResolutionRule.objects.select_for_update().get(pk=rule_id)
    rule.match_type = match_type
    return rule


def run_for_execution(run_id: int) -> Run:
    """The run with its match type, both locked until the transaction ends.

    Raises:
        NotVisible: no such run.
    """
    match_type_id = one_visible(
        Run.objects.filter(pk=run_id).values_list("match_type_id", flat=True)
    )
    MatchType.objects.select_for_update().get(pk=match_type_id)
    run: Run = (
        Run.objects.select_for_update(of=("self",))
        .select_related("match_type", "rule_set")
        .get(pk=run_id)
    )
    return run


def plan_for_update(plan_id: int) -> ShardPlan | None:
    """The plan of a run in shards, locked: its shards are handed in one after the other.

    None if the run has ended, or was planned anew.
    """
    plan: ShardPlan | None = ShardPlan.objects.select_for_update().filter(pk=plan_id).first()
    return plan


def run_for_update(run_id: int, *, actor: Actor) -> Run:
    """The run's row, locked until the transaction ends: its outcome stays as it is meanwhile.

    Raises:
        NotVisible: no such run for this actor.
    """
    return one_visible(
        Run.objects.granted_to(actor)
        .select_for_update(of=("self",))
        .select_related("match_type", "rule_set", "entity")
        .filter(pk=run_id)
    )


def break_for_update(break_id: int, *, actor: Actor) -> Break:
    """A break, standing or not, with its run, which is locked: outcomes are changed in turn.

    Raises:
        NotVisible: no such break for this actor.
    """
    broken: Break = one_visible(Break.ever.granted_to(actor).filter(pk=break_id))
    broken.run = run_for_update(broken.run_id, actor=actor)
    return broken


def group_for_update(run_id: int, number: int, *, actor: Actor) -> MatchGroup:
    """A group, standing or not, with its run, which is locked.

    Raises:
        NotVisible: no such group for this actor.
    """
    run = run_for_update(run_id, actor=actor)
    group: MatchGroup = one_visible(MatchGroup.ever.filter(run=run, number=number))
    group.run = run
    return group


def live_run_for_update(run: Run) -> Run | None:
    """The run that stands for the same match type and days, locked; None if there is none."""
    found: Run | None = (
        Run.objects.live()
        .select_for_update()
        .filter(match_type_id=run.match_type_id, starts_on=run.starts_on, ends_on=run.ends_on)
        .first()
    )
    return found


def review_for_update(break_id: int, *, actor: Actor) -> BreakReview:
    """The review of a break, made if it is the first look; it and its run are locked.

    Raises:
        NotVisible: no such break for this actor.
    """
    run_id = one_visible(
        Break.objects.granted_to(actor).filter(pk=break_id).values_list("run_id", flat=True)
    )
    run = run_for_update(run_id, actor=actor)
    BreakReview.objects.get_or_create(broken_id=break_id)
    review: BreakReview = (
        BreakReview.objects.select_for_update(of=("self",))
        .select_related("broken")
        .get(broken_id=break_id)
    )
    review.broken.run = run
    return review
