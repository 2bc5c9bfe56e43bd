"""Put policies in force and retire them, or propose it where that takes an approval."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.approvals.errors import PolicyOverlaps
from apps.approvals.locks import (
    policies_for_update,
    policy_for_update,
    policy_held,
    request_held,
)
from apps.approvals.models import Policy, Request
from apps.approvals.permissions import MANAGE_POLICIES
from apps.approvals.selectors.requests import latest_request_for
from apps.approvals.selectors.stages import stage_in_words
from apps.approvals.services.asking import request_approval
from apps.approvals.services.soundness import (
    require_disjoint,
    require_escalation,
    require_floor,
    require_kinds,
    require_people,
    require_sound,
    require_time,
)
from apps.approvals.services.using import use_requests
from apps.approvals.states import RequestStatus
from apps.audit.services import canonical_bytes, record
from apps.common.access import authorize
from apps.common.errors import IllegalMove
from apps.common.transitions import require_latest, require_version
from apps.identity.models import User
from apps.identity.selectors import system_user

POLICY_ITEM: Final = "policy"
SETTLE_TASK: Final = "apps.approvals.tasks.settle_policy"


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
    evidence_kinds: Sequence[str] = (),
    resolution_required: bool = False,
    bulk_allowed: bool = False,
    escalation: Sequence[dict[str, Any]] = (),
    expires_after_days: int | None = None,
    expected_version: int | None = None,
) -> Policy:
    """Put a policy in force for new requests; the one for the same range is retired.

    Where a policy for policies is in force (item type "policy"), it is proposed instead, and takes
    effect once somebody else approves it.

    Args:
        stages: in order; `selectors.stages` says what each is made of.
        due_after_hours: business hours that each step may take.
        escalation: who may decide too when a step is late, one after the other: a role or people.
        expires_after_days: calendar days until a request ends undecided; None: never.
        evidence_kinds: what has to be attached before anybody approves.
        resolution_required: somebody also has to say how what was open was resolved.
        bulk_allowed: several requests may be approved at once, where nothing is to be looked at.
        expected_version: of the policy in force for the range, as the actor saw it; 0: there was
            none; None to ask nothing.

    Raises:
        StaleVersion: somebody put another one in force, or retired it, meanwhile.
        NotPermitted: the actor may not manage policies here.
        PolicyInvalid: no stage, a role or somebody that decides nothing here, a count below one,
            too few people named or asked for, an empty range, or evidence of a kind that is not
            known.
        PolicyOverlaps: the range cuts into that of another policy in force.
    """
    authorize(actor, MANAGE_POLICIES, entity_id=entity_id)
    require_sound(stages, currency, least_amount, below_amount)
    require_floor(item_type, stages)
    require_people(stages, entity_id)
    require_kinds(evidence_kinds)
    require_escalation(escalation, entity_id)
    require_time(due_after_hours, expires_after_days)
    stages = [_as_kept(stage) for stage in stages]
    others = policies_for_update(entity_id=entity_id, item_type=item_type, currency=currency)
    former = _former(others, least_amount, below_amount)
    require_latest(former, expected_version)
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
        evidence_kinds=list(evidence_kinds),
        resolution_required=resolution_required,
        bulk_allowed=bulk_allowed,
        escalation=list(escalation),
        expires_after_days=expires_after_days,
        version=former.version + 1 if former else 1,
        created_by=actor,
    )
    if _ask(policy, content_digest(policy), "Policy", actor) is None:
        _put_in_force(policy, former, actor)
        return policy
    record(
        actor=actor,
        action="approvals.policy.propose",
        subject=policy,
        item_type=item_type,
        stages=list(stages),
        version=policy.version,
    )
    return policy


@transaction.atomic
def retire_policy(*, policy_id: int, actor: User, expected_version: int | None = None) -> Policy:
    """Take a policy out of force; requests under it go on under it.

    Where a policy for policies is in force, that is proposed, and done once somebody else approves.

    Raises:
        NotVisible, NotPermitted: not this actor.
        IllegalMove: it is retired already, or not in force yet.
        StaleVersion: it is not the version that the actor saw.
    """
    policy = policy_for_update(policy_id, actor=actor)
    authorize(actor, MANAGE_POLICIES, entity_id=policy.entity_id)
    if policy.retired_at is not None:
        raise IllegalMove("This policy is retired already.")
    if policy.is_proposed:
        raise IllegalMove(
            "This policy is not in force yet.", remedy="Withdraw the request for its approval."
        )
    require_version(policy, expected_version)
    if _ask(policy, retirement_digest(policy), "Retire the policy", actor) is None:
        _retire(policy, actor)
    return policy


@transaction.atomic
def settle_policy(*, request_id: int) -> Policy:
    """What the decision on a request does to its policy; a second call changes nothing.

    An approved one takes effect, an approved retirement too. A proposal that was not approved is
    dropped, and so is one whose range meanwhile cuts into that of another policy in force.
    """
    system = system_user()
    about = Request.objects.values_list("subject_id", flat=True).get(pk=request_id)
    seen = Policy.objects.get(pk=int(about))
    others = policies_for_update(
        entity_id=seen.entity_id, item_type=seen.item_type, currency=seen.currency
    )
    policy = policy_held(seen.pk)
    request = request_held(request_id)  # nobody revokes it meanwhile
    is_given = request.status == RequestStatus.APPROVED
    if policy.is_proposed and is_given and request.subject_hash == content_digest(policy):
        try:
            former = _former(others, policy.least_amount, policy.below_amount)
        except PolicyOverlaps:
            _drop(policy, request, system)
        else:
            use_requests(request_ids=[request_id], actor=system)
            _put_in_force(policy, former, system)
    elif policy.is_proposed and not request.is_open and latest_request_for(policy) == request:
        _drop(policy, request, system)
    elif (
        policy.retired_at is None and is_given and request.subject_hash == retirement_digest(policy)
    ):
        use_requests(request_ids=[request_id], actor=system)
        _retire(policy, system)
    return policy


def _as_kept(stage: dict[str, Any]) -> dict[str, Any]:
    """Only what differs from what goes without saying: a stage keeps the digest it always had."""
    return {name: what for name, what in stage.items() if (name, what) != ("within_limit", True)}


def content_digest(policy: Policy) -> str:
    """SHA-256 over what is approved: where, what for, from which amount, and by whom."""
    return _digest(
        policy,
        "define",
        {
            "currency": policy.currency,
            "least_amount": policy.least_amount.normalize(),
            "below_amount": policy.below_amount and policy.below_amount.normalize(),
            "stages": policy.stages,
            "needs_comment": policy.needs_comment,
            "attestation_text": policy.attestation_text,
            "due_after_hours": policy.due_after_hours,
            **_asked_besides(policy),
        },
    )


def _asked_besides(policy: Policy) -> dict[str, Any]:
    """Only what is asked for: a policy without it keeps the digest that it always had."""
    facts = {
        "evidence_kinds": sorted(policy.evidence_kinds),
        "resolution_required": policy.resolution_required,
        "bulk_allowed": policy.bulk_allowed,
        "escalation": policy.escalation,
        "expires_after_days": policy.expires_after_days,
    }
    return {name: fact for name, fact in facts.items() if fact}


def retirement_digest(policy: Policy) -> str:
    """SHA-256 over the wish to retire exactly this policy."""
    return _digest(policy, "retire", {"policy": policy.pk})


def _digest(policy: Policy, wish: str, facts: dict[str, Any]) -> str:
    content = {"entity": policy.entity_id, "item_type": policy.item_type, "wish": wish, **facts}
    return hashlib.sha256(canonical_bytes(content)).hexdigest()


def _ask(policy: Policy, digest: str, wish: str, actor: User) -> Request | None:
    """Ask for the approval that a policy for policies wants; None if there is none."""
    steps = ", then ".join(stage_in_words(stage) for stage in policy.stages)
    return request_approval(
        entity_id=policy.entity_id,
        item_type=POLICY_ITEM,
        subject=policy,
        subject_hash=digest,
        title=f"{wish} for {policy.kind}: {steps}"[:200],
        url=reverse("approvals:policy", args=[policy.pk]),
        maker=actor,
        actor=actor,
        notify_task=SETTLE_TASK,
    )


def _former(
    others: Sequence[Policy], least_amount: Decimal, below_amount: Decimal | None
) -> Policy | None:
    """The policy in force that one for this range replaces; refused if it cuts into another."""
    former = next((policy for policy in others if policy.least_amount == least_amount), None)
    require_disjoint([policy for policy in others if policy != former], least_amount, below_amount)
    return former


def _put_in_force(policy: Policy, former: Policy | None, actor: User) -> None:
    now = timezone.now()
    if former is not None:
        former.retired_at = now
        former.save(update_fields=["retired_at"])
        policy.version = former.version + 1
    policy.in_force_at = now
    policy.save(update_fields=["in_force_at", "version"])
    record(
        actor=actor,
        action="approvals.policy.define",
        subject=policy,
        item_type=policy.item_type,
        stages=policy.stages,
        version=policy.version,
    )


def _retire(policy: Policy, actor: User) -> None:
    policy.retired_at = timezone.now()
    policy.save(update_fields=["retired_at"])
    record(actor=actor, action="approvals.policy.retire", subject=policy)


def _drop(policy: Policy, request: Request, actor: User) -> None:
    policy.retired_at = timezone.now()
    policy.save(update_fields=["retired_at"])
    record(
        actor=actor,
        action="approvals.policy.drop",
        subject=policy,
        request=request.pk,
        decision=request.status,
    )
