"""Book small breaks away by a rule that somebody approved: proposed as one entry, never posted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal

import structlog
from django.db import transaction
from django.urls import reverse

from apps.approvals.models import Request
from apps.approvals.selectors import latest_request_for
from apps.approvals.services import request_approval, supersede_requests, use_approval
from apps.approvals.states import RequestStatus
from apps.audit.services import canonical_bytes, record
from apps.common.access import authorize
from apps.common.errors import Refusal
from apps.common.money import plain, require_minor_units
from apps.common.transitions import advance
from apps.identity.models import User
from apps.identity.selectors import system_user
from apps.ledger.models import Account
from apps.ledger.services import draft_entry
from apps.ledger.states import EntryKind
from apps.reconciliation.errors import ResolutionInvalid
from apps.reconciliation.locks import (
    match_type_for_update,
    resolution_rule_for_update,
    run_for_execution,
)
from apps.reconciliation.models import Break, ResolutionRule, Run, WriteOff
from apps.reconciliation.permissions import MANAGE_MATCH_TYPES
from apps.reconciliation.selectors.worklist import with_status
from apps.reconciliation.selectors.write_offs import written_off_in
from apps.reconciliation.services.adjustments import SOURCE, adjusting_lines, booked_breaks
from apps.reconciliation.services.reviews import explain_break
from apps.reconciliation.states import (
    RESOLUTION_MOVES,
    Cause,
    ResolutionStatus,
    ReviewStatus,
    RunStatus,
)

ITEM_TYPE = "resolution_rule"
NOTIFY_TASK = "apps.reconciliation.tasks.settle_resolution"
RESOLVE_TASK = "apps.reconciliation.tasks.resolve_small_breaks"
_LONGEST_NAME = 120  # a request's title takes 200 characters

logger = structlog.get_logger(__name__)


@transaction.atomic
def propose_resolution(
    *,
    match_type_id: int,
    cause: str,
    currency: str,
    limit: Decimal,
    expense_account: str,
    actor: User,
) -> ResolutionRule:
    """Propose that small breaks of a cause are booked against an account from now on.

    Where a policy asks for an approval of "resolution_rule", it waits for somebody else; without
    one it is in force at once, and the rule for the same cause and currency is retired.

    Raises:
        NotVisible, NotPermitted: not this actor.
        ResolutionInvalid: no such cause or account, no limit, or a right side that is not exactly
            one ledger account.
        Invalid: the limit has more decimals than the currency, or there is no such currency.
    """
    match_type = match_type_for_update(match_type_id, actor=actor)
    authorize(actor, MANAGE_MATCH_TYPES, entity_id=match_type.entity_id)
    if cause not in Cause.values:
        raise ResolutionInvalid("Choose a cause.", field="cause")
    if require_minor_units(limit, currency, field="limit") <= 0:
        raise ResolutionInvalid("The limit is an amount above 0.", field="limit")
    if len(match_type.right_accounts) != 1:
        raise ResolutionInvalid("The right side has to be one ledger account.")
    accounts = Account.objects.filter(entity_id=match_type.entity_id, code=expense_account)
    if not accounts.exists():
        raise ResolutionInvalid("There is no such account here.", field="expense_account")
    rule: ResolutionRule = ResolutionRule.objects.create(
        match_type=match_type,
        number=match_type.resolution_rules.count() + 1,
        cause=cause,
        currency=currency,
        limit=limit,
        expense_account=expense_account,
        created_by=actor,
    )
    record(
        actor=actor,
        action="reconciliation.resolution_rule.propose",
        subject=rule,
        entity_id=match_type.entity_id,
        cause=cause,
        currency=currency,
        limit=limit,
        expense_account=expense_account,
    )
    if _ask(rule, actor) is None:
        _put_in_force(rule, actor)
    return rule


@transaction.atomic
def retire_resolution(*, rule_id: int, actor: User) -> ResolutionRule:
    """Take a rule out of force, or a proposal back; entries that it proposed stay.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is neither in force nor proposed.
    """
    rule = resolution_rule_for_update(rule_id, actor=actor)
    authorize(actor, MANAGE_MATCH_TYPES, entity_id=rule.match_type.entity_id)
    supersede_requests(subject=rule, actor=actor)
    _move(rule, ResolutionStatus.RETIRED, actor)
    return rule


@transaction.atomic
def settle_resolution(*, request_id: int) -> ResolutionRule | None:
    """What the decision on a request does to its rule; running it again changes nothing.

    Returns:
        The rule, or None if the request is not the newest about a rule that is proposed.
    """
    system = system_user()
    request = Request.objects.get(pk=request_id)
    rule = resolution_rule_for_update(int(request.subject_id), actor=system)
    if rule.status != ResolutionStatus.PROPOSED or latest_request_for(rule) != request:
        return None
    if use_approval(subject=rule, subject_hash=content_digest(rule), actor=system) is not None:
        _put_in_force(rule, system)
    elif request.status in _NOT_GIVEN:
        _move(rule, ResolutionStatus.NOT_APPROVED, system)
    return rule


_NOT_GIVEN = {
    RequestStatus.REJECTED,
    RequestStatus.RETURNED,
    RequestStatus.EXPIRED,
    RequestStatus.REVOKED,
}


def resolve_small_breaks(*, run_id: int) -> list[WriteOff]:
    """Propose an entry for the small breaks of a run, one for each rule in force, and explain them.

    Runs as the system; running it again finds nothing left. Material breaks, and those that
    somebody spoke about, are left to people. Where the books refuse, nothing of that rule is done.

    Returns:
        What was booked away.
    """
    made: list[WriteOff] = []
    with transaction.atomic():
        run = run_for_execution(run_id)
        if run.status != RunStatus.COMPLETED:
            return made
        for rule in rules_in_force_of(run):
            try:
                with transaction.atomic():
                    made += _resolve(run, rule, system_user())
            except Refusal as refusal:
                logger.warning("breaks_not_resolved", run_id=run.pk, code=refusal.code)
    return made


def rules_in_force_of(run: Run) -> Sequence[ResolutionRule]:
    """The resolution rules of the run's match type that are in force."""
    rules = ResolutionRule.objects.filter(
        match_type_id=run.match_type_id, status=ResolutionStatus.IN_FORCE
    )
    return list(rules.order_by("number"))


