"""What runs learned under which version of the rules."""

from __future__ import annotations

from typing import Any

from apps.reconciliation.models import LearnedWeights, RuleSetVersion, Run


def learned_under(version: RuleSetVersion) -> list[LearnedWeights]:
    """The weights that runs under this version take, each with the run that learned them."""
    return list(
        LearnedWeights.objects.filter(rule_set=version).select_related("run").order_by("pass_name")
    )


def learned_of(run: Run) -> list[LearnedWeights]:
    """The learned weights that the run's outcome goes by: its own, or those of a run before."""
    known = LearnedWeights.objects.filter(rule_set_id=run.rule_set_id).select_related("run")
    if run.finished_at is not None:
        known = known.filter(run__finished_at__lte=run.finished_at)
    return list(known.order_by("pass_name"))


def weights_by_pass(learned: list[LearnedWeights]) -> dict[str, dict[str, Any]]:
    """As `RuleSet.with_learned` takes them."""
    return {each.pass_name: each.weights for each in learned}
