"""Try rules on what a run compared, without storing anything: what would come out otherwise?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

import polars as pl

from apps.common.access import authorize
from apps.common.money import from_ten_thousandths
from apps.identity.models import User
from apps.reconciliation.errors import RulesUntried
from apps.reconciliation.matching import ItemsInvalid, NotOptimal, Outcome, reconcile
from apps.reconciliation.models import Run
from apps.reconciliation.permissions import PREVIEW_RULES
from apps.reconciliation.selectors.items import items_of_run
from apps.reconciliation.selectors.outcomes import run_seen_by
from apps.reconciliation.services.learning import rules_to_run
from apps.reconciliation.services.rule_sets import read_rules
from apps.reconciliation.services.standing import require_standing

_SAMPLE = 50


@dataclass(frozen=True)
class TriedGroup:
    """A group that only one of the two outcomes has."""

    records: tuple[int, ...]
    pass_name: str
    currency: str
    difference: Decimal


@dataclass(frozen=True)
class CauseCount:
    """Breaks of one cause before and after."""

    cause: str
    before: int
    after: int


@dataclass(frozen=True)
class Preview:
    """What rules would have made of a run's items, beside what the run made of them.

    Attributes:
        match_rate_before, match_rate_after: matched items in percent of all, two decimals, cut.
        same_groups: groups of the same records in both.
        groups_gone, groups_new: how many are only in the run, only in the preview.
        gone, new: up to 50 of these.
        is_same: nothing differs at all.
    """

    run: Run
    item_count: int
    match_rate_before: Decimal
    match_rate_after: Decimal
    groups_before: int
    groups_after: int
    same_groups: int
    groups_gone: int
    groups_new: int
    gone: list[TriedGroup]
    new: list[TriedGroup]
    breaks_before: int
    breaks_after: int
    causes: list[CauseCount]

    @property
    def is_same(self) -> bool:
        return not (self.groups_gone or self.groups_new) and all(
            line.before == line.after for line in self.causes
        )


def preview_rules(*, run_id: int, rules: Mapping[str, Any], actor: User) -> Preview:
    """Match the items of a run that stands by other rules; nothing is stored.

    Both outcomes are the rules' own: the run's rules are applied anew too, so that what people
    did to the run does not count as a difference of the rules.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        MatchTypeInvalid: the rules have a fault (path named).
        RulesUntried: the items do not fit the rules.
    """
    run = run_seen_by(actor, run_id)
    authorize(actor, PREVIEW_RULES, entity_id=run.entity_id)
    require_standing(run)
    proposed = read_rules(rules)
    left, right = items_of_run(run)
    stamped = rules_to_run(run.rule_set)
    if proposed.digest == stamped.digest:
        proposed = stamped  # other rules would learn anew, these have learned
    try:
        before = reconcile(left, right, stamped, as_of=run.ends_on)
        after = reconcile(left, right, proposed, as_of=run.ends_on)
    except (ItemsInvalid, NotOptimal) as fault:
        raise RulesUntried(str(fault)) from None
    return _compared(run, before, after, left.height + right.height)


def _compared(run: Run, before: Outcome, after: Outcome, item_count: int) -> Preview:
    old, new = _groups(before), _groups(after)
    gone, added = old.keys() - new.keys(), new.keys() - old.keys()
    return Preview(
        run=run,
        item_count=item_count,
        match_rate_before=_rate(before, item_count),
        match_rate_after=_rate(after, item_count),
        groups_before=before.groups.height,
        groups_after=after.groups.height,
        same_groups=len(old.keys() & new.keys()),
        groups_gone=len(gone),
        groups_new=len(added),
        gone=[old[key] for key in sorted(gone)[:_SAMPLE]],
        new=[new[key] for key in sorted(added)[:_SAMPLE]],
        breaks_before=before.breaks.height,
        breaks_after=after.breaks.height,
        causes=_causes(before, after),
    )


def _groups(outcome: Outcome) -> dict[tuple[int, ...], TriedGroup]:
    """The groups by their records."""
    members = outcome.items.group_by("group_no").agg(pl.col("item_id").sort())
    rows = outcome.groups.join(members, on="group_no").sort("group_no")
    return {
        tuple(row["item_id"]): TriedGroup(
            records=tuple(row["item_id"]),
            pass_name=row["pass_name"],
            currency=row["currency"],
            difference=from_ten_thousandths(row["difference"]),
        )
        for row in rows.iter_rows(named=True)
    }


def _causes(before: Outcome, after: Outcome) -> list[CauseCount]:
    old, new = (Counter(outcome.breaks["cause"].to_list()) for outcome in (before, after))
    return [CauseCount(cause, old[cause], new[cause]) for cause in sorted(old | new)]


def _rate(outcome: Outcome, item_count: int) -> Decimal:
    if not item_count:
        return Decimal("100.00")
    share = Decimal(outcome.items.height) * 100 / item_count
    return share.quantize(Decimal("0.01"), ROUND_DOWN)
