"""Ask, decide, withdraw; and the policies that say who has to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from apps.approvals.errors import (
    AmountMissing,
    AttestationMissing,
    CommentMissing,
    PolicyInvalid,
    PolicyOverlaps,
)
from apps.approvals.locks import (
    open_requests_for_update,
    policies_for_update,
    policy_for_update,
    request_for_update,
)
from apps.approvals.models import Conflict, Decision, Policy, Request
from apps.approvals.permissions import (
    DECIDE_REQUEST,
    MANAGE_POLICIES,
    REQUEST_APPROVAL,
    WITHDRAW_REQUEST,
)
from apps.approvals.selectors import (
    conflicted_ids,
    policy_for,
    refusal_to_decide,
    stage_of,
    subject_key,
)
from apps.approvals.states import MOVES, OPEN, STATUS_AFTER, RequestStatus, Verdict
from apps.audit.services import record
from apps.common.access import authorize
from apps.common.errors import IllegalMove, NotPermitted
from apps.common.money import require_minor_units
from apps.common.transitions import advance, require_move, require_version
from apps.identity.holders import roles_holding
from apps.identity.models import User
from apps.identity.selectors import people_with_role
from apps.operations.services import enqueue


@transaction.atomic
def request_approval(
    *,
    entity_id: int,
    item_type: str,
    subject: Model,
    subject_hash: str,
    title: str,
    url: str,
    maker: User,
    actor: User,
    amount: Decimal | None = None,
    currency: str | None = None,
    conflicted: Iterable[User] = (),
    notify_task: str = "",
) -> Request | None:
    """Ask for approval of exactly this content.

    An open request about the same content is returned as it is; one about other content is
    superseded. If nobody can approve, the request is blocked and says so.

    Args:
        subject: a saved row; only its type and id are kept.
        subject_hash: SHA-256 over the canonical content that is to be approved.
        conflicted: who took part besides maker and actor (editors, evidence preparers).
        notify_task: full name of the task to run with `request_id` after the final decision.

    Returns:
        The request, or None if no policy in force asks for an approval.

    Raises:
        NotPermitted: the actor may not ask on this entity.
        AmountMissing: amount without currency or the other way round.
    """
    authorize(actor, REQUEST_APPROVAL, entity_id=entity_id)
    if (amount is None) != (not currency):
        raise AmountMissing(field="amount")
    policy = policy_for(entity_id=entity_id, item_type=item_type, amount=amount, currency=currency)
    if policy is None:
        return None
    standing = _supersede_other_content(subject, subject_hash, actor)
    if standing is not None:
        return standing
    request = Request.objects.create(
        entity_id=entity_id,
        item_type=item_type,
        **subject_key(subject),
        subject_hash=subject_hash,
        title=title,
        url=url,
        amount=amount,
        currency=currency or "",
        maker=maker,
        policy=policy,
        notify_task=notify_task,
        due_at=timezone.now() + timedelta(hours=policy.due_after_hours),
    )
    Conflict.objects.bulk_create(
        Conflict(request=request, user=user) for user in {*conflicted, actor} - {maker}
    )
    _block_if_nobody_can(request)
    record(
        actor=actor,
        action="approvals.request.submit",
        subject=request,
        subject_hash=subject_hash,
        policy=policy.pk,
        status=request.status,
    )
    return request


@transaction.atomic
def decide(
    *,
    request_id: int,
    verdict: str,
    comment: str,
    attested: bool,
    expected_version: int,
    actor: User,
) -> Request:
    """Approve, reject or return a request; one rejection or return ends the round.

    Args:
        attested: the approver confirmed the policy's attestation text.
        expected_version: the request's version that the approver saw.

    Raises:
        NotVisible, NotPermitted, OwnWork, RoleMissing, AlreadyDecidedByActor: not this actor.
        StaleVersion: it changed since the approver looked.
        IllegalMove: it is not waiting any more.
        CommentMissing, AttestationMissing: the policy asks for more.
    """
    request = request_for_update(request_id, actor=actor)
    authorize(actor, DECIDE_REQUEST, entity_id=request.entity_id)
    # Not waiting any more says more than "your version is old", so it is asked first.
    require_move(request, to=STATUS_AFTER[Verdict(verdict)], moves=MOVES)
    require_version(request, expected_version)
    refusal = refusal_to_decide(request, actor)
    if refusal is not None:
        raise refusal
    _require_words(request.policy, verdict, comment, attested)
    decision = Decision.objects.create(
        request=request,
        approver=actor,
        verdict=verdict,
        stage=request.stage,
        role_at_time=stage_of(request)["role"],
        comment=comment,
        attestation_text=request.policy.attestation_text if attested else "",
        subject_hash=request.subject_hash,
    )
    _move_on(request, Verdict(verdict))
    record(
        actor=actor,
        action="approvals.request.decide",
        subject=request,
        decision=decision.pk,
        verdict=verdict,
        status=request.status,
        stage=decision.stage,
    )
    return request


@transaction.atomic
def withdraw(*, request_id: int, reason: str, actor: User) -> Request:
    """Take back a request before it is decided; only who asked may.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is decided already.
        CommentMissing: no reason given.
    """
    request = request_for_update(request_id, actor=actor)
    authorize(actor, WITHDRAW_REQUEST, entity_id=request.entity_id)
    if request.maker_id != actor.pk:
        raise NotPermitted(
            "Only the person whose work it is can withdraw it.",
            remedy="An approver can return or reject it.",
        )
    if not reason.strip():
        raise CommentMissing(field="reason")
    if request.status not in OPEN:
        raise IllegalMove("This request is decided and cannot be withdrawn.")
    _end(request, RequestStatus.WITHDRAWN)
    record(actor=actor, action="approvals.request.withdraw", subject=request, reason=reason)
    return request


@transaction.atomic
def supersede_requests(*, subject: Model, actor: User) -> list[Request]:
    """End what is open about a subject whose content no longer stands; its app decides when.

    Approvals that were given stay given: they were about what the subject was.

    Returns:
        The requests that were ended.
    """
    ended = [
        request for request in open_requests_for_update(**subject_key(subject)) if request.is_open
    ]
    for request in ended:
        _supersede(request, actor)
    return ended


@transaction.atomic
def define_policy(
    *,
    entity_id: int,
    item_type: str,
    stages: Sequence[dict[str, Any]],
    actor: User,
    currency: str = "",
    least_amount: Decimal = Decimal(0),
    below_amount: Decimal | None = None,
    needs_comment: bool = False,
    attestation_text: str = "",
    due_after_hours: int = 24,
) -> Policy:
    """Put a policy in force for new requests; the one for the same range is retired.

    Raises:
        NotPermitted: the actor may not manage policies here.
        PolicyInvalid: no stage, a role that decides nothing, a count below one, or an empty range.
        PolicyOverlaps: the range cuts into that of another policy in force.
    """
    authorize(actor, MANAGE_POLICIES, entity_id=entity_id)
    _require_sound(stages, currency, least_amount, below_amount)
    others = policies_for_update(entity_id=entity_id, item_type=item_type, currency=currency)
    former = next((policy for policy in others if policy.least_amount == least_amount), None)
    _require_disjoint([policy for policy in others if policy != former], least_amount, below_amount)
    if former is not None:
        former.retired_at = timezone.now()
        former.save(update_fields=["retired_at"])
    policy = Policy.objects.create(
        entity_id=entity_id,
        item_type=item_type,
        currency=currency,
        least_amount=least_amount,
        below_amount=below_amount,
        stages=list(stages),
        needs_comment=needs_comment,
        attestation_text=attestation_text,
        due_after_hours=due_after_hours,
        version=former.version + 1 if former else 1,
        created_by=actor,
    )
    record(
        actor=actor,
        action="approvals.policy.define",
        subject=policy,
        item_type=item_type,
        stages=list(stages),
        version=policy.version,
    )
    return policy


@transaction.atomic
def retire_policy(*, policy_id: int, actor: User) -> Policy:
    """Take a policy out of force; requests under it go on under it.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is retired already.
    """
    policy = policy_for_update(policy_id, actor=actor)
    authorize(actor, MANAGE_POLICIES, entity_id=policy.entity_id)
    if policy.retired_at is not None:
        raise IllegalMove("This policy is retired already.")
    policy.retired_at = timezone.now()
    policy.save(update_fields=["retired_at"])
    record(actor=actor, action="approvals.policy.retire", subject=policy)
    return policy


def _supersede_other_content(subject: Model, subject_hash: str, actor: User) -> Request | None:
    """End requests about other content of the subject; return the one about this content."""
    standing = None
    for request in open_requests_for_update(**subject_key(subject)):
        if request.subject_hash == subject_hash:
            standing = request
            continue
        _supersede(request, actor)
    return standing


def _supersede(request: Request, actor: User) -> None:
    """End a request whose content no longer stands."""
    _end(request, RequestStatus.SUPERSEDED)
    record(actor=actor, action="approvals.request.supersede", subject=request)


def _block_if_nobody_can(request: Request) -> None:
    """Test every stage: a request that no one can ever approve must say so at once."""
    needed = [(stage["role"], stage["count"]) for stage in request.policy.stages]
    if any(_too_few(request, role, count) for role, count in needed):
        advance(request, to=RequestStatus.BLOCKED, moves=MOVES)
        request.save(update_fields=["status"])


def _too_few(request: Request, role: str, count: int) -> bool:
    excluded = conflicted_ids(request)
    people = {person.pk for person in people_with_role(role, entity_id=request.entity_id)}
    return len(people - excluded) < count


def _require_words(policy: Policy, verdict: str, comment: str, attested: bool) -> None:
    if not comment.strip() and (policy.needs_comment or verdict != Verdict.APPROVE):
        raise CommentMissing(field="comment")
    if verdict == Verdict.APPROVE and policy.attestation_text and not attested:
        raise AttestationMissing(field="attested")


def _move_on(request: Request, verdict: Verdict) -> None:
    """Into the next stage, or to the end."""
    if verdict != Verdict.APPROVE:
        _end(request, STATUS_AFTER[verdict])
        return
    approvals = request.decisions.filter(stage=request.stage, verdict=Verdict.APPROVE).count()
    if approvals >= stage_of(request)["count"]:
        if request.stage + 1 == len(request.policy.stages):
            _end(request, RequestStatus.APPROVED)
            return
        request.stage += 1
    request.version += 1
    request.save(update_fields=["stage", "version"])


def _end(request: Request, status: RequestStatus) -> None:
    advance(request, to=status, moves=MOVES)
    request.ended_at = timezone.now()
    request.version += 1
    request.save(update_fields=["status", "ended_at", "version"])
    if request.notify_task:
        enqueue(request.notify_task, request_id=request.pk)


def _require_sound(
    stages: Sequence[dict[str, Any]],
    currency: str,
    least_amount: Decimal,
    below_amount: Decimal | None,
) -> None:
    if not stages:
        raise PolicyInvalid("A policy has at least one stage.", field="stages")
    for number, stage in enumerate(stages, start=1):
        if set(stage) != {"role", "count"}:
            raise PolicyInvalid(f"Stage {number} has exactly a role and a count.", field="stages")
        if stage["role"] not in roles_holding(DECIDE_REQUEST):
            raise PolicyInvalid(
                f"Stage {number} names a role that decides nothing.",
                remedy=f"These do: {', '.join(sorted(roles_holding(DECIDE_REQUEST)))}.",
                field="stages",
            )
        if type(stage["count"]) is not int or stage["count"] < 1:
            raise PolicyInvalid(f"Stage {number} needs a count of at least 1.", field="stages")
    if least_amount < 0 or (below_amount is not None and below_amount <= least_amount):
        raise PolicyInvalid("The amount range is empty.", field="below_amount")
    for amount in filter(None, (least_amount, below_amount)):
        if not currency:
            raise PolicyInvalid("Amount limits need a currency.", field="currency")
        require_minor_units(amount, currency)


def _require_disjoint(
    others: Sequence[Policy], least_amount: Decimal, below_amount: Decimal | None
) -> None:
    for other in others:
        ends_before = below_amount is not None and below_amount <= other.least_amount
        starts_after = other.below_amount is not None and other.below_amount <= least_amount
        if not (ends_before or starts_after):
            raise PolicyOverlaps(str(other), field="least_amount")
