"""Change an outcome by hand: facts stay, rows of their own close them, and the proof is redone.

A revision closes breaks and revokes groups, and puts breaks or one group of the same records in
their place. Whatever stood beside them stays as it was.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import Max, Sum

from apps.approvals.services import supersede_requests
from apps.audit.services import canonical_bytes, record
from apps.common.money import from_ten_thousandths, plain, to_ten_thousandths
from apps.identity.models import User
from apps.ingestion.models import Record
from apps.reconciliation.errors import ProofFailed, ReasonMissing
from apps.reconciliation.matching import RuleSet
from apps.reconciliation.models import (
    Break,
    BreakClosure,
    BreakItem,
    GroupRevocation,
    MatchGroup,
    Revision,
    Run,
)
from apps.reconciliation.selectors.groups import items_by_group
from apps.reconciliation.services.rule_sets import read_rules
from apps.reconciliation.states import BreakState, Cause, RevisionKind, Side

FORCED = "forced"
BY_HAND = "Matched by hand"


@dataclass(frozen=True)
class Part:
    """Records that become one break or one group, by side, with amounts in the left sense."""

    left: dict[int, Decimal]
    right: dict[int, Decimal]
    currency: str

    @property
    def left_total(self) -> Decimal:
        return sum(self.left.values(), Decimal(0))

    @property
    def right_total(self) -> Decimal:
        return sum(self.right.values(), Decimal(0))

    @property
    def difference(self) -> Decimal:
        """Left less right."""
        return self.left_total - self.right_total

    @property
    def members(self) -> list[tuple[Side, int, Decimal]]:
        """Every record with its side and amount."""
        sides = ((Side.LEFT, self.left), (Side.RIGHT, self.right))
        return [(side, pk, amount) for side, held in sides for pk, amount in held.items()]


@dataclass(frozen=True)
class NewBreak:
    """A break that takes the place of another, or of a group."""

    part: Part
    cause: str
    state: str
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass
class Change:
    """What a revision closes and what it puts there."""

    kind: RevisionKind
    reason: str
    revoked: Sequence[MatchGroup] = ()
    closed: Sequence[Break] = ()
    breaks: Sequence[NewBreak] = ()
    group: Part | None = None


@dataclass(frozen=True)
class Revised:
    """A revision with what it made."""

    revision: Revision
    breaks: list[Break]
    group: MatchGroup | None


def require_reason(reason: str) -> str:
    """The reason without blanks around it.

    Raises:
        ReasonMissing
    """
    words = reason.strip()
    if not words:
        raise ReasonMissing(field="reason")
    return words


def part_of(run: Run, members: Iterable[tuple[str, int]]) -> Part:
    """The records (side, id) with their amounts in one currency: what one break holds."""
    listed = list(members)
    records = Record.objects.in_bulk([pk for _, pk in listed])
    sign = read_rules(run.rule_set.rules).right_sign
    left = {pk: records[pk].amount for side, pk in listed if side == Side.LEFT}
    right = {pk: records[pk].amount * sign for side, pk in listed if side == Side.RIGHT}
    return Part(left, right, records[listed[0][1]].currency)


def revise(run: Run, change: Change, *, actor: User) -> Revised:
    """Carry a change out on a run whose row is locked; everything it names stands.

    The run's counts, proof and digest follow, so what was asked or given for the outcome before
    no longer holds.

    Raises:
        ProofFailed: the parts do not add up to the whole; nothing is changed.
    """
    number = run.revisions.count() + 1
    run.outcome_digest = _digest_after(run, number, change)
    revision = Revision.objects.create(
        run=run,
        number=number,
        kind=change.kind,
        reason=change.reason,
        outcome_digest=run.outcome_digest,
        revised_by=actor,
    )
    for revoked in change.revoked:
        GroupRevocation.objects.create(group=revoked, revision=revision)
    for broken in change.closed:
        BreakClosure.objects.create(broken=broken, revision=revision)
    rules = read_rules(run.rule_set.rules)
    group = _store_group(run, revision, change.group) if change.group else None
    breaks = [_store_break(run, revision, new, rules) for new in change.breaks]
    _recount(run, change.revoked)
    run.save(update_fields=["group_count", "break_count", "proof", "outcome_digest"])
    record(
        actor=actor,
        action="reconciliation.run.revise",
        subject=run,
        revision=number,
        kind=change.kind.value,
        reason=change.reason,
        groups_revoked=[each.number for each in change.revoked],
        breaks_closed=[each.number for each in change.closed],
        breaks_made=[each.number for each in breaks],
        group_made=group.number if group else None,
        outcome_digest=run.outcome_digest,
    )
    supersede_requests(subject=run, actor=actor)
    return Revised(revision, breaks, group)


def open_alone(
    run: Run, members: Iterable[tuple[str, int]], *, reason: str, evidence: dict[str, Any]
) -> list[NewBreak]:
    """Each record (side, id) as a break of its own: awaited inside its time, else missing.

    Each in its own currency, whatever they were compared in.
    """
    rules = read_rules(run.rule_set.rules)
    awaited_from = run.ends_on - timedelta(days=rules.awaited_days)
    listed = list(members)
    records = Record.objects.in_bulk([pk for _, pk in listed])
    opened = []
    for side, pk in listed:
        amount = records[pk].amount
        alone = Part(
            {pk: amount} if side == Side.LEFT else {},
            {pk: amount * rules.right_sign} if side == Side.RIGHT else {},
            records[pk].currency,
        )
        is_awaited = records[pk].booked_on >= awaited_from
        missing = Cause.MISSING_RIGHT if side == Side.LEFT else Cause.MISSING_LEFT
        opened.append(
            NewBreak(
                part=alone,
                cause=Cause.TIMING if is_awaited else missing,
                state=BreakState.AWAITED if is_awaited else BreakState.MISSING,
                reason=reason,
                evidence=evidence,
            )
        )
    return opened


def tolerated(rules: RuleSet, left_total: Decimal) -> Decimal:
    """The largest difference that any pass of the rules lets through for this left total."""
    total = np.array([to_ten_thousandths(left_total)], dtype=np.int64)
    return from_ten_thousandths(max(int(step.tolerance.allowed(total)[0]) for step in rules.passes))


def _store_group(run: Run, revision: Revision, part: Part) -> MatchGroup:
    group: MatchGroup = MatchGroup.objects.create(
        run=run,
        revision=revision,
        number=_next_number(MatchGroup, run),
        pass_name=BY_HAND,
        status=FORCED,
        currency=part.currency,
        left_total=part.left_total,
        right_total=part.right_total,
        difference=part.difference,
        left_ids=sorted(part.left),
        right_ids=sorted(part.right),
        reasons=[f"matched by hand by {revision.revised_by}: {revision.reason}"],
    )
    return group


def _store_break(run: Run, revision: Revision, new: NewBreak, rules: RuleSet) -> Break:
    amount = new.part.difference
    broken: Break = Break.objects.create(
        run=run,
        revision=revision,
        number=_next_number(Break, run),
        cause=new.cause,
        state=new.state,
        currency=new.part.currency,
        left_total=new.part.left_total,
        right_total=new.part.right_total,
        amount=amount,
        is_material=abs(amount) >= from_ten_thousandths(rules.materiality),
        reason=new.reason,
        evidence=new.evidence,
    )
    BreakItem.objects.bulk_create(
        BreakItem(broken=broken, record_id=pk, side=side) for side, pk, _ in new.part.members
    )
    return broken


def _next_number(model: Any, run: Run) -> int:
    """After every number that the run ever gave."""
    last: int | None = model.ever.filter(run=run).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _recount(run: Run, revoked: Sequence[MatchGroup]) -> None:
    """Counts and proof anew, from what stands, without what the revoked groups exchanged."""
    groups, breaks = MatchGroup.objects.filter(run=run), Break.objects.filter(run=run)
    run.group_count, run.break_count = groups.count(), breaks.count()
    differences = _sums(groups, "difference")
    open_left, open_right = _sums(breaks, "left_total"), _sums(breaks, "right_total")
    returned = _exchanged(revoked)
    proof = []
    for line in run.proof:
        currency = line["currency"]
        left, right = Decimal(line["left_total"]), Decimal(line["right_total"])
        exchanged = Decimal(line.get("exchanged", "0")) - returned.get(currency, Decimal(0))
        explained = (
            open_left.get(currency, Decimal(0))
            - open_right.get(currency, Decimal(0))
            + differences.get(currency, Decimal(0))
            + exchanged
        )
        if left - right != explained:
            raise ProofFailed(run=run.pk)
        parts = {
            "open_left": open_left,
            "open_right": open_right,
            "differences": differences,
        }
        redone = {
            name: plain(sums.get(currency, Decimal(0)), currency) for name, sums in parts.items()
        }
        if "exchanged" in line:
            redone["exchanged"] = plain(exchanged, currency)
        proof.append({**line, **redone, "proof_amount": plain(Decimal(0), currency)})
    run.proof = proof


def _exchanged(groups: Sequence[MatchGroup]) -> dict[str, Decimal]:
    """By currency: what the groups hold of it, less their difference (`matching.proof.exchanged`).

    Nothing for groups whose items are all in the currency that they are compared in.
    """
    held: dict[str, Decimal] = defaultdict(Decimal)
    items = items_by_group(groups)
    for group in groups:
        for item in items[group.pk]:
            is_left = item.side == Side.LEFT
            held[item.record.currency] += item.allocated if is_left else -item.allocated
        held[group.currency] -= group.difference
    return held


def _sums(rows: Any, name: str) -> dict[str, Decimal]:
    return dict(rows.order_by().values_list("currency").annotate(Sum(name)))


def _digest_after(run: Run, number: int, change: Change) -> str:
    """SHA-256 over the outcome before and everything that the change says."""
    content = [
        run.outcome_digest,
        number,
        change.kind.value,
        change.reason,
        [group.number for group in change.revoked],
        [broken.number for broken in change.closed],
        [
            [new.cause, new.state, [[side.value, pk] for side, pk, _ in new.part.members]]
            for new in change.breaks
        ],
        [[side.value, pk] for side, pk, _ in change.group.members] if change.group else [],
    ]
    return hashlib.sha256(canonical_bytes(content)).hexdigest()
