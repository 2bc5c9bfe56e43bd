"""What people change in an outcome: take a match back, match by hand, split, correct a cause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import NotVisible
from apps.common.money import plain
from apps.identity.models import User
from apps.reconciliation.errors import (
    BreakAccepted,
    BreakClosed,
    BreaksUnfit,
    DifferenceTooLarge,
    GroupRevoked,
    GroupStands,
    WrittenOff,
)
from apps.reconciliation.locks import break_for_update, group_for_update, run_for_update
from apps.reconciliation.models import (
    Break,
    BreakItem,
    BreakReview,
    Correction,
    GroupRevocation,
    RematchPermit,
    Run,
)
from apps.reconciliation.permissions import CORRECT_CAUSE, REVISE_RUN
from apps.reconciliation.selectors.write_offs import group_is_written_off, standing_write_offs
from apps.reconciliation.services.revising import (
    Change,
    NewBreak,
    Part,
    Revised,
    open_alone,
    part_of,
    require_reason,
    revise,
    tolerated,
)
from apps.reconciliation.services.rule_sets import read_rules
from apps.reconciliation.services.standing import require_standing
from apps.reconciliation.services.write_offs import write_off_group
from apps.reconciliation.states import BreakState, Cause, ReviewStatus, RevisionKind


@transaction.atomic
def unmatch_group(*, run_id: int, number: int, reason: str, actor: User) -> Revised:
    """Take a match back: each of its items is an open break in its currency; other matches stay.

    Rules do not match exactly these records again, in no run to come, until somebody permits it.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        ReasonMissing: no reason given.
        GroupRevoked: somebody was quicker.
        WrittenOff: an entry books the difference inside the match away.
    """
    group = group_for_update(run_id, number, actor=actor)
    run = group.run
    authorize(actor, REVISE_RUN, entity_id=run.entity_id)
    require_standing(run)
    words = require_reason(reason)
    if GroupRevocation.objects.filter(group=group).exists():
        raise GroupRevoked
    if group_is_written_off(group):
        raise WrittenOff
    said = f"{group.pass_name} matched it (match {group.number}), and that was taken back: {words}"
    evidence = {"revoked_group": group.number, "pass_name": group.pass_name, "said": words}
    return revise(
        run,
        Change(
            kind=RevisionKind.UNMATCH,
            reason=words,
            revoked=[group],
            breaks=open_alone(run, group.members, reason=said, evidence=evidence),
        ),
        actor=actor,
    )


@transaction.atomic
def permit_rematch(*, run_id: int, number: int, reason: str, actor: User) -> RematchPermit:
    """Let rules match the records of a revoked group again, from the next run on.

    Raises:
        NotVisible, NotPermitted: not this actor.
        ReasonMissing: no reason given.
        GroupStands: nobody took it back.
    """
    group = group_for_update(run_id, number, actor=actor)
    authorize(actor, REVISE_RUN, entity_id=group.run.entity_id)
    words = require_reason(reason)
    revocation = GroupRevocation.objects.filter(group=group).first()
    if revocation is None:
        raise GroupStands
    permit, is_new = RematchPermit.objects.get_or_create(
        revocation=revocation, defaults={"reason": words, "permitted_by": actor}
    )
    if is_new:
        record(
            actor=actor,
            action="reconciliation.group.permit_rematch",
            subject=group,
            entity_id=group.run.entity_id,
            reason=words,
        )
    return permit


@transaction.atomic
def force_match(
    *,
    run_id: int,
    break_ids: Sequence[int],
    reason: str,
    actor: User,
    expense_account: str = "",
    posted_on: date | None = None,
) -> Revised:
    """Match all items of some open breaks by hand; the next runs keep it.

    The difference must be within the widest tolerance of the rules; beyond it, an account takes it
    and a journal entry for it is drafted.

    Args:
        expense_account, posted_on: where and when the difference is written off; posted_on is the
            run's last day if it is not given.

    Raises:
        NotVisible, NotPermitted: not this actor, or a break that is not of this run.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        ReasonMissing: no reason given.
        BreakClosed, BreakAccepted: somebody was quicker, or one of them is accepted.
        BreaksUnfit: fewer than two items, or several currencies.
        DifferenceTooLarge: beyond every tolerance, and no account takes it.
        Refusals of `write_off_group`: the entry finds no place in the books.
    """
    run = run_for_update(run_id, actor=actor)
    authorize(actor, REVISE_RUN, entity_id=run.entity_id)
    require_standing(run)
    words = require_reason(reason)
    breaks = _standing_breaks(run, break_ids)
    if len({broken.currency for broken in breaks}) > 1:
        raise BreaksUnfit("One match has one currency.", field="breaks")
    part = part_of(run, _members(breaks))
    if len(part.members) < 2:
        raise BreaksUnfit("A match needs at least two items.", field="breaks")
    _require_tolerated(run, part, expense_account)
    done = revise(
        run,
        Change(kind=RevisionKind.FORCE_MATCH, reason=words, closed=breaks, group=part),
        actor=actor,
    )
    if expense_account and part.difference and done.group is not None:
        write_off_group(
            done.group,
            run,
            reason=words,
            expense_account=expense_account,
            posted_on=posted_on or run.ends_on,
            actor=actor,
        )
    return done


@transaction.atomic
def split_break(
    *, break_id: int, parts: Sequence[Sequence[int]], reason: str, actor: User
) -> Revised:
    """Take a break apart: each part, a list of record ids, becomes a break of its own.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        ReasonMissing: no reason given.
        BreakClosed, BreakAccepted: somebody was quicker, or it is accepted.
        BreaksUnfit: fewer than two parts, an empty one, or not exactly the break's records.
    """
    broken = _break_to_change(break_id, REVISE_RUN, actor)
    words = require_reason(reason)
    members = {pk: side for side, pk in _members([broken])}
    named = [pk for part in parts for pk in part]
    if len(parts) < 2 or not all(parts) or sorted(named) != sorted(members):
        raise BreaksUnfit(
            "The parts have to hold every record of the break exactly once, each at least one.",
            field="parts",
        )
    new = [
        _part_as_break(broken, part_of(broken.run, [(members[pk], pk) for pk in part]), words)
        for part in parts
    ]
    change = Change(kind=RevisionKind.SPLIT, reason=words, closed=[broken], breaks=new)
    return revise(broken.run, change, actor=actor)


@transaction.atomic
def correct_cause(*, break_id: int, cause: str, reason: str, actor: User) -> Correction:
    """Give a break its right cause; what the rules had said is kept as a label to learn from.

    An explanation stays with the break that takes its place. Runs to come that find the same
    break with the same cause give it the right one.

    Raises:
        NotVisible, NotPermitted: not this actor.
        RunNotCompleted, RunSuperseded: there is no outcome, or it no longer stands.
        ReasonMissing: no reason given.
        BreakClosed, BreakAccepted: somebody was quicker, or it is accepted.
        BreaksUnfit: no such cause, or the one that it has.
    """
    broken = _break_to_change(break_id, CORRECT_CAUSE, actor)
    words = require_reason(reason)
    if cause not in Cause.values or cause == broken.cause:
        raise BreaksUnfit("Choose another cause.", field="cause")
    new = NewBreak(
        part=part_of(broken.run, _members([broken])),
        cause=cause,
        state=broken.state,
        reason=broken.reason,
        evidence={**broken.evidence, "corrected_from": broken.cause, "said": words},
    )
    change = Change(kind=RevisionKind.CORRECT, reason=words, closed=[broken], breaks=[new])
    (successor,) = revise(broken.run, change, actor=actor).breaks
    _hand_review_on(broken, successor)
    correction: Correction = Correction.objects.create(
        broken=broken,
        successor=successor,
        from_cause=broken.cause,
        to_cause=cause,
        reason=words,
        evidence=broken.evidence,
        corrected_by=actor,
    )
    return correction


def _break_to_change(break_id: int, permission: str, actor: User) -> Break:
    broken = break_for_update(break_id, actor=actor)
    authorize(actor, permission, entity_id=broken.run.entity_id)
    require_standing(broken.run)
    _require_open([broken])
    return broken


def _standing_breaks(run: Run, break_ids: Sequence[int]) -> list[Break]:
    wanted = set(break_ids)
    breaks = list(Break.ever.filter(run=run, pk__in=wanted).order_by("number"))
    if len(breaks) != len(wanted):
        raise NotVisible(field="breaks")
    if not breaks:
        raise BreaksUnfit("Name the breaks that belong together.", field="breaks")
    _require_open(breaks)
    return breaks


def _require_open(breaks: Sequence[Break]) -> None:
    if Break.objects.filter(pk__in=[broken.pk for broken in breaks]).count() != len(breaks):
        raise BreakClosed
    said = BreakReview.objects.filter(broken__in=breaks, status=ReviewStatus.ACCEPTED)
    if said.exists():
        raise BreakAccepted
    if standing_write_offs(breaks):
        raise WrittenOff


def _members(breaks: Sequence[Break]) -> list[tuple[str, int]]:
    items = BreakItem.objects.filter(broken__in=breaks).order_by("side", "record_id")
    return list(items.values_list("side", "record_id"))


def _require_tolerated(run: Run, part: Part, expense_account: str) -> None:
    limit = tolerated(read_rules(run.rule_set.rules), part.left_total)
    if abs(part.difference) > limit and not expense_account:
        difference = plain(part.difference, part.currency)
        raise DifferenceTooLarge(
            f"The two sides differ by {difference} {part.currency}; "
            f"the rules tolerate {plain(limit, part.currency)}.",
            field="breaks",
        )


def _part_as_break(broken: Break, part: Part, words: str) -> NewBreak:
    """One part: without the other side it misses it, else it differs, or nobody knows why."""
    if not part.right:
        cause, state = Cause.MISSING_RIGHT, BreakState.MISSING
    elif not part.left:
        cause, state = Cause.MISSING_LEFT, BreakState.MISSING
    else:
        cause = Cause.AMOUNT if part.difference else Cause.UNKNOWN
        state = BreakState.MISMATCHED
    return NewBreak(
        part=part,
        cause=cause,
        state=state,
        reason=f"part of break {broken.number}, which was split: {words}",
        evidence={"split_from": broken.number, "said": words},
    )


def _hand_review_on(broken: Break, successor: Break) -> None:
    review = BreakReview.objects.filter(broken=broken, status=ReviewStatus.EXPLAINED).first()
    if review is not None:
        BreakReview.objects.create(
            broken=successor,
            status=review.status,
            comment=review.comment,
            explained_by_id=review.explained_by_id,
            taken_over_from=broken,
        )