def content_digest(rule: ResolutionRule) -> str:
    """SHA-256 over what is approved: where, which breaks, up to what, against which account."""
    content = [
        rule.match_type_id,
        rule.number,
        rule.cause,
        rule.currency,
        plain(rule.limit, rule.currency),
        rule.expense_account,
    ]
    return hashlib.sha256(canonical_bytes(content)).hexdigest()


def _resolve(run: Run, rule: ResolutionRule, system: User) -> list[WriteOff]:
    breaks = _breaks_under(rule, run)
    if not breaks:
        return []
    entry = draft_entry(
        entity_id=run.entity_id,
        posted_on=run.ends_on,
        description=f"Small breaks, rule {rule.number}: {run.match_type.name}"[:500],
        kind=EntryKind.ADJUSTMENT,
        source=SOURCE,
        external_id=f"run-{run.pk}-rule-{rule.number}-break-{breaks[0].number}",
        lines=adjusting_lines(run, booked_breaks(run, breaks), rule.expense_account),
        actor=system,
    )
    said = f"Booked by {rule}"
    made = [
        WriteOff.objects.create(
            run=run,
            broken=broken,
            rule=rule,
            entry=entry,
            currency=broken.currency,
            amount=broken.amount,
            reason=said,
            proposed_by=system,
        )
        for broken in breaks
    ]
    for broken in breaks:
        explain_break(break_id=broken.pk, comment=said, actor=system)
    record(
        actor=system,
        action="reconciliation.run.resolve",
        subject=run,
        rule=rule.number,
        entry=entry.pk,
        breaks=len(breaks),
    )
    return made


def _breaks_under(rule: ResolutionRule, run: Run) -> list[Break]:
    """The open breaks of a run that the rule is about and nobody has written off."""
    small = (
        with_status(Break.objects.filter(run=run), ReviewStatus.OPEN)
        .filter(cause=rule.cause, currency=rule.currency, is_material=False)
        .filter(amount__gte=-rule.limit, amount__lte=rule.limit)
        .exclude(amount=0)
        .exclude(pk__in=written_off_in(run))
    )
    return list(small.order_by("number"))


def _ask(rule: ResolutionRule, actor: User) -> Request | None:
    match_type = rule.match_type
    return request_approval(
        entity_id=match_type.entity_id,
        item_type=ITEM_TYPE,
        subject=rule,
        subject_hash=content_digest(rule),
        title=f"Small breaks: {match_type.name[:_LONGEST_NAME]}, {rule}"[:200],
        url=reverse("reconciliation:rules", args=[match_type.pk]),
        amount=rule.limit,
        currency=rule.currency,
        maker=actor,
        notify_task=NOTIFY_TASK,
        actor=actor,
    )


def _put_in_force(rule: ResolutionRule, actor: User) -> None:
    """The rule for the same cause and currency gives way."""
    former = ResolutionRule.objects.filter(
        match_type_id=rule.match_type_id,
        cause=rule.cause,
        currency=rule.currency,
        status=ResolutionStatus.IN_FORCE,
    ).first()
    if former is not None:
        _move(former, ResolutionStatus.RETIRED, actor)
    _move(rule, ResolutionStatus.IN_FORCE, actor)


def _move(rule: ResolutionRule, status: ResolutionStatus, actor: User) -> None:
    advance(rule, to=status, moves=RESOLUTION_MOVES)
    rule.save(update_fields=["status"])
    record(
        actor=actor,
        action="reconciliation.resolution_rule.move",
        subject=rule,
        entity_id=rule.match_type.entity_id,
        status=status.value,
    )
