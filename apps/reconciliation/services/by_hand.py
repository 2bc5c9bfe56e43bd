"""A run anew does not undo what people did: matches by hand, matches taken back, corrections.

The kernel knows rules alone. Here its items lose what is matched by hand, and its outcome loses
the groups that were taken back, and breaks that people split or explained anew are put so again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from apps.common.money import to_ten_thousandths
from apps.reconciliation.matching import Matched, Outcome, RuleSet, Watch, matched, unwatched
from apps.reconciliation.matching.proof import exchanged, proved
from apps.reconciliation.matching.schemas import Ints
from apps.reconciliation.models import (
    Break,
    BreakItem,
    GroupRevocation,
    MatchGroup,
    Revision,
    Run,
)
from apps.reconciliation.selectors.items import Population
from apps.reconciliation.services.revising import (
    FORCED,
    NewBreak,
    Part,
    open_alone,
    part_of,
)
from apps.reconciliation.states import RevisionKind, RunStatus, Side

Records = frozenset[int]


@dataclass(frozen=True)
class Rewrite:
    """A break of this cause and these records was replaced by people, by these breaks."""

    cause: str
    records: Records
    replacements: list[NewBreak]


@dataclass(frozen=True)
class HandWork:
    """Everything that people did to the outcomes of a match type and that still counts."""

    forced: list[MatchGroup] = field(default_factory=list)
    revoked: dict[Records, str] = field(default_factory=dict)
    rewrites: list[Rewrite] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.forced or self.revoked or self.rewrites)


def reconciled(run: Run, items: Population, rules: RuleSet, watch: Watch = unwatched) -> Matched:
    """What the rules make on what people left to them, with what people did put back."""
    work = hand_work(run, lambda: items.ids)
    taken = {pk for forced in work.forced for pk in forced.record_ids}
    left, right = (
        side.filter(~pl.col("id").is_in(list(taken))) if taken else side
        for side in (items.left, items.right)
    )
    found = matched(left, right, rules, as_of=run.ends_on, watch=watch)
    turned = items.right.with_columns(pl.col("amount") * rules.right_sign)
    sides = {Side.LEFT.value: items.left, Side.RIGHT.value: turned}
    return put_back(found, work, run, rules, totals=sides, currencies=sides)


def put_back(
    found: Matched,
    work: HandWork,
    run: Run,
    rules: RuleSet,
    *,
    totals: dict[str, pl.DataFrame],
    currencies: dict[str, pl.DataFrame],
) -> Matched:
    """What the rules found with what people did; then it is explained already, and proved again.

    Args:
        totals: by side, `currency` and `amount` of all items in the left side's sense.
        currencies: by side, `id` and `currency` of items, of those at least that are in groups of
            passes that convert.
    """
    if not work:
        return found
    outcome = _without_revoked(found.explained(), run, work, rules)
    outcome = _rewritten(outcome, work.rewrites, rules)
    outcome = _with_forced(outcome, work, run)
    exchange = exchanged(currencies, outcome.groups, outcome.items, rules)
    proof = proved(totals, outcome.groups, outcome.breaks, exchange)
    return Matched.of(replace(outcome, proof=proof))


def hand_work(run: Run, present_ids: Callable[[], tuple[Ints, Ints]]) -> HandWork:
    """What people did to this match type's outcomes and that concerns these items.

    Args:
        present_ids: the items of either side, asked for only if people did something.
    """
    if not Revision.objects.filter(run__match_type_id=run.match_type_id).exists():
        return HandWork()  # as nearly always: millions of ids need not be looked at
    present = {pk for side in present_ids() for pk in side.tolist()}
    return HandWork(_forced(run, present), _revoked(run, present), _rewrites(run, present))


def _forced(run: Run, present: set[int]) -> list[MatchGroup]:
    """Matches by hand in the runs that stand, the newest first where two share a record."""
    groups = MatchGroup.objects.filter(
        run__match_type_id=run.match_type_id, run__status=RunStatus.COMPLETED, status=FORCED
    )
    kept: list[MatchGroup] = []
    taken: set[int] = set()
    for group in groups.order_by("-pk"):
        if group.record_ids <= present and not group.record_ids & taken:
            kept.append(group)
            taken |= group.record_ids
    return kept


def _revoked(run: Run, present: set[int]) -> dict[Records, str]:
    """The records of every group that was taken back and not permitted again, and why."""
    revocations = GroupRevocation.objects.filter(
        revision__run__match_type_id=run.match_type_id, permit__isnull=True
    ).select_related("group", "revision")
    found = {}
    for revocation in revocations.order_by("pk"):
        records = revocation.group.record_ids
        if records <= present:
            found[records] = revocation.revision.reason
    return found


def _rewrites(run: Run, present: set[int]) -> list[Rewrite]:
    """Breaks of any run that people split or corrected, the oldest first."""
    closed = Break.ever.filter(
        run__match_type_id=run.match_type_id,
        closure__revision__kind__in=[RevisionKind.SPLIT, RevisionKind.CORRECT],
    ).select_related("closure")
    rewrites = []
    for broken in closed.order_by("closure__pk"):
        made = Break.ever.filter(revision_id=broken.closure.revision_id).order_by("number")
        replacements = [_as_new(run, each) for each in made]
        records = frozenset(pk for new in replacements for _, pk, _ in new.part.members)
        if records <= present:
            rewrites.append(Rewrite(broken.cause, records, replacements))
    return rewrites


def _as_new(run: Run, broken: Break) -> NewBreak:
    items = BreakItem.ever.filter(broken=broken).order_by("side", "record_id")
    part = part_of(run, items.values_list("side", "record_id"))
    return NewBreak(part, broken.cause, broken.state, broken.reason, broken.evidence)


def _without_revoked(outcome: Outcome, run: Run, work: HandWork, rules: RuleSet) -> Outcome:
    """Groups of exactly such records are opened: each item is a break of its own."""
    members = _members(outcome.items, "group_no", {pk for each in work.revoked for pk in each})
    gone = {number for number, records in members.items() if records in work.revoked}
    if not gone:
        return outcome
    opened: list[NewBreak] = []
    for row in outcome.groups.filter(pl.col("group_no").is_in(list(gone))).iter_rows(named=True):
        items = outcome.items.filter(pl.col("group_no") == row["group_no"])
        said = work.revoked[members[row["group_no"]]]
        opened += open_alone(
            run,
            items.select("side", "item_id").iter_rows(),
            reason=f"{row['pass_name']} would match it, and that was taken back before: {said}",
            evidence={"pass_name": row["pass_name"], "said": said},
        )
    keep = ~pl.col("group_no").is_in(list(gone))
    kept = replace(outcome, groups=outcome.groups.filter(keep), items=outcome.items.filter(keep))
    return _with_breaks(kept, opened, rules)


def _rewritten(outcome: Outcome, rewrites: Sequence[Rewrite], rules: RuleSet) -> Outcome:
    """Breaks that people replaced are replaced again, one replacement after the other."""
    for rewrite in rewrites:
        members = _members(outcome.break_items, "break_no", set(rewrite.records))
        numbers = [number for number, found in members.items() if found == rewrite.records]
        is_same = pl.col("break_no").is_in(numbers) & (pl.col("cause") == rewrite.cause)
        if outcome.breaks.filter(is_same).is_empty():
            continue
        keep = ~pl.col("break_no").is_in(numbers)
        kept = replace(
            outcome,
            breaks=outcome.breaks.filter(keep),
            break_items=outcome.break_items.filter(keep),
        )
        outcome = _with_breaks(kept, rewrite.replacements, rules)
    return outcome


def _members(items: pl.DataFrame, number: str, wanted: set[int]) -> dict[int, Records]:
    """The records of each group or break that holds one of the wanted ones."""
    touched = items.filter(pl.col("item_id").is_in(list(wanted)))[number].unique()
    whole = items.filter(pl.col(number).is_in(touched.implode()))
    return {
        no: frozenset(ids) for no, ids in whole.group_by(number).agg(pl.col("item_id")).iter_rows()
    }


def _with_breaks(outcome: Outcome, opened: Sequence[NewBreak], rules: RuleSet) -> Outcome:
    rows, items = [], []
    for number, new in enumerate(opened, _next(outcome.breaks, "break_no")):
        amounts = _amounts(new.part)
        rows.append(
            {
                "break_no": number,
                "cause": new.cause,
                "state": new.state,
                "currency": new.part.currency,
                "left_total": amounts[0],
                "right_total": amounts[1],
                "amount": amounts[2],
                "is_material": abs(amounts[2]) >= rules.materiality,
                "reason": new.reason,
                "evidence": json.dumps(new.evidence, ensure_ascii=False),
            }
        )
        items += [
            {"break_no": number, "side": side.value, "item_id": pk}
            for side, pk, _ in new.part.members
        ]
    return replace(
        outcome,
        breaks=_grown(outcome.breaks, rows),
        break_items=_grown(outcome.break_items, items),
    )


def _with_forced(outcome: Outcome, work: HandWork, run: Run) -> Outcome:
    rows, items = [], []
    for number, forced in enumerate(work.forced, _next(outcome.groups, "group_no")):
        part = part_of(run, forced.members)
        amounts = _amounts(part)
        rows.append(
            {
                "group_no": number,
                "pass_name": forced.pass_name,
                "rule_digest": run.rule_set.digest,
                "status": FORCED,
                "currency": part.currency,
                "left_total": amounts[0],
                "right_total": amounts[1],
                "difference": amounts[2],
                "reasons": json.dumps(forced.reasons, ensure_ascii=False),
            }
        )
        items += [
            {
                "group_no": number,
                "side": side.value,
                "item_id": pk,
                "allocated": to_ten_thousandths(amount),
            }
            for side, pk, amount in part.members
        ]
    return replace(outcome, groups=_grown(outcome.groups, rows), items=_grown(outcome.items, items))


def _next(frame: pl.DataFrame, column: str) -> int:
    """The number after the highest in a column; 1 if there is none."""
    return int(frame.select(pl.col(column).max().fill_null(0)).item()) + 1


def _amounts(part: Part) -> tuple[int, int, int]:
    """Left total, right total and their difference in ten-thousandths."""
    left, right = to_ten_thousandths(part.left_total), to_ten_thousandths(part.right_total)
    return left, right, left - right


def _grown(frame: pl.DataFrame, rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.concat([frame, pl.DataFrame(list(rows), schema=frame.schema)])
